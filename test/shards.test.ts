/** Two shards by payer against one ledger with the same history: the same earnings but for fractions, and none crosses. */
import {
  defaultPolicy,
  type Id,
  policyHash,
  type Shares,
  shardOf,
  WEIGHT_ONE,
} from '@openledger/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Attribution } from '../server/attribution/index.ts';
import { createRandom } from '../server/compute/random.ts';
import { createFees, type Fees } from '../server/fees/index.ts';
import type { Inference } from '../server/gateway/index.ts';
import { createGovernance } from '../server/governance/index.ts';
import { createLedger, type Ledger, transactionIdFor } from '../server/ledger/index.ts';
import { systemClock } from '../server/platform/clock.ts';
import { silentLog } from '../server/platform/log.ts';
import { newId } from '../server/platform/new-id.ts';
import { sql } from '../server/platform/sql.ts';
import { mergeEarnings, type ShardEarning } from '../server/settlement/merge-earnings.ts';
import { createTestDatabase, type TestDatabase } from './harness/postgres.ts';

const SHARDS = 2;
const FUNDS = 10n ** 12n;

const parties = (count: number) =>
  Array.from({ length: count }, () => newId('party', systemClock)).sort();
const [operator, builder] = parties(2);
const payers = parties(12);
const contributors = parties(5);
const POOL = `pool:snp_${'1'.repeat(32)}:1`;

type Call = {
  readonly inferenceId: Id<'inference'>;
  readonly payer: string;
  readonly units: bigint;
  readonly shares: Shares;
};

const calls = new Map(history(120).map((call) => [call.inferenceId as string, call]));

type Books = { readonly database: TestDatabase; readonly ledger: Ledger; readonly fees: Fees };

let shards: readonly Books[];
let single: Books;

beforeAll(async () => {
  shards = [await openBooks(), await openBooks()];
  single = await openBooks();
  await Promise.all([
    ...shards.map((books, shard) => play(books, (payer) => shardOf(payer, SHARDS) === shard)),
    play(single, () => true),
  ]);
});
afterAll(async () => {
  for (const { ledger, database } of [...shards, single]) {
    await ledger.stop();
    await database.drop();
  }
});

test('each payer’s money and calls are in his shard alone, and each shard’s books hold by themselves', async () => {
  for (const [shard, { ledger, fees }] of shards.entries()) {
    const own = payers.filter((payer) => shardOf(payer, SHARDS) === shard);
    expect(own.length).toBeGreaterThan(0);
    const held = await ledger.balances({ suffix: ':available' });
    expect(held.map(({ account }) => account).sort()).toEqual(own.map((one) => `${one}:available`));
    expect((await ledger.trialBalance()).map(({ sum }) => sum)).toEqual([0n]);
    expect(await ledger.audit()).toMatchObject({ ok: true });
    expect((await fees.checkControl()).holds).toBe(true);
    for (const payer of own) {
      const paid = [...calls.values()].filter((call) => call.payer === payer);
      const spent = paid.reduce((sum, { units }) => sum + units, 0n);
      expect(await ledger.balance(`${payer}:available`)).toBe(FUNDS - spent);
    }
  }
  const ids = await Promise.all(shards.map(transactionIds));
  expect(ids[0].filter((id) => ids[1].includes(id))).toEqual([]);
});

test('earnings of both shards add up to those of one ledger, within a unit for each further shard', async () => {
  const merged = mergeEarnings(await Promise.all(shards.map(earningsIn)));
  const alone = mergeEarnings([await earningsIn(single)]);
  expect([...merged.keys()].sort()).toEqual([...alone.keys()].sort());
  expect(contributors.every((party) => merged.has(party))).toBe(true);
  for (const [party, { units, fraction }] of merged) {
    const one = alone.get(party)!;
    const less = one.units - units;
    expect(less >= 0n && less <= BigInt(SHARDS - 1)).toBe(true);
    expect(fraction < BigInt(SHARDS) * WEIGHT_ONE).toBe(true);
    // One pool was folded in each shard instead of once: less than 2^-64 units a fold.
    const exact = one.units * WEIGHT_ONE + one.fraction;
    const lost = exact - (units * WEIGHT_ONE + fraction);
    expect(lost >= 0n && lost < BigInt(SHARDS)).toBe(true);
  }
});

test('what was paid stands in the shards to the unit: earned, direct legs, and fractions under control', async () => {
  const paid = [...calls.values()].reduce((sum, { units }) => sum + units, 0n);
  const sums = await Promise.all([...shards, single].map((books) => received(books)));
  expect(sums[0] + sums[1]).toBe(paid);
  expect(sums[2]).toBe(paid);
  const direct = async ({ ledger }: Books) => ledger.balance(`${operator}:pending:1`);
  const [first, second] = await Promise.all(shards.map(direct));
  expect(first + second).toBe(await direct(single)); // split per call, so no fraction is shared
});

