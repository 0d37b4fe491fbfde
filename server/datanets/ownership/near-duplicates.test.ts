import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { createRandom } from '../../compute/random.ts';
import { findNearDuplicates } from './near-duplicates.ts';
import { createTokenIds } from './token-ids.ts';

const always = () => true;
const { below, uniform } = createRandom(7);

/** Tokens that stand nowhere else, unless `from` says so. */
const fresh = (length: number, from = below(2 ** 30)) =>
  Int32Array.from({ length }, (_, i) => from + i);
/** Every nth token another one. */
const shredded = (text: Int32Array, n: number) =>
  text.map((token, i) => (i % n === n - 1 ? 2 ** 30 + below(2 ** 20) : token));

test('finds a text in which every seventh or fifth word was changed, and says which tokens are disputed', () => {
  const original = fresh(140);
  for (const n of [5, 7]) {
    const copy = Int32Array.from([...fresh(30), ...shredded(original, n), ...fresh(20)]);
    const [found, ...others] = findNearDuplicates([fresh(100), original, copy], always);
    expect(others).toEqual([]);
    expect(found).toMatchObject({ earlier: 1, later: 2 });
    expect(found.spans).toHaveLength(1);
    const [from, to] = found.spans[0];
    expect(from).toBe(30);
    expect(to).toBeGreaterThan(30 + 140 - 8);
    expect(to).toBeLessThanOrEqual(30 + 140);
    expect(found.similarityPpm).toBe(Math.floor(((to - from) * 1_000_000) / copy.length));
  }
});

test('leaves alone what windows find, what is in another order, what is short, and what nobody may dispute', () => {
  const original = fresh(200);
  const verbatim = Int32Array.from([...fresh(20), ...original]);
  const pieces = Array.from({ length: 40 }, (_, i) => [...original.slice(5 * i, 5 * i + 5)]);
  const reordered = Int32Array.from(pieces.reverse().flat());
  expect(findNearDuplicates([original, verbatim], always)).toEqual([]);
  expect(findNearDuplicates([original, reordered], always)).toEqual([]);
  expect(findNearDuplicates([original, shredded(original.slice(0, 20), 6)], always)).toEqual([]);
  expect(findNearDuplicates([original, shredded(original, 6)], () => false)).toEqual([]);
});

test('a template that many fill in makes none of them alike', () => {
  const template = fresh(60);
  const filled = Array.from({ length: 100 }, () => shredded(template, 6));
  expect(findNearDuplicates(filled, always)).toEqual([]);
  // The same by two hands alone is a copy.
  expect(findNearDuplicates(filled.slice(0, 2), always)).toHaveLength(1);
});

const corpus = new URL('../../../../shared/data/corpora/', import.meta.url);
const absent = existsSync(corpus) ? '' : ' (skipped: ../shared/data is not here)';

test.skipIf(absent)(
  `on real pages, of 200 changed copies and 6,762 honest pages few are judged wrong${absent}`,
  (context) => {
    const pages = readFileSync(new URL('tldr/pages_2025-12-31.jsonl', corpus), 'utf8')
      .trim()
      .split('\n')
      .map((line): string => JSON.parse(line).text);
    const eips = readFileSync(new URL('eips/eips.jsonl', corpus), 'utf8')
      .trim()
      .split('\n')
      .map((line): string => JSON.parse(line).text)
      .slice(0, 300);
    const ids = createTokenIds();
    const honest = [...pages, ...eips].map((text) => ids.tokenize(text).tokens);
    const words = ids.tokens.length;
    const copies = Array.from({ length: 200 }, (_, i) => {
      const original = honest[Math.floor((i * honest.length) / 200)];
      // Half every sixth or seventh word, half one word of eight or so at random places.
      return i % 2 === 0
        ? shredded(original, 6 + (i % 4) / 2)
        : original.map((token) => (uniform() < 0.12 ? below(words) : token));
    });
    const found = findNearDuplicates([...honest, ...copies], always);
    const long = copies.filter(({ length }) => length >= 60).length;
    const copied = found.filter(({ later }) => later >= honest.length);
    const right = copied.filter(
      ({ earlier, later }) =>
        earlier === Math.floor(((later - honest.length) * honest.length) / 200),
    );
    const merged = found.filter(({ later }) => later < honest.length);
    context.annotate(
      `found ${copied.length} of ${copies.length} copies (${long} have 60 tokens or more), ${right.length} of the right page; ` +
        `${merged.length} of ${honest.length} honest texts proposed`,
    );
    expect(copied.length).toBe(right.length);
    expect(merged.length).toBeLessThan(25);
    expect(right.length).toBeGreaterThan(120);
  },
);
