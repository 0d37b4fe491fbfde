import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { createPageCache, PAGE_NUMBERS, packColumn } from './page-cache.ts';

const folder = mkdtempSync(join(tmpdir(), 'openledger-pages-'));
const files: number[] = [];
afterAll(() => {
  for (const file of files) closeSync(file);
  rmSync(folder, { recursive: true });
});

const PAGES = 20;
const numbers = Int32Array.from(
  { length: PAGES * PAGE_NUMBERS - 7 },
  (_, i) => (i * 7919) % 2 ** 24,
);

function written(name: string, damage: (bytes: Uint8Array) => void = () => {}) {
  const { bytes, checksums } = packColumn(numbers);
  damage(bytes);
  const path = join(folder, name);
  writeFileSync(path, bytes);
  const file = openSync(path, 'r');
  files.push(file);
  return { file, name, offset: 0, length: numbers.length, checksums };
}

test('reads what was written, in any order, in a cache far smaller than the column', () => {
  const cache = createPageCache({ mostBytes: 0 });
  const [first, second] = [cache.column(written('a')), cache.column(written('b'))];
  for (let i = 0; i < 20_000; i++) {
    const at = (i * 104_729) % numbers.length;
    expect(first(at)).toBe(numbers[at]);
    expect(second(numbers.length - 1 - at)).toBe(numbers[numbers.length - 1 - at]);
  }
  expect(first(numbers.length)).toBeNaN();
  expect(cache.bytes()).toBeLessThan(readFileSync(join(folder, 'a')).length / 2);
});

test('a damaged page is refused each time, and spoils no other', () => {
  const cache = createPageCache({ mostBytes: 0 });
  const [whole, damaged] = [
    cache.column(written('c')),
    cache.column(written('d', (bytes) => (bytes[3 * PAGE_NUMBERS] ^= 1))),
  ];
  for (let page = 0; page < PAGES; page++) {
    const at = page * PAGE_NUMBERS + 5;
    expect(() => damaged(PAGE_NUMBERS)).toThrow('Page 1 of d is damaged.');
    expect(whole(at)).toBe(numbers[at]);
    if (page !== 1) expect(damaged(at)).toBe(numbers[at]);
  }
});
