/** Which passages of an answer are cited, beside what the receipt's trace finds. */
import { sha256Hex, type TraceRecord, traceByScan } from '@openledger/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { quotesIn } from './ground.ts';

const rules = { minWords: 3, maxRecords: 64 };
const recordOf = (text: string): TraceRecord => ({ hash: sha256Hex(text), text });

const OAK = 'The oak by the ford was planted in the year of the great flood.';
const ELM = 'An elm drinks more than an oak does.';

test('a passage is cited with its place in the answer and in the record', () => {
  const output = 'They say: the oak by the ford was planted long ago.';
  const { quotes, groundedWordsPpm } = quotesIn(output, {
    ...{ records: [recordOf(OAK), recordOf(ELM)], clientTexts: ['Which oak?'], rules },
  });
  const text = 'oak by the ford was planted';
  const [start, at] = [output.indexOf(text), OAK.indexOf(text)];
  expect(quotes).toEqual([
    {
      ...{ text, start, end: start + text.length, recordHash: sha256Hex(OAK) },
      inRecord: { start: at, end: at + text.length },
    },
  ]);
  expect(groundedWordsPpm).toBe(545_454); // six words of eleven: "the" is written otherwise in the record
});

test('what the client sent itself is not cited, and counts for nothing', () => {
  const clientTexts = [`Look: ${OAK}`];
  const of = { records: [recordOf(OAK), recordOf(ELM)], clientTexts, rules };
  expect(quotesIn(OAK, of)).toEqual({ quotes: [], groundedWordsPpm: 0 });
  const both = quotesIn(`${OAK} ${ELM}`, of);
  expect(both.quotes.map(({ recordHash }) => recordHash)).toEqual([sha256Hex(ELM)]);
  expect(both.groundedWordsPpm).toBe(1_000_000); // of what is new
});

test('an answer that repeats nothing has no citation, whatever its client sent', () => {
  const of = { records: [recordOf(OAK)], clientTexts: ['Nothing of it is theirs.'], rules };
  expect(quotesIn('Nothing of it is theirs.', of)).toEqual({ quotes: [], groundedWordsPpm: 0 });
});

/** A few phrases over and over, so that runs are found again; symbols and wide characters, so that offsets are easily wrong. */
const phrases = ['a b', 'c, d e', '𝒳 ü f', '— g h i', 'j\nk', 'l'];
const text = fc
  .array(fc.constantFrom(...phrases), { minLength: 1, maxLength: 8 })
  .map((parts) => parts.join(' '));

test('each citation lies in a passage that the receipt counts, and is that passage where the model learned nothing', () => {
  fc.assert(
    fc.property(
      ...[text, fc.array(text, { maxLength: 4 }), fc.array(text, { maxLength: 3 })],
      fc.array(text, { maxLength: 2 }),
      (output, retrieved, learned, clientTexts) => {
        const records = [...new Set(retrieved)].map(recordOf);
        const all = [...new Set([...retrieved, ...learned])].map(recordOf);
        const { quotes } = quotesIn(output, { records, clientTexts, rules });
        const paid = traceByScan(output, { records: all, clientTexts, rules }).spans.filter(
          (span) => !span.echo,
        );
        for (const { start, end, text, recordHash, inRecord } of quotes) {
          const record = records.find(({ hash }) => hash === recordHash)!;
          expect(record.text.slice(inRecord.start, inRecord.end)).toBe(text);
          expect(output.slice(start, end)).toBe(text);
          expect(paid.some((span) => span.start <= start && end <= span.end)).toBe(true);
        }
        if (all.length > records.length) return;
        expect(quotes.map(({ start, end, recordHash }) => [start, end, recordHash])).toEqual(
          paid.flatMap(({ start, end, records }) => records.map(({ hash }) => [start, end, hash])),
        );
      },
    ),
    { numRuns: 500 },
  );
});
