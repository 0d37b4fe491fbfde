import fc from 'fast-check';
import { expect, test } from 'vitest';
import { buildBm25 } from './bm25.ts';
import { createRandom } from './random.ts';

const termsOf = (text: string): readonly string[] =>
  text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];

/** The formula, document by document. */
function searchByFormula(texts: readonly string[], query: string) {
  const all = texts.map(termsOf);
  const average = all.reduce((sum, terms) => sum + terms.length, 0) / all.length;
  const idfs = new Map<string, number>();
  for (const term of termsOf(query)) {
    const n = all.filter((terms) => terms.includes(term)).length;
    idfs.set(term, Math.log(1 + (all.length - n + 0.5) / (n + 0.5)));
  }
  return all
    .map((terms, document) => {
      let score = 0;
      for (const [term, idf] of idfs) {
        const f = terms.filter((each) => each === term).length;
        score += (idf * f * 2.2) / (f + 1.2 * (0.25 + (0.75 * terms.length) / average));
      }
      return { document, score };
    })
    .filter(({ score }) => score > 0);
}

/** Asserts that a search finds what the formula finds, in its order, and that a limit changes nothing but the length. */
function expectExact(
  texts: readonly string[],
  query: string,
  { limit, filter }: { readonly limit: number; readonly filter: (document: number) => boolean },
): void {
  const bm25 = buildBm25(texts);
  const expected = searchByFormula(texts, query).filter(({ document }) => filter(document));
  const scoreOf = new Map(expected.map(({ document, score }) => [document, score]));
  const found = bm25.search(query, { limit: texts.length + 1, filter }); // too many to prune
  expect(found.map(({ document }) => document).sort()).toEqual([...scoreOf.keys()].sort());
  for (const { document, score } of found) expect(score).toBeCloseTo(scoreOf.get(document) ?? 0, 9);
  for (let i = 1; i < found.length; i++) {
    const [a, b] = [found[i - 1], found[i]];
    expect(a.score > b.score || (a.score === b.score && a.document < b.document)).toBe(true);
  }
  expect(bm25.search(query, { limit, filter })).toEqual(found.slice(0, limit));
}

const text = fc
  .array(fc.constantFrom('a', 'B', 'c', 'Über', 'd,', '--'), { maxLength: 12 })
  .map((parts) => parts.join(' '));

test('scores as the formula does, best first, in every limit', () => {
  fc.assert(
    fc.property(
      fc.array(text, { maxLength: 12 }),
      text,
      fc.nat(14),
      fc.nat(3),
      (texts, query, limit, passedOver) => {
        expectExact(texts, query, { limit, filter: (document) => document % 4 !== passedOver });
      },
    ),
    { numRuns: 500 },
  );
});

test('prunes nothing that belongs to the best, over many windows of documents with rare and common words', () => {
  const random = createRandom(5);
  const word = () => `w${Math.floor(300 ** random.uniform()) - 1}`;
  const words = (count: number) => Array.from({ length: count }, word).join(' ');
  const texts = Array.from({ length: 9_000 }, () => words(1 + random.below(20)));
  for (let i = 0; i < 6; i++) {
    const filter = i % 3 === 0 ? (document: number) => document % 2 === 0 : () => true;
    expectExact(texts, words(1 + random.below(6)), { limit: 1 + random.below(12), filter });
  }
});

test('a rare word outweighs a common one', () => {
  const texts = [
    'Express is a web framework for node',
    'Fastify is a fast web framework for node',
    'match files for node with patterns',
  ];
  expect(buildBm25(texts).search('is FASTIFY a web framework', { limit: 1 })[0].document).toBe(1);
});
