import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Span, TraceRecord } from './trace.ts';
import { standsAt, traceByScan } from './trace-by-scan.ts';
import { cutWords } from './words.ts';

const record = (hash: string, text: string): TraceRecord => ({ hash, text });
const trace = (
  output: string,
  records: readonly TraceRecord[],
  clientTexts: readonly string[] = [],
  rules = {},
) =>
  traceByScan(output, { records, clientTexts, rules: { minWords: 3, maxRecords: 10, ...rules } });
const passages = (output: string, spans: readonly Span[]) =>
  spans.map(({ start, end }) => output.slice(start, end));

/** The definition, word for word: try every run of the output against every text. */
function spansByTrying(output: string, texts: readonly string[], minWords: number): string[] {
  const words = cutWords(output);
  const spans: string[] = [];
  let reached = 0;
  for (let from = 0; from < words.count; from++) {
    for (let to = words.count; to > Math.max(from, reached); to--) {
      if (!words.wordFlags[from] || !words.wordFlags[to - 1]) continue;
      const passage = output.slice(words.starts[from], words.ends[to - 1]);
      if (!texts.some((text) => standsAt(passage, text) >= 0)) continue;
      if (words.wordFlags.subarray(from, to).reduce((sum, flag) => sum + flag, 0) >= minWords) {
        spans.push(`${words.starts[from]} ${passage}`);
        reached = to;
      }
      break;
    }
  }
  return spans;
}

test('a scan finds exactly the spans that trying every run finds', () => {
  const text = fc
    .array(fc.constantFrom('a', 'b', 'aa', 'ö', '𝒳', '.', ',', ' ', ' ', ' ', '\n', '  ', '🙂'), {
      maxLength: 40,
      size: 'max',
    })
    .map((parts) => parts.join(''));
  fc.assert(
    fc.property(
      text,
      fc.array(text, { maxLength: 4 }),
      fc.integer({ min: 1, max: 4 }),
      (output, texts, minWords) => {
        const { spans } = trace(
          output,
          texts.map((each, i) => record(`${i}`, each)),
          [],
          { minWords },
        );
        const found = spans.map(({ start, end }) => `${start} ${output.slice(start, end)}`);
        expect(found).toEqual(spansByTrying(output, texts, minWords));
        for (const span of spans) {
          const passage = output.slice(span.start, span.end);
          const holding = texts.flatMap((each, i) =>
            standsAt(passage, each) >= 0 ? [`${i}`] : [],
          );
          expect(span.records.map(({ hash }) => hash)).toEqual(holding);
          for (const { hash, start, end } of span.records)
            expect(texts[Number(hash)].slice(start, end)).toBe(passage);
        }
      },
    ),
    { numRuns: 2000 },
  );
});

test('a span begins and ends with a whole word, and white space must be the same', () => {
  const records = [record('r', 'Install it: fast, small and free.\nThen run it')];
  const output = '"fast, small and free." Then run it';
  expect(passages(output, trace(output, records).spans)).toEqual([
    'fast, small and free',
    'Then run it',
  ]);
  expect(trace('concat sat on mats', [record('r', 'cat sat on mat')]).spans).toEqual([]);
});

test('with delimiters a span is kept inside a sentence or a line, and goes on behind as another', () => {
  const text = 'Say it: one two three four. Five six seven\neight nine ten';
  const spansWith = (delimiters?: string) =>
    passages(text, trace(text, [record('r', `> ${text}`)], [], { delimiters }).spans);
  expect(spansWith()).toEqual([text]);
  expect(spansWith('.\n')).toEqual([
    'Say it: one two three four',
    'Five six seven',
    'eight nine ten',
  ]);
  expect(spansWith(':')).toEqual(['one two three four. Five six seven\neight nine ten']);
});

test('every record of a span is named, with its first place; too many make it commons', () => {
  const text = 'one two three';
  const records = ['c', 'a', 'b'].map((hash) => record(hash, `- ${text}, ${text}`));
  const [span] = trace(text, records).spans;
  expect(span.records).toEqual(['a', 'b', 'c'].map((hash) => ({ hash, start: 2, end: 15 })));
  const [common] = trace(text, records, [], { maxRecords: 2 }).spans;
  expect(common).toMatchObject({ commons: true, records: [] });
});

test('what the client supplied is an echo, also where it is only part of a span', () => {
  const text = 'one two three four five six seven';
  const part = trace(text, [record('r', text)], ['say two three four please']);
  expect(part.echoes).toEqual([{ start: 4, end: 18 }]);
  expect(part.spans[0].echo).toBe(false);
  const whole = trace(text, [record('r', text)], [text.slice(0, 18), text.slice(8)]);
  expect(whole.echoes).toEqual([{ start: 0, end: text.length }]);
  expect(whole.spans[0].echo).toBe(true);
  expect(trace(text, [record('r', text)], ['two three']).echoes).toEqual([]);
});
