import fc from 'fast-check';
import { expect, test } from 'vitest';
import { coverage } from './coverage.ts';
import { Evidence, evidenceOf, measuredFrom } from './evidence.ts';
import { sha256Hex } from './hash.ts';
import { groundedPpm } from './shares.ts';
import { type Shares, WEIGHT_ONE } from './split.ts';
import { traceByScan } from './trace-by-scan.ts';
import { wordCount } from './words.ts';

/** Few words, so that passages, overlaps, echoes and commons abound. */
const text = fc
  .array(fc.constantFrom('aa', 'b', 'ccc', 'd', '–', 'ée', ',', '\n'), { maxLength: 40 })
  .map((words) => words.join(' '));
const owners = fc.array(fc.bigInt(0n, WEIGHT_ONE), { maxLength: 2 }).map((cuts): Shares => {
  const edges = [0n, ...cuts.sort((a, b) => (a < b ? -1 : 1)), WEIGHT_ONE];
  return edges.slice(1).map((edge, i) => ({ to: `pty_${i}`, weight: edge - edges[i] }));
});
/** Its words are by turns of two owners. */
const record = fc.record({ text, owners: fc.tuple(owners, owners) });

test('from evidence alone the coverage game comes out as it did from the texts', () => {
  fc.assert(
    fc.property(
      text,
      fc.array(record, { maxLength: 5 }),
      fc.array(text, { maxLength: 2 }),
      fc.integer({ min: 1, max: 4 }),
      (output, owned, clientTexts, maxRecords) => {
        const byHash = new Map(owned.map((one) => [sha256Hex(one.text), one]));
        const records = [...byHash].map(([hash, one]) => ({ hash, text: one.text }));
        const rules = { minWords: 2, maxRecords };
        const trace = traceByScan(output, { records, clientTexts, rules });
        const information = (word: string) => word.length * 1000;
        const ownersOf = (hash: string, word: number) => byHash.get(hash)!.owners[word % 2];
        const firstWordOf = (hash: string, start: number) =>
          wordCount(byHash.get(hash)!.text.slice(0, start));
        const expected = coverage(output, trace, { information, firstWordOf, ownersOf });

        const evidence = evidenceOf({
          ...{ output, trace, rules, information },
          confidencePpm: 500_000,
          coverage: expected,
          firstWordOf,
          snapshotOf: () => `snp_${'0'.repeat(32)}`,
        });
        const measured = measuredFrom(evidence, ownersOf);
        expect(measured).toEqual({ ...expected, echo: 0n });
        expect(evidence.groundedPpm).toBe(groundedPpm(expected));
        expect(evidence.spans).toHaveLength(trace.spans.length);
      },
    ),
    { numRuns: 500 },
  );
});

const span = {
  start: 0,
  end: 5,
  firstWord: 0,
  words: 2,
  echo: false,
  commons: false,
  information: [3, 4],
  records: [
    {
      record: 'a'.repeat(64),
      snapshot: `snp_${'0'.repeat(32)}` as const,
      ...{ start: 7, end: 12, firstWord: 2 },
    },
  ],
};
const evidence = {
  algorithm: 'trace-1' as const,
  minWords: 2,
  maxRecords: 3,
  confidencePpm: 1,
  information: { total: 9, covered: 7 },
  groundedPpm: 0,
  spans: [span],
};

test.each([
  ['an empty span', { ...span, end: 0 }],
  ['fewer numbers than words', { ...span, information: [3] }],
  ['fractions', { ...span, information: [3, 0.5] }],
  ['commons that name records', { ...span, commons: true }],
  ['no records without commons', { ...span, records: [] }],
  ['the same record twice', { ...span, records: [...span.records, ...span.records] }],
  ['a record of another length', { ...span, records: [{ ...span.records[0], end: 13 }] }],
])('refuses %s', (_, changed) => {
  expect(Evidence.safeParse(evidence).success).toBe(true);
  expect(Evidence.safeParse({ ...evidence, spans: [changed] }).success).toBe(false);
});

test('refuses spans out of order and spans inside spans', () => {
  const inner = { ...span, start: 0, end: 5 };
  expect(Evidence.safeParse({ ...evidence, spans: [span, inner] }).success).toBe(false);
});

test('two spans cannot disagree about a word', () => {
  const second = { ...span, start: 1, end: 6, firstWord: 1, information: [5, 5] };
  const all: Shares = [{ to: 'pty_1', weight: WEIGHT_ONE }];
  expect(() => measuredFrom({ ...evidence, spans: [span, second] }, () => all)).toThrow('disagree');
});
