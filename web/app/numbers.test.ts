import { parseOpen } from '@openledger/protocol';
import { expect, test } from 'vitest';
import { duration, percent, plural, shortOpen } from './numbers.ts';

test.each([
  ['0', '0'],
  ['1', '1'],
  ['100', '100'],
  ['1234.5678', '1234.5678'],
  ['1234.56789', '1234.5678'],
  ['0.5', '0.5'],
  ['0.001200', '0.0012'],
  ['0.000123456789', '0.0001234'],
  ['0.000000000000000001', '0.000000000000000001'],
])('%s OPEN is shortened to %s, never upwards', (exact, short) => {
  expect(shortOpen(parseOpen(exact))).toBe(short);
});

test.each([
  [0, '0 %'],
  [1, '< 0.1 %'],
  [123_456, '12.3 %'],
  [500_000, '50 %'],
  [999_999, '> 99.9 %'],
  [1_000_000, '100 %'],
])('%d ppm is %s', (ppm, text) => {
  expect(percent(ppm).replaceAll('\u202f', ' ')).toBe(text);
});

test('durations change their unit at a second', () => {
  expect([duration(87.4), duration(1500)]).toEqual(['87 ms', '1.5 s']);
});

test('one is not many', () => {
  expect([plural(1, 'party', 'parties'), plural(1200, 'word')]).toEqual(['1 party', '1,200 words']);
});
