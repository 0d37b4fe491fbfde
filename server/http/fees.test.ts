import { expect, test } from 'vitest';
import type { Fees, RefundWish } from '../fees/index.ts';
import { feesRoutes } from './fees.ts';

const partyId = `pty_${'a'.repeat(32)}` as const;
const saleId = `inf_${'1'.repeat(32)}` as const;

const fees = {
  earnings: async () => ({
    ...{ data: 500n, operator: 0n, builder: 2n ** 100n, base: 0n, accruing: 83n, fraction: -1n },
    ...{ pending: 500n, payable: 0n, escrow: 0n, exported: 0n, receivable: 0n },
  }),
  payouts: async () => ({
    payouts: [
      {
        ...{ saleId, role: 'data', units: 250n, weight: 2n ** 63n, dataUnits: 500n },
        ...{ pool: undefined, servedAt: new Date(0), creditedAt: undefined, isReversed: false },
      },
    ],
    next: undefined,
  }),
  refund: async ({ units = 1000n, ...wish }: RefundWish) => ({
    ...{ ...wish, units, advancedUnits: 7n, refundedAt: new Date(0) },
  }),
  top: async (limit: number) => [{ partyId, units: BigInt(limit) }],
} as unknown as Fees;

const ask = (verb: string, input: unknown) =>
  feesRoutes({ fees })
    .find((route) => route.verb === verb)
    ?.handle(input, {
      caller: undefined,
      body: undefined,
      signal: AbortSignal.timeout(1000),
    });

test('amounts travel as decimal strings, exactly', async () => {
  expect(await ask('earnings', { partyId })).toMatchObject({
    ...{ partyId, data: '500', builder: '1267650600228229401496703205376', fraction: '-1' },
  });
});

test('a payout tells its share of the data leg, and leaves out what it does not have', async () => {
  expect(await ask('payouts', { partyId })).toEqual({
    items: [
      {
        ...{ saleId, role: 'data', units: '250', weight: '9223372036854775808' },
        ...{ dataUnits: '500', servedAt: '1970-01-01T00:00:00.000Z', reversed: false },
      },
    ],
  });
});

test('a refund is of the units that are named, or of all', async () => {
  const wish = { saleId, refundId: 'r1' };
  const answer = { ...wish, advancedUnits: '7', refundedAt: '1970-01-01T00:00:00.000Z' };
  expect(await ask('refund', wish)).toEqual({ ...answer, units: '1000' });
  expect(await ask('refund', { ...wish, units: '12' })).toEqual({ ...answer, units: '12' });
  await expect(ask('refund', { ...wish, units: '-1' })).rejects.toMatchObject({
    code: 'invalid_input',
  });
});

test('limits are read from text, and refused when they are too large', async () => {
  expect(await ask('top', { limit: '7' })).toEqual({ items: [{ partyId, units: '7' }] });
  await expect(ask('top', { limit: '501' })).rejects.toMatchObject({ code: 'invalid_input' });
  await expect(ask('earnings', { partyId: 'pty_x' })).rejects.toMatchObject({
    code: 'invalid_input',
  });
});
