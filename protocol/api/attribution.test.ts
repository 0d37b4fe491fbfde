import { expect, test } from 'vitest';
import { attributionOperations, MAX_TRACE_LENGTH, MAX_TRACE_TEXTS } from './attribution.ts';

const { input } = attributionOperations.trace;
const takes = (texts: readonly string[]) =>
  input.safeParse({ snapshotIds: [`snp_${'1'.repeat(32)}`], texts }).success;

test('a text of 100 kB and far more is traced, and many short ones at once', () => {
  expect(MAX_TRACE_LENGTH).toBeGreaterThan(100_000);
  expect(takes(['x'.repeat(MAX_TRACE_LENGTH)])).toBe(true);
  expect(takes(Array(MAX_TRACE_TEXTS).fill('x'))).toBe(true);
});

test('what a request cannot hold is refused: nothing, too long, too many, too much together', () => {
  const long = 'x'.repeat(MAX_TRACE_LENGTH);
  for (const texts of [
    [],
    [''],
    [`${long}x`],
    Array(MAX_TRACE_TEXTS + 1).fill('x'),
    Array(5).fill(long),
  ]) {
    expect(takes(texts)).toBe(false);
  }
});
