import fc from 'fast-check';
import { expect, test } from 'vitest';
import { COVERAGE_SCALE, coverage } from './coverage.ts';
import { type Shares, WEIGHT_ONE } from './split.ts';
import { traceByScan } from './trace-by-scan.ts';
import { cutWords, tokenAt } from './words.ts';

const all = (to: string): Shares => [{ to, weight: WEIGHT_ONE }];
const half = WEIGHT_ONE / 2n;

type Owned = { readonly hash: string; readonly text: string; readonly owners: Shares };

function cover(
  output: string,
  records: readonly Owned[],
  clientTexts: readonly string[] = [],
  maxRecords = 10,
) {
  const trace = traceByScan(output, { records, clientTexts, rules: { minWords: 2, maxRecords } });
  const owners = new Map(records.map((record) => [record.hash, record.owners]));
  return coverage(output, trace, {
    information: (word) => word.length,
    ownersOf: (hash) => owners.get(hash) ?? [],
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
  const records = fc.array(fc.record({ text, owners }), { maxLength: 5 });
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
          trace.spans
            .filter(inside)
            .flatMap((span) => span.records.map(({ hash }) => owned[Number(hash)].owners)),
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
