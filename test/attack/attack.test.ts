import { readFileSync } from 'node:fs';
import { ownerValues, PPM_ONE } from '@openledger/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { attacksOn, drawSetting } from './attacks.ts';
import { gainOf } from './gains.ts';
import { tryAll } from './main.ts';
import { by, ESCROW, FINE, settle } from './market.ts';

test('every attack runs, and those that are exact gain nothing, whatever the texts, the cuts and the number of names', () => {
  const cut = fc.record({
    words: fc.integer({ min: 8, max: 80 }),
    shells: fc.integer({ min: 1, max: 18 }),
  });
  const corpus = fc.record({
    texts: fc.integer({ min: 2, max: 8 }),
    length: fc.integer({ min: 90, max: 200 }),
  });
  fc.assert(
    fc.property(fc.nat(), corpus, cut, (seed, size, { words, shells }) => {
      const attacks = attacksOn(drawSetting(seed, size), { words, shells });
      expect(attacks).toHaveLength(14);
      for (const attack of attacks.filter(({ isExact }) => isExact)) {
        const { honest, isNone } = gainOf(attack);
        expect([attack.name, isNone, honest > 0n]).toEqual([attack.name, true, true]);
      }
    }),
    { numRuns: 30 },
  );
});

test('the page says what the attacks gain now', () => {
  const page = readFileSync(new URL('../../docs/attacks.md', import.meta.url), 'utf8');
  expect(page).toContain(tryAll().table); // npm run attack -- --write
});

test('what does gain is told, and is bounded', () => {
  const gains = new Map(
    attacksOn(drawSetting(1))
      .filter(({ isExact }) => !isExact)
      .map((attack) => [attack.name, gainOf(attack).ratio]),
  );
  expect([...gains.keys()]).toEqual([
    'shredding',
    'paraphrase',
    'thief first, before proof',
    'commons flooding',
    'boilerplate capture',
    'operator altering outputs',
  ]);
  expect(gains.get('shredding')).toBeLessThan(1);
  expect(gains.get('thief first, before proof')).toBeGreaterThan(1.5);
  for (const ratio of gains.values()) expect(ratio).toBeLessThan(2.5);
});

test('an economy keeps what is paid: all net incomes together are nothing', () => {
  const { own, others, answers } = drawSetting(3);
  const groups = [own, ...others].map((text, i) => [by(`party-${i}`, text)]);
  const net = settle({ groups, answers });
  expect([...net.values()].reduce((sum, one) => sum + one, 0n)).toBe(0n);
  expect(net.get('operator')).toBe(21n * 200_000_001n * FINE);
});

test('a shredded copy earns into escrow, and the coalition has none of it', () => {
  const shredding = attacksOn(drawSetting(1)).find(({ name }) => name === 'shredding');
  const net = settle(shredding!.attacked);
  expect(net.get(ESCROW)).toBeGreaterThan(0n);
});

test('twins in one prompt: the same said in other words under two names has two thirds, where one had a half', () => {
  const scoreOf = (owners: number, worth: (coalition: number) => number) => {
    const scores = Array.from({ length: 2 ** owners }, (_, coalition) => worth(coalition));
    const records = Array.from({ length: owners }, () => ({}));
    return ownerValues({ algorithm: 'context-shapley-1', owners: records, scores }).values;
  };
  const anyOfThem = (coalition: number) => (coalition > 0 ? 6 * PPM_ONE : 0);
  const [mine, theirs] = scoreOf(2, anyOfThem);
  expect(mine).toBe(theirs);
  const [first, second, other] = scoreOf(3, anyOfThem);
  expect((first + second) * 3n).toBe((first + second + other) * 2n);
});
