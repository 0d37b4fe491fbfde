import { cutWords, type TraceRecord, tokenAt, traceByScan } from '@openledger/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { buildTraceIndex, countWordTokens, trace } from './trace-index.ts';

const piece = fc.constantFrom(
  ...[
    'the ',
    'the\n',
    'cat ',
    'cat',
    'sat ',
    'sat, ',
    ' on  ',
    'mat',
    '. ',
    '"',
    'ö ',
    '𝒳',
    '🙂',
    ' ',
    '(a) ',
  ],
);
const text = fc.array(piece, { maxLength: 60, size: 'max' }).map((parts) => parts.join(''));
const corpus = fc.array(text, { maxLength: 8, size: 'max' });

/** Texts with passages of the corpus planted between their own words. */
const planted = (texts: readonly string[]) =>
  fc
    .array(
      fc.oneof(
        text,
        fc.tuple(fc.nat(), fc.nat(), fc.nat(120)).map(([which, at, length]) => {
          const source = texts[which % Math.max(1, texts.length)] ?? '';
          return source.slice(at % (source.length + 1)).slice(0, length);
        }),
      ),
      { maxLength: 6, size: 'max' },
    )
    .map((parts) => parts.join(' '));

const recordsOf = (texts: readonly string[]): TraceRecord[] =>
  texts.map((each, i) => ({ hash: `h${i}`, text: each }));

const anyCase = corpus.chain((texts) =>
  fc.record({
    texts: fc.constant(texts),
    output: planted(texts),
    clientTexts: fc.array(planted(texts), { maxLength: 2 }),
    rules: fc.record({
      minWords: fc.integer({ min: 1, max: 6 }),
      maxRecords: fc.integer({ min: 1, max: 5 }),
    }),
    shardCharacters: fc.constantFrom(1, 100, 1e6),
    withdrawn: fc.subarray(texts.map((_, i) => `h${i}`)),
    only: fc.option(fc.subarray(texts.map((_, i) => `h${i}`)), { nil: undefined }),
    cut: fc.nat(texts.length),
  }),
);

test('finds exactly what the scan finds, over several indexes, withdrawals and restrictions', () => {
  fc.assert(
    fc.property(
      anyCase,
      ({ texts, output, clientTexts, rules, shardCharacters, withdrawn, only, cut }) => {
        const records = recordsOf(texts);
        const left = new Set(withdrawn);
        const kept = only && new Set(only);
        const indexes = [records.slice(0, cut), records.slice(Math.max(0, cut - 1))].map((part) =>
          buildTraceIndex(part, shardCharacters),
        );
        const inScope = records.filter(({ hash }) => !left.has(hash) && (!kept || kept.has(hash)));
        expect(
          trace(output, { scope: { indexes, withdrawn: left, only: kept }, clientTexts, rules }),
        ).toEqual(traceByScan(output, { records: inScope, clientTexts, rules }));
      },
    ),
    { numRuns: 1500 },
  );
});

test('the planted texts are worth the comparison: many cases have spans', () => {
  const cases = fc.sample(anyCase, { numRuns: 200, seed: 1 });
  const withSpans = cases.filter(({ texts, output, rules }) => {
    const scope = { indexes: [buildTraceIndex(recordsOf(texts))] };
    return trace(output, { scope, clientTexts: [], rules }).spans.length > 0;
  });
  expect(withSpans.length).toBeGreaterThan(60);
});

test('counts word tokens as looking at every position does, whatever the white space', () => {
  const tokensOf = (each: string) => {
    const words = cutWords(each);
    return Array.from({ length: words.count }, (_, i) => tokenAt(words, i));
  };
  fc.assert(
    fc.property(
      corpus,
      fc.array(piece, { minLength: 1, maxLength: 4 }),
      fc.nat(8),
      (texts, parts, cut) => {
        const wanted = tokensOf(parts.join(''));
        const occurrences = texts
          .map(tokensOf)
          .map((tokens) =>
            wanted.length === 0
              ? 0
              : tokens.filter((_, at) => wanted.every((token, k) => tokens[at + k] === token))
                  .length,
          );
        const records = recordsOf(texts);
        const indexes = [records.slice(0, cut), records.slice(Math.max(0, cut - 1))].map((part) =>
          buildTraceIndex(part, 150),
        );
        expect(countWordTokens(parts.join(''), { indexes })).toEqual({
          basis: 'word-tokens',
          words: 'words-1',
          occurrences: occurrences.reduce((sum, count) => sum + count, 0),
          records: occurrences.filter((count) => count > 0).length,
        });
      },
    ),
    { numRuns: 500 },
  );
});
