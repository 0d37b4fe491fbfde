/** Random histories against the real database and ledger, judged by exact sums. */
import { COMMONS, type Shares, WEIGHT_ONE } from '@openledger/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  builder,
  operator,
  payer,
  startTestFees,
  type TestFees,
  testParty,
  twelfths,
} from '../../test/harness/fees.ts';
import { systemClock } from '../platform/clock.ts';
import { newId } from '../platform/new-id.ts';
import { createFees } from './index.ts';
import { RECEIVABLE } from './stage.ts';

const parties = [...'abc'].map(testParty);
/** Two versions of one pool's membership, and a pool that nobody is left in. */
const POOLS: Readonly<Record<string, Shares>> = {
  [`pool:snp_${'1'.repeat(32)}:1`]: twelfths({ [parties[0]]: 4, [parties[1]]: 8 }),
  [`pool:snp_${'1'.repeat(32)}:2`]: twelfths({ [parties[0]]: 5, [parties[2]]: 7 }),
  [`pool:snp_${'2'.repeat(32)}:1`]: [{ to: COMMONS, weight: WEIGHT_ONE }],
};
const payees = [...parties, ...Object.keys(POOLS)];

const vectors = fc
  .uniqueArray(fc.constantFrom(...payees), { minLength: 1, maxLength: 4 })
  .chain((names) =>
    fc
      .array(fc.integer({ min: 0, max: 3 }), { minLength: names.length, maxLength: names.length })
      .map((parts) => twelfths(Object.fromEntries(names.map((name, i) => [name, parts[i]])))),
  );

const events = fc.array(
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constant('charge' as const),
        units: fc.oneof(
          fc.bigInt({ min: 1n, max: 30n }),
          fc.bigInt({ min: 1n, max: 10n ** 24n + 3n }),
        ),
        shares: vectors,
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant('refund' as const),
        of: fc.nat(20),
        ppm: fc.constantFrom(1, 333_333, 1_000_000),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('reallocation' as const),
        of: fc.nat(20),
        shares: vectors,
      }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('roll-up' as const) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('close' as const) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('mature' as const) }) },
  ),
  { minLength: 12, maxLength: 30 },
);

type Event = (typeof events extends fc.Arbitrary<infer All> ? All : never)[number];

/** What is left of each charge's data leg, and whose it is now. */
type Fact = { readonly id: string; left: bigint; data: bigint; shares: Shares };

test('any history of charges, refunds, reallocations and epochs ends in the exact credits', async () => {
  await fc.assert(
    fc.asyncProperty(events, async (history) => {
      const stage = await startTestFees(POOLS);
      try {
        await judge(stage, history);
      } finally {
        await stage.end();
      }
    }),
    { numRuns: 6, endOnFailure: true },
  );
}, 180_000);

async function judge(stage: TestFees, history: readonly Event[]): Promise<void> {
  const stages = [stage.fees, createFees(stage.handles)];
  const facts: Fact[] = [];
  let charged = 0n;
  let refunded = 0n;
  let matured = 0;
  let closed = 0;
  await stage.fund('insurance:protocol', 10n ** 30n); // nothing is refused for want of a lender
  for (const [i, event] of history.entries()) {
    const fees = stages[i % 2];
    if (event.kind === 'charge') {
      const { units, shares } = event;
      const id = await stage.charge({ units, shares });
      await fees.route(id);
      const data = (units * 500_000n) / 1_000_000n;
      facts.push({ id, left: units, data, shares });
      charged += units;
    } else if (event.kind === 'roll-up') {
      await fees.rollUp();
    } else if (event.kind === 'close') {
      await fees.closeEpoch(++closed);
    } else if (event.kind === 'mature') {
      await fees.mature(closed);
      matured = closed;
      await settle(stage, matured);
    } else if (facts.length > 0) {
      const fact = facts[event.of % facts.length];
      if (event.kind === 'refund') refunded += await refund(stage, fact, `r${i}`, event.ppm);
      else await reallocate(stage, fact, `a${i}`, event.shares, matured);
    }
  }
  await stage.fees.closeEpoch(++closed);
  await stage.fees.mature(closed);
  await assertExact(stage, facts);
  expect(await stage.ledger.balance(`${payer}:available`)).toBe(refunded);
  expect(await stage.ledger.balance('external:payer')).toBe(-(10n ** 30n) - charged);
}

async function refund(stage: TestFees, fact: Fact, refundId: string, ppm: number): Promise<bigint> {
  const units = (fact.left * BigInt(ppm)) / 1_000_000n;
  if (units === 0n) return 0n;
  await stage.fees.refund({ saleId: fact.id, refundId, units });
  const { legs, remaining } = await stage.fees.find(fact.id);
  fact.left -= units;
  fact.data = remaining[legs.findIndex(({ role }) => role === 'data')] ?? 0n;
  expect(remaining.reduce((sum, each) => sum + each, 0n)).toBe(fact.left);
  return units;
}

async function reallocate(
  stage: TestFees,
  fact: Fact,
  reallocationId: string,
  shares: Shares,
  matured: number,
): Promise<void> {
  const wish = { saleId: fact.id, reallocationId, shares };
  if ((await stage.fees.find(fact.id)).epoch <= matured) {
    await expect(stage.fees.reallocate(wish)).rejects.toMatchObject({ code: 'conflict' });
    return;
  }
  await stage.fees.reallocate(wish);
  fact.shares = shares;
}

/** What settlement does with epochs that have matured. */
async function settle({ ledger }: TestFees, through: number): Promise<void> {
  for (let epoch = 1; epoch <= through; epoch++) {
    const standing = await ledger.balances({ suffix: `:pending:${epoch}` });
    if (standing.length === 0) continue;
    await ledger.post({
      transactionId: newId('transaction', systemClock),
      reason: 'matured',
      postings: standing.map(({ account, amount }) => ({
        from: account,
        to: account.replace(/:pending:.*/, ':payable'),
        amount,
      })),
    });
  }
}

async function assertExact(stage: TestFees, facts: readonly Fact[]): Promise<void> {
  const { fees, ledger } = stage;
  expect(await fees.checkControl()).toMatchObject({ holds: true });
  expect(await ledger.balance('clearing:fees')).toBe(0n);
  const exact = new Map<string, bigint>(); // products over 2^64, of parties and pools
  for (const { data, shares } of facts) {
    for (const { to, weight } of shares) exact.set(to, (exact.get(to) ?? 0n) + data * weight);
  }
  for (const [pool, members] of Object.entries(POOLS)) {
    for (const { to, weight } of members) {
      const part = ((exact.get(pool) ?? 0n) * weight) / WEIGHT_ONE;
      exact.set(to, (exact.get(to) ?? 0n) + part);
    }
  }
  for (const party of parties) {
    const credited = (exact.get(party) ?? 0n) / WEIGHT_ONE;
    expect((await fees.earnings(party)).data).toBe(credited);
    const owed = await ledger.balance(`${party}:receivable`, RECEIVABLE);
    const has = await ledger.balances({ prefix: `${party}:`, asset: 'OPEN' });
    expect(has.reduce((sum, { amount }) => sum + amount, -owed)).toBe(credited);
  }
  for (const party of [operator, builder]) {
    const { operator: served, builder: built, receivable } = await fees.earnings(party);
    const has = await ledger.balances({ prefix: `${party}:`, asset: 'OPEN' });
    expect(has.reduce((sum, { amount }) => sum + amount, -receivable)).toBe(served + built);
  }
  for (const { sum } of await ledger.trialBalance()) expect(sum).toBe(0n);
}
