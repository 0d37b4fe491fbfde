import fc from 'fast-check';
import { expect, test } from 'vitest';
import { buildBm25 } from '../../compute/bm25.ts';
import { GAINS, type Question, scoreOf } from './measure.ts';
import { type Passage, refinedPassages } from './passages.ts';

/** nDCG@10 as its paper writes it: slow, obvious, in fractions. */
function referenceScore(passages: readonly Passage[], questions: readonly Question[]): number {
  const sorted = [...passages].sort((a, b) => (a.hash < b.hash ? -1 : 1));
  const index = buildBm25(sorted.map(({ text }) => text));
  let sum = 0;
  for (const { question, documents } of questions) {
    const ranked: string[] = [];
    for (const hit of index.search(question, { limit: 200 })) {
      const { document } = sorted[hit.document];
      if (!ranked.includes(document)) ranked.push(document);
    }
    let [gained, ideal] = [0, 0];
    for (let place = 1; place <= 10; place++) {
      const worth = 1 / Math.log2(place + 1);
      if (documents.includes(ranked[place - 1])) gained += worth;
      if (place <= documents.length) ideal += worth;
    }
    sum += gained / ideal;
  }
  return (sum / questions.length) * 1e6;
}

const words = ['tide', 'pier', 'lamp', 'gull', 'rope', 'salt', 'boat', 'reef'];
const text = fc
  .array(fc.constantFrom(...words), { minLength: 1, maxLength: 12 })
  .map((w) => w.join(' '));
const documents = ['a', 'b', 'c', 'd', 'e'];
const passages = fc
  .array(fc.tuple(text, fc.constantFrom(...documents)), { maxLength: 40 })
  .map((list) => list.map(([one, document], i) => ({ hash: `h${i}`, text: one, document })));
const questions = fc.array(
  fc.record({
    question: text,
    documents: fc.uniqueArray(fc.constantFrom(...documents), { minLength: 1 }),
  }),
  { minLength: 1, maxLength: 6 },
);
const mapOf = (list: readonly Passage[]) => new Map(list.map((one) => [one.hash, one]));

test('gains are those of the paper, in whole millionths', () => {
  expect(GAINS).toEqual(
    Array.from({ length: 10 }, (_, i) => BigInt(Math.floor(1e6 / Math.log2(i + 2)))),
  );
});

test('the score agrees with the formula in fractions, to a few millionths', async () => {
  await fc.assert(
    fc.asyncProperty(passages, questions, async (list, asked) => {
      const score = await scoreOf(mapOf(list), asked);
      expect(Number.isInteger(score)).toBe(true);
      expect(Math.abs(score - referenceScore(list, asked))).toBeLessThan(10);
    }),
  );
});

test('the score does not hang on the order of passages', async () => {
  await fc.assert(
    fc.asyncProperty(passages, questions, async (list, asked) => {
      expect(await scoreOf(mapOf(list.toReversed()), asked)).toBe(
        await scoreOf(mapOf(list), asked),
      );
    }),
  );
});

test('a refinement that puts a passage in its own place changes no score', async () => {
  await fc.assert(
    fc.asyncProperty(passages, questions, async (list, asked) => {
      const work = list.map(({ hash, text: same }) => ({
        ...{ parent: hash, refinement: 'null', adds: false },
        children: [{ hash, text: same, lines: [1] }],
      }));
      const after = refinedPassages(mapOf(list), work);
      expect(await scoreOf(after, asked)).toBe(await scoreOf(mapOf(list), asked));
    }),
  );
});
