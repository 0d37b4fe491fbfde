import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createAcceptedWindows } from './accepted-windows.ts';

const K = 4;
const text = fc
  .array(fc.constantFrom('a', 'b', 'c'), { maxLength: 14 })
  .map((words) => words.join(' '));

/** Looks for every window in every text. */
function ownTokensByRule(accepted: readonly string[], asked: string): number {
  const wordsOf = (one: string) => one.split(' ').filter((word) => word !== '');
  const windowsOf = (words: readonly string[]) => {
    const length = Math.min(K, words.length);
    return words.slice(0, words.length - length + 1).map((_, at) => words.slice(at, at + length));
  };
  const known = new Set(accepted.flatMap((one) => windowsOf(wordsOf(one)).map(String)));
  const words = wordsOf(asked);
  const isKnown = words.map(() => false);
  for (const [at, window] of windowsOf(words).entries()) {
    if (known.has(String(window))) isKnown.fill(true, at, at + window.length);
  }
  return isKnown.filter((one) => !one).length;
}

test('counts the tokens that lie in no accepted window, as the slow rule does, and keeps no trace of what was asked', () => {
  fc.assert(
    fc.property(
      fc.array(text, { maxLength: 6 }),
      fc.array(text, { maxLength: 6 }),
      (all, asked) => {
        const windows = createAcceptedWindows(K);
        for (const [i, one] of all.entries()) {
          const before = all.slice(0, i);
          for (const question of asked) {
            const { ownTokens } = windows.shareOf(question);
            if (ownTokens !== ownTokensByRule(before, question)) return false;
          }
          windows.accept(one);
        }
        return asked.every(
          (question) => windows.shareOf(question).ownTokens === ownTokensByRule(all, question),
        );
      },
    ),
  );
});

test('a text with words that nobody has used is its own there, and costs no memory', () => {
  const windows = createAcceptedWindows();
  windows.accept('one two three four five six seven eight nine');
  const size = windows.size();
  const asked = 'one two three four five six seven eight nine unheard of words';
  expect(windows.shareOf(asked)).toEqual({ tokens: 12, ownTokens: 3 });
  expect(windows.size()).toBe(size);
});
