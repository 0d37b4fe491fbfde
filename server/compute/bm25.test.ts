import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createBm25 } from './bm25.ts';

const termsOf = (text: string): readonly string[] =>
  text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];

/** The formula, record by record, over the records that are left. */
function searchByFormula(records: readonly (readonly [string, string])[], query: string) {
  const all = records.map(([id, text]) => ({ id, terms: termsOf(text) }));
  const average = all.reduce((sum, { terms }) => sum + terms.length, 0) / all.length;
  return all
    .map(({ id, terms }) => {
      let score = 0;
      for (const term of new Set(termsOf(query))) {
        const f = terms.filter((each) => each === term).length;
        const n = all.filter((each) => each.terms.includes(term)).length;
        const idf = Math.log(1 + (all.length - n + 0.5) / (n + 0.5));
        score += (idf * f * 2.2) / (f + 1.2 * (0.25 + (0.75 * terms.length) / average));
      }
      return { id, score };
    })
    .filter(({ score }) => score > 0);
}

const text = fc
  .array(fc.constantFrom('a', 'B', 'c', 'Über', 'd,', '--'), { maxLength: 12 })
  .map((parts) => parts.join(' '));

test('scores as the formula does over the records that are left, best first, in every limit', () => {
  const records = fc.uniqueArray(fc.tuple(fc.string({ maxLength: 3 }), text), {
    selector: ([id]) => id,
    maxLength: 12,
  });
  fc.assert(
    fc.property(
      records,
      fc.array(fc.nat(11)),
      text,
      fc.nat(14),
      fc.constantFrom('a', 'b', 'zz'),
      (drawn, gone, query, limit, from) => {
        const bm25 = createBm25();
        for (const [id, each] of drawn) bm25.add(id, each);
        const withdrawn = new Set(gone.flatMap((i) => (drawn[i] ? [drawn[i][0]] : [])));
        for (const id of withdrawn) expect(bm25.withdraw(id)).toBe(true);
        const left = drawn.filter(([id]) => !withdrawn.has(id));
        expect(bm25.size()).toBe(left.length);

        const filter = (id: string) => id < from;
        const expected = searchByFormula(left, query).filter(({ id }) => filter(id));
        const found = bm25.search(query, { limit: 100, filter });
        expect(found.map(({ id }) => id).sort()).toEqual(expected.map(({ id }) => id).sort());
        for (const { id, score } of found) {
          expect(score).toBeCloseTo(expected.find((each) => each.id === id)?.score ?? 0, 9);
        }
        for (let i = 1; i < found.length; i++) {
          const [a, b] = [found[i - 1], found[i]];
          expect(a.score > b.score || (a.score === b.score && a.id < b.id)).toBe(true);
        }
        expect(bm25.search(query, { limit, filter })).toEqual(found.slice(0, limit));
      },
    ),
    { numRuns: 500 },
  );
});

test('a rare word outweighs a common one, and a withdrawn record is gone', () => {
  const bm25 = createBm25();
  bm25.add('express', 'Express is a web framework for node');
  bm25.add('fastify', 'Fastify is a fast web framework for node');
  bm25.add('glob', 'match files for node with patterns');
  const best = () => bm25.search('is FASTIFY a web framework', { limit: 1 }).map(({ id }) => id);
  expect(best()).toEqual(['fastify']);
  expect(bm25.withdraw('fastify')).toBe(true);
  expect(bm25.withdraw('fastify')).toBe(false);
  expect(best()).toEqual(['express']);
  expect(() => bm25.add('glob', 'again')).toThrow('before');
});
