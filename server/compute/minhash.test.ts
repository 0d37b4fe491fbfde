import { expect, test } from 'vitest';
import { createMinHash } from './minhash.ts';
import { createRandom } from './random.ts';

const jaccard = (a: ReadonlySet<number>, b: ReadonlySet<number>) => {
  const both = [...a].filter((one) => b.has(one)).length;
  return both / (a.size + b.size - both);
};

/** Originals, and copies of them with some members replaced. */
function makeSets(seed: number): readonly ReadonlySet<number>[] {
  const { uniform: random } = createRandom(seed);
  const member = () => Math.floor(random() * 2 ** 31);
  const sets: Set<number>[] = [];
  for (let i = 0; i < 600; i++) {
    const original = i > 0 && random() < 0.5 ? [...sets[Math.floor(random() * i)]] : undefined;
    const kept = 0.7 + 0.3 * random();
    sets.push(
      new Set(
        original?.map((one) => (random() < kept ? one : member())) ??
          Array.from({ length: 20 + Math.floor(random() * 100) }, member),
      ),
    );
  }
  return sets;
}

test('proposes at least 95 of 100 pairs with a similarity of 0.8, and few that are not alike', () => {
  for (const seed of [1, 2, 3]) {
    const sets = makeSets(seed);
    const minhash = createMinHash(undefined, seed);
    for (const set of sets) minhash.add(Int32Array.from(set));
    const proposed = new Set<string>();
    for (const [earlier, later] of minhash.pairs()) {
      expect(earlier).toBeLessThan(later);
      expect(proposed.has(`${earlier} ${later}`)).toBe(false);
      proposed.add(`${earlier} ${later}`);
    }
    let alike = 0;
    let found = 0;
    let unlike = 0;
    for (let b = 0; b < sets.length; b++) {
      for (let a = 0; a < b; a++) {
        const similarity = jaccard(sets[a], sets[b]);
        const isProposed = proposed.has(`${a} ${b}`);
        if (similarity >= 0.8) alike += 1;
        if (similarity >= 0.8 && isProposed) found += 1;
        if (similarity < 0.2 && isProposed) unlike += 1;
      }
    }
    expect(alike).toBeGreaterThan(30);
    expect(found / alike).toBeGreaterThanOrEqual(0.95);
    expect(unlike).toBeLessThan(5);
  }
});

test('sets without members are like nothing, not even each other', () => {
  const minhash = createMinHash();
  for (let i = 0; i < 3; i++) minhash.add(new Int32Array());
  expect([...minhash.pairs()]).toEqual([]);
});

test('a crowd of equals is proposed to some of it, not to all', () => {
  const minhash = createMinHash();
  for (let i = 0; i < 1000; i++) minhash.add(Int32Array.of(1, 2, 3));
  const pairs = [...minhash.pairs()];
  expect(new Set(pairs.map(([, later]) => later)).size).toBe(999);
  expect(pairs.length).toBeLessThan(33_000);
});