test('the merge adds, whatever the order, and keeps what no shard could credit', () => {
  const half = WEIGHT_ONE / 2n;
  const one = [{ party: 'ada', entitled: 3n * WEIGHT_ONE + half, credited: 3n }];
  const two = [
    { party: 'ada', entitled: half, credited: 0n },
    { party: 'bob', entitled: WEIGHT_ONE, credited: 1n },
  ];
  expect(mergeEarnings([one, two])).toEqual(mergeEarnings([two, one]));
  expect(mergeEarnings([one, two])).toEqual(
    new Map([
      ['ada', { units: 3n, fraction: WEIGHT_ONE }], // one ledger would have credited 4
      ['bob', { units: 1n, fraction: 0n }],
    ]),
  );
});

/** A fixed history: who pays how much, and how the data leg is shared between contributors and a pool. */
function history(count: number): readonly Call[] {
  const { below } = createRandom(7);
  return Array.from({ length: count }, () => {
    const cuts = [...contributors, POOL].map((to) => ({ to, part: BigInt(1 + below(1000)) }));
    const whole = cuts.reduce((sum, { part }) => sum + part, 0n);
    let rest = WEIGHT_ONE;
    const shares = cuts
      .sort((a, b) => (a.to < b.to ? -1 : 1))
      .map(({ to, part }, i) => {
        const weight = i === cuts.length - 1 ? rest : (WEIGHT_ONE * part) / whole;
        rest -= weight;
        return { to, weight };
      });
    return {
      inferenceId: newId('inference', systemClock),
      payer: payers[below(payers.length)],
      units: BigInt(1 + below(1_000_000)),
      shares,
    };
  });
}

const unread = async () => {
  throw new Error('Nothing is read for pay here.');
};

async function openBooks(): Promise<Books> {
  const database = await createTestDatabase();
  const { db } = database;
  const ledger = createLedger({ db, clock: systemClock, log: silentLog });
  await ledger.start();
  const fees = createFees({
    ...{ db, ledger, clock: systemClock, log: silentLog },
    governance: await createGovernance({ db, clock: systemClock }),
    gateway: { find: async (inferenceId) => inferenceOf(calls.get(inferenceId)!) },
    attributions: { find: async (inferenceId) => attributionOf(calls.get(inferenceId)!) },
    reads: { find: unread },
    poolMembers: async () => {
      const third = WEIGHT_ONE / 3n;
      return [
        { party: contributors[0], weight: third },
        { party: contributors[1], weight: WEIGHT_ONE - third },
      ];
    },
  });
  return { database, ledger, fees };
}

/** The payers' deposits and calls as far as they belong here, and the end of the epoch. */
async function play({ ledger, fees }: Books, isHere: (payer: string) => boolean): Promise<void> {
  for (const payer of payers.filter(isHere)) {
    await ledger.post({
      transactionId: newId('transaction', systemClock),
      reason: 'deposited',
      postings: [{ from: 'external:chain', to: `${payer}:available`, amount: FUNDS }],
    });
  }
  for (const { inferenceId, payer, units } of [...calls.values()].filter((one) =>
    isHere(one.payer),
  )) {
    await ledger.post({
      transactionId: transactionIdFor(inferenceId, 'captured'),
      reason: 'captured',
      postings: [{ from: `${payer}:available`, to: 'clearing:fees', amount: units }],
    });
    await fees.route(inferenceId);
  }
  await fees.closeEpoch(1);
}

async function earningsIn({ database }: Books): Promise<readonly ShardEarning[]> {
  const rows = await database.db.query<{ payee: string; entitled: string; credited: string }>(sql`
    select payee, entitled, credited
    from fees.entitlements`);
  return rows.map(({ payee, entitled, credited }) => ({
    party: payee,
    entitled: BigInt(entitled),
    credited: BigInt(credited),
  }));
}

/** All that is not the outside's or a payer's. */
async function received({ ledger }: Books): Promise<bigint> {
  const balances = await ledger.balances();
  return balances
    .filter(({ account }) => !account.startsWith('external:') && !account.endsWith(':available'))
    .reduce((sum, { amount }) => sum + amount, 0n);
}

const transactionIds = async ({ database }: Books): Promise<readonly string[]> =>
  (await database.db.query<{ id: string }>(sql`select id from ledger.transactions`)).map(
    ({ id }) => id,
  );

const inferenceOf = ({ inferenceId, payer, units }: Call): Inference =>
  ({
    ...{ inferenceId, payerId: payer, priceUnits: units, servedAt: new Date() },
    route: { operatorPartyId: operator, builderPartyId: builder, basePartyId: undefined },
  }) as unknown as Inference; // what fees reads of it

const attributionOf = ({ inferenceId, shares }: Call): Attribution =>
  ({ inferenceId, policyHash: policyHash(defaultPolicy), shares }) as unknown as Attribution;
