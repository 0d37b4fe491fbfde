import fc from 'fast-check';
import { expect, test } from 'vitest';
import { buildInfinityGram, nextTokens } from './infinity-gram.ts';

const token = fc.integer({ min: 1, max: 4 });
const documents = fc.array(fc.array(token, { maxLength: 30 }), { maxLength: 5 });

test('counts what looking at every place counts', () => {
  fc.assert(
    fc.property(
      documents,
      fc.array(fc.nat(5), { maxLength: 8 }),
      fc.integer({ min: 1, max: 3 }),
      (docs, context, minCount) => {
        const stream =
          docs.length === 0 ? [] : [...docs.flatMap((document) => [0, ...document]), 0];
        const nextOf = (length: number) =>
          stream.flatMap((next, at) => {
            const end = context.slice(context.length - length);
            return at >= length && end.every((wanted, k) => stream[at - length + k] === wanted)
              ? [next]
              : [];
          });
        let matchLength = Math.min(6, context.length);
        while (matchLength > 0 && nextOf(matchLength).length < minCount) matchLength -= 1;
        const next = nextOf(matchLength);
        const counts = [...new Set(next)]
          .sort()
          .map((each) => [each, next.filter((one) => one === each).length]);

        const gram = buildInfinityGram(docs, { vocabSize: 6, separatorId: 0 });
        const result = nextTokens(gram, context, { maxLength: 6, minCount });
        expect({ ...result, counts: [...result.counts] }).toEqual({
          matchLength,
          counts,
          total: next.length,
        });
      },
    ),
    { numRuns: 1000 },
  );
});

test('a document that is quoted to its end is followed by the separator', () => {
  const gram = buildInfinityGram(
    [
      [5, 6, 7],
      [6, 8],
    ],
    { vocabSize: 10, separatorId: 0 },
  );
  expect(nextTokens(gram, [9, 5, 6])).toEqual({
    matchLength: 2,
    counts: new Map([[7, 1]]),
    total: 1,
  });
  expect(nextTokens(gram, [5, 6, 7]).counts).toEqual(new Map([[0, 1]]));
  expect(nextTokens(gram, [0]).counts).toEqual(
    new Map([
      [5, 1],
      [6, 1],
    ]),
  );
});
