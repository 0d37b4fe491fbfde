import { parseOpen } from '@openledger/protocol';
import { expect, test } from 'vitest';
import { type Standing, standingOf } from './standing.ts';

const standing = (open: Partial<Record<keyof Standing, string>>): Standing => {
  const zero = { data: '0', operator: '0', builder: '0', base: '0' };
  const places = { pending: '0', payable: '0', escrow: '0', exported: '0' };
  const units = Object.entries(open).map(([name, amount]) => [name, `${parseOpen(amount)}`]);
  return { ...zero, ...places, ...Object.fromEntries(units) };
};

test('an unclaimed party has everything in escrow', () => {
  expect(standingOf(standing({ data: '2', escrow: '2' }))).toBe('in escrow');
});

test('what is nowhere in the ledger any more was claimed', () => {
  expect(standingOf(standing({ data: '2' }))).toBe('claimed');
});

test('in between, each part is named with its amount', () => {
  const parts = standing({ data: '2', builder: '1', pending: '0.5', exported: '1' });
  expect(standingOf(parts)).toBe('1.5 claimed, 1 to be claimed, 0.5 pending');
});
