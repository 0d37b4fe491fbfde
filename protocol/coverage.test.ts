import fc from 'fast-check';
import { expect, test } from 'vitest';
import { COVERAGE_SCALE, coverage } from './coverage.ts';
import { type Shares, WEIGHT_ONE } from './split.ts';
import { traceByScan } from './trace-by-scan.ts';
import { cutWords, tokenAt, wordCount } from './words.ts';

const all = (to: string): Shares => [{ to, weight: WEIGHT_ONE }];
const half = WEIGHT_ONE / 2n;

type Owned = {
  readonly hash: string;
  readonly text: string;
  readonly owners: Shares;
  /** Where the record goes on as somebody else's. */
  readonly next?: { readonly word: number; readonly owners: Shares };
};

const ownersAt = ({ owners, next }: Owned, word: number): Shares =>
  next && word >= next.word ? next.owners : owners;

function cover(
  output: string,
  records: readonly Owned[],
  clientTexts: readonly string[] = [],
  maxRecords = 10,
) {
  const trace = traceByScan(output, { records, clientTexts, rules: { minWords: 2, maxRecords } });
  const byHash = new Map(records.map((record) => [record.hash, record]));
  return coverage(output, trace, {
    information: (word) => word.length,
    firstWordOf: (hash, start) => wordCount(byHash.get(hash)!.text.slice(0, start)),
    ownersOf: (hash, word) => ownersAt(byHash.get(hash)!, word),
  });
}

const sumOf = (parties: readonly { readonly information: bigint }[]) =>
  parties.reduce((sum, { information }) => sum + information, 0n);

test('a word that two owners could have supplied is theirs in equal parts', () => {
  const result = cover('aaa bbb cc d', [
    { hash: '1', text: 'aaa bbb', owners: all('ann') },
    { hash: '2', text: 'bbb cc', owners: all('bob') },
  ]);
  expect(result).toMatchObject({ total: 9n, covered: 8n, commons: 0n, echo: 0n });
  expect(result.parties).toEqual([
    { party: 'ann', information: (3n * COVERAGE_SCALE * 2n + 3n * COVERAGE_SCALE) / 2n },
    { party: 'bob', information: (3n * COVERAGE_SCALE + 2n * COVERAGE_SCALE * 2n) / 2n },
  ]);
});

test('a copy under the same owners gains nothing, in whatever order they are named', () => {
  const shared: Shares = [
    { to: 'ann', weight: half },
    { to: 'bob', weight: half },
  ];
  const once = [
    { hash: '1', text: 'aaa bbb', owners: shared },
    { hash: '2', text: 'aaa bbb', owners: all('eve') },
  ];
  const copied = [...once, { hash: '3', text: 'x aaa bbb', owners: [...shared].reverse() }];
  expect(cover('aaa bbb', copied).parties).toEqual(cover('aaa bbb', once).parties);
});

test("a word is its own owners', whoever has the words around it in the record", () => {
  const result = cover('aaa – bbb cc', [
    {
      hash: '1',
      text: 'x, aaa – bbb cc',
      owners: all('ann'),
      next: { word: 2, owners: all('bob') },
    },
  ]);
  expect(result.parties).toEqual([
    { party: 'ann', information: 3n * COVERAGE_SCALE },
    { party: 'bob', information: 5n * COVERAGE_SCALE },
  ]);
});

test("a copy that pads gains nothing while its copied words are their first owners'", () => {
  const word = fc.constantFrom('a', 'bb', 'ccc', 'dddd');
  const text = fc.array(word, { minLength: 2, maxLength: 8 }).map((parts) => parts.join(' '));
  fc.assert(
    fc.property(text, text, (honest, padding) => {
      const first = { hash: '1', text: honest, owners: all('ann') };
      const copy = {
        ...{ hash: '2', text: `${honest} ${padding}`, owners: all('ann') },
        next: { word: wordCount(honest), owners: all('eve') },
      };
      expect(cover(honest, [first, copy]).parties).toEqual(cover(honest, [first]).parties);
    }),
  );
});

test('owners that are not known are a fault, and not nobody', () => {
  const unknown = { hash: '1', text: 'aaa bbb', owners: [] };
  expect(() => cover('aaa bbb', [unknown])).toThrow('sum to 2^64');
});

test('commons are grounded and pay nobody; echoes are neither', () => {
  const records = ['1', '2'].map((hash) => ({ hash, text: 'aaa bbb', owners: all(hash) }));
  expect(cover('aaa bbb cc', records, [], 1)).toMatchObject({
    total: 8n,
    covered: 6n,
    commons: 6n,
    parties: [],
  });
  expect(cover('aaa bbb cc', records, ['aaa bbb'])).toMatchObject({
    total: 2n,
    covered: 0n,
    echo: 6n,
    parties: [],
  });
});

test('what is covered is divided to the last unit and equals a word by word account', () => {
  const word = fc.constantFrom('a', 'bb', 'ccc', 'dddd');
  const text = fc.array(word, { minLength: 2, maxLength: 12 }).map((parts) => parts.join(' '));
  const owners = fc.constantFrom<Shares>(all('ann'), all('bob'), [
    { to: 'ann', weight: 1n },
    { to: 'cy', weight: WEIGHT_ONE - 1n },
  ]);
  const next = fc.record({ word: fc.nat({ max: 12 }), owners });
  const records = fc.array(fc.record({ text, owners, next }), { maxLength: 5 });
  fc.assert(
    fc.property(text, records, fc.array(text, { maxLength: 1 }), (output, drawn, clientTexts) => {
      const owned = drawn.map((record, i) => ({ hash: `${i}`, ...record }));
      const result = cover(output, owned, clientTexts);
      expect(sumOf(result.parties)).toBe((result.covered - result.commons) * COVERAGE_SCALE);

      const trace = traceByScan(output, {
        records: owned,
        clientTexts,
        rules: { minWords: 2, maxRecords: 10 },
      });
      const words = cutWords(output);
      const expected = new Map<string, number>();
      for (let i = 0; i < words.count; i++) {
        const inside = ({ start, end }: { start: number; end: number }) =>
          start <= words.starts[i] && words.ends[i] <= end;
        if (trace.echoes.some(inside)) continue;
        const vectors = new Set(
          trace.spans.filter(inside).flatMap((span) =>
            span.records.map(({ hash, start }) => {
              const before = start + words.starts[i] - span.start;
              const record = owned[Number(hash)];
              return ownersAt(record, wordCount(record.text.slice(0, before)));
            }),
          ),
        );
        for (const vector of vectors) {
          for (const { to, weight } of vector) {
            const part =
              (tokenAt(words, i).length * Number(weight)) / Number(WEIGHT_ONE) / vectors.size;
            expected.set(to, (expected.get(to) ?? 0) + part);
          }
        }
      }
      for (const { party, information } of result.parties) {
        expect(Number(information) / Number(COVERAGE_SCALE)).toBeCloseTo(
          expected.get(party) ?? 0,
          9,
        );
      }
    }),
    { numRuns: 500 },
  );
});
