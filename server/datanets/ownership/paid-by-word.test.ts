/** What copies, splits, shells and padding gain where words are quoted: nothing, to the last 2^-128 of a unit. */
import {
  COVERAGE_SCALE,
  type Coverage,
  coverage,
  isUnpaid,
  ownersByWord,
  traceByScan,
  WEIGHT_ONE,
  wordCount,
} from '@openledger/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type AcceptedRecord, createOwnership } from './ownership.ts';
import { createTokenIds } from './token-ids.ts';

type Offered = { readonly text: string; readonly party: string };

/** Groups in the order of their arrival, quoted by an output, with every word worth the same. */
function paidFor(output: string, groups: readonly (readonly Offered[])[]): Coverage {
  const ids = createTokenIds();
  const ownership = createOwnership();
  const records = groups.flatMap((group) => {
    const accepted = group.map(({ text, party }): AcceptedRecord => {
      const cut = ids.tokenize(text);
      const owners = [{ party, weight: WEIGHT_ONE }];
      return { ...cut, claims: [{ tokens: cut.tokens.length, owners }] };
    });
    const first = ownership.accept(accepted);
    return group.map(({ text }, i) => ({ text, number: first + i }));
  });
  ownership.closeCommons();
  // All tokens are words here, so runs of tokens are runs of words.
  const known = records.map(({ text, number }, i) => ({
    ...{ hash: `${i}`, text },
    ownersOf: ownersByWord(
      ownership.runsOf(number).map(({ tokens, owners }) => ({ words: tokens, owners })),
    ),
  }));
  const trace = traceByScan(output, {
    records: known,
    clientTexts: [],
    rules: { minWords: 8, maxRecords: 1000 },
  });
  return coverage(output, trace, {
    information: () => 1,
    firstWordOf: (hash, start) => wordCount(known[Number(hash)].text.slice(0, start)),
    ownersOf: (hash, word) => known[Number(hash)].ownersOf(word),
  });
}

const earns = ({ parties }: Coverage, coalition: readonly string[]): bigint =>
  parties.reduce(
    (sum, { party, information }) => sum + (coalition.includes(party) ? information : 0n),
    0n,
  );

/** Few words, so that windows repeat and overlap. */
const words = (least: number, most: number) =>
  fc.array(fc.constantFrom(...'abcdefghijkl'), { minLength: least, maxLength: most });
const joined = (list: readonly string[]) => list.join(' ');
const honest = fc.array(words(8, 40).map(joined), { minLength: 1, maxLength: 5 });

test('a quoted word is paid to whoever had it first, and nobody else has anything of it', () => {
  const text = Array.from({ length: 20 }, (_, i) => `w${i}`).join(' ');
  const padding = Array.from({ length: 20 }, (_, i) => `p${i}`).join(' ');
  const result = paidFor(text, [
    [{ text, party: 'ann' }],
    [{ text: `${padding} ${text} ${padding}`, party: 'eve' }],
  ]);
  expect(result.parties).toEqual([{ party: 'ann', information: 20n * COVERAGE_SCALE }]);
});

test('whoever comes later with copies of all kinds gains nothing by any output that quotes what was there', () => {
  const attack = fc.record({
    pieces: fc.array(
      fc.record({ of: fc.nat(), from: fc.nat(), length: fc.integer({ min: 1, max: 40 }) }),
      { minLength: 1, maxLength: 6 },
    ),
    padding: words(0, 30),
    before: fc.boolean(),
    identities: fc.integer({ min: 1, max: 4 }),
  });
  fc.assert(
    fc.property(honest, attack, fc.nat(), (texts, { pieces, padding, before, identities }, of) => {
      const first = texts.map((text, i) => [{ text, party: `honest-${i % 3}` }]);
      const copies = pieces.map(({ of, from, length }, i) => {
        const source = texts[of % texts.length].split(' ');
        const piece = source.slice(from % source.length, (from % source.length) + length);
        const text = joined(before ? [...padding, ...piece] : [...piece, ...padding]);
        return { text, party: `thief-${i % identities}` };
      });
      const quoted = texts[of % texts.length];
      const without = paidFor(quoted, first);
      const withCopies = paidFor(quoted, [...first, ...copies.map((copy) => [copy])]);
      const thieves = Array.from({ length: identities }, (_, i) => `thief-${i}`);
      const victims = ['honest-0', 'honest-1', 'honest-2'];
      expect(earns(withCopies, thieves)).toBe(0n);
      expect(earns(withCopies, victims)).toBe(earns(without, victims));
    }),
    { numRuns: 300 },
  );
});

test('whoever splits himself and his texts, or sends them twice, earns exactly what he did as one', () => {
  const split = fc.record({
    cuts: fc.array(fc.nat(), { maxLength: 4 }),
    twice: fc.boolean(),
    identities: fc.integer({ min: 1, max: 4 }),
  });
  fc.assert(
    fc.property(words(16, 60), honest, split, (own, others, { cuts, twice, identities }) => {
      const text = joined(own);
      const rest = others.map((other) => [{ text: other, party: 'other' }]);
      const before = paidFor(text, [[{ text, party: 'self-0' }], ...rest]);
      // He keeps each part long enough to be quoted, and the whole as well.
      const ends = [...new Set(cuts.map((cut) => 8 + (cut % (own.length - 7))))].sort(
        (a, b) => a - b,
      );
      const parts = ends.map((end) => joined(own.slice(0, end)));
      const sent = [text, ...parts, ...(twice ? [text] : [])].map((part, i) => [
        { text: part, party: `self-${i % identities}` },
      ]);
      const after = paidFor(text, [...sent, ...rest]);
      const selves = Array.from({ length: identities }, (_, i) => `self-${i}`);
      expect(earns(after, selves)).toBe(earns(before, selves));
    }),
    { numRuns: 300 },
  );
});

test('what is withdrawn stays reserved: its copier is not paid for it, and neither is anybody else', () => {
  const text = Array.from({ length: 20 }, (_, i) => `w${i}`).join(' ');
  const result = paidFor(text, [
    [{ text, party: 'treasury:commons' }],
    [{ text: `more ${text}`, party: 'eve' }],
  ]);
  expect(result).toMatchObject({ covered: 20n, commons: 20n, parties: [] });
  expect(isUnpaid([{ to: 'treasury:commons', weight: WEIGHT_ONE }])).toBe(true);
});
