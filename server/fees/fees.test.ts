import { COMMONS, WEIGHT_ONE } from '@openledger/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  base,
  builder,
  type Charge,
  deafened,
  operator,
  twelfths as shares,
  silenced,
  startTestFees,
  type TestFees,
  testParty,
} from '../../test/harness/fees.ts';
import type { Ledger } from '../ledger/index.ts';
import { sleep } from '../platform/clock.ts';
import { sql } from '../platform/sql.ts';
import { createFees, type Fees, type FeesHandles } from './index.ts';

const [ada, bob, eve] = [...'abc'].map(testParty);
const POOL = `pool:snp_${'1'.repeat(32)}:1`;
const EMPTY_POOL = `pool:snp_${'2'.repeat(32)}:1`;

let stage: TestFees;
let ledger: Ledger;
let handles: FeesHandles;
let fees: Fees;

beforeEach(async () => {
  stage = await startTestFees({
    [POOL]: [
      { to: ada, weight: WEIGHT_ONE / 3n },
      { to: bob, weight: WEIGHT_ONE - WEIGHT_ONE / 3n },
    ],
  });
  ({ ledger, handles, fees } = stage);
});
afterEach(() => stage.end());

const charge = (facts: Charge) => stage.charge(facts);
const pending = (partyId: string, epoch?: number) => stage.pending(partyId, epoch);

describe('routing', () => {
  test('splits a price to the unit and leaves nothing in clearing', async () => {
    const saleId = await charge({
      units: 1_000_003n,
      basePartyId: base,
      shares: shares({ [ada]: 12 }),
    });
    await fees.route(saleId);

    expect(await ledger.balance('clearing:fees')).toBe(0n);
    expect(await ledger.balance('control:data')).toBe(500_001n);
    expect(await pending(operator)).toBe(200_000n);
    expect(await pending(builder)).toBe(120_000n);
    expect(await pending(base)).toBe(80_000n);
    expect(await ledger.balance('stakers:protocol')).toBe(50_000n);
    expect(await ledger.balance('treasury:protocol')).toBe(30_002n);
    expect(await ledger.balance('insurance:protocol')).toBe(20_000n);
    const routing = await fees.find(saleId);
    expect(routing.legs.reduce((sum, leg) => sum + leg.amount, 0n)).toBe(1_000_003n);
    expect(routing).toMatchObject({ isPosted: true, epoch: 1, dataUnits: 500_001n });
    expect(routing.transactionId).toMatch(/^txn_/);
  });

  test('routes once, however often and from however many sides it is asked to', async () => {
    const saleId = await charge({ units: 1000n, shares: shares({ [ada]: 12 }) });
    const other = createFees(handles);
    await Promise.all([fees, other, fees, other].map((each) => each.route(saleId)));
    await Promise.all([fees.rollUp(), other.rollUp(), fees.rollUp()]);

    expect(await pending(ada)).toBe(500n);
    expect(await pending(operator)).toBe(200n);
    const announced = await stage.db.query(sql`
      select id from graphile_worker.jobs where task_identifier = 'fees.routed'`);
    expect(announced).toHaveLength(1);
  });

  test('without registered data there is no data leg', async () => {
    const saleId = await charge({ units: 1000n, shares: [] });
    await fees.route(saleId);
    await fees.rollUp();

    expect(await ledger.balance('control:data')).toBe(0n);
    expect(await pending(operator)).toBe(700n);
    expect((await fees.find(saleId)).legs.some(({ role }) => role === 'data')).toBe(false);
    expect((await fees.checkControl()).holds).toBe(true);
  });

  test('a price of zero is routed too, and moves nothing', async () => {
    const saleId = await charge({ units: 0n, shares: shares({ [ada]: 12 }) });
    await fees.route(saleId);
    await fees.rollUp();
    expect(await fees.find(saleId)).toMatchObject({ legs: [], transactionId: undefined });
    expect((await fees.checkControl()).holds).toBe(true);
  });

  test('a price that was not captured is refused, and goes through once it is', async () => {
    const saleId = await charge({ units: 0n, shares: shares({ [ada]: 12 }) });
    stage.charges.set(saleId, { units: 100n, shares: shares({ [ada]: 12 }) });
    await expect(fees.route(saleId)).rejects.toMatchObject({ code: 'insufficient_funds' });
    expect(await fees.rollUp()).toBe(0);
    await stage.fund('clearing:fees', 100n);
    await fees.route(saleId);
    await fees.rollUp();
    expect(await pending(ada)).toBe(50n);
  });
});

describe('crediting', () => {
  test('credits whole units of the running sum, and control holds the fractions', async () => {
    const thirds = shares({ [ada]: 4, [bob]: 4, [eve]: 4 });
    for (let i = 0; i < 4; i++) {
      await fees.route(await charge({ units: 20n, shares: thirds })); // 10 to data: 3 1/3 each
      await fees.rollUp();
    }
    // 40/3 = 13 1/3 each, the last of them with what two floors of 2^64 / 3 have left
    expect(await pending(ada)).toBe(13n);
    expect(await pending(bob)).toBe(13n);
    expect(await pending(eve)).toBe(13n);
    expect(await fees.checkControl()).toMatchObject({
      holds: true,
      balance: 1n,
      fractions: WEIGHT_ONE,
      pools: 0n,
    });
  });

  test('a random history ends in the same credits as its exact sums, in whatever batches it came', async () => {
    const names = [ada, bob, eve, POOL];
    const exact = new Map<string, bigint>();
    const ids: string[] = [];
    let seed = 12345;
    const random = (below: number) => {
      seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
      return (seed >>> 8) % below;
    };
    for (let i = 0; i < 40; i++) {
      const [a, b, c] = [random(5), random(4), random(4)];
      const vector = shares({ [ada]: a, [bob]: b, [eve]: c, [POOL]: 12 - a - b - c });
      const units = BigInt(random(1_000_000)) * 10n ** BigInt(random(14));
      ids.push(await charge({ units, shares: vector }));
      const dataUnits = (units * 500_000n) / 1_000_000n;
      for (const { to, weight } of vector) {
        exact.set(to, (exact.get(to) ?? 0n) + dataUnits * weight);
      }
    }
    const others = [fees, createFees(handles)];
    await Promise.all(
      ids.map(async (saleId, i) => {
        await others[i % 2].route(saleId);
        if (i % 3 === 0) await others[(i + 1) % 2].rollUp();
      }),
    );
    await fees.rollUp();
    for (const name of names.slice(0, 3)) {
      expect(await pending(name)).toBe((exact.get(name) ?? 0n) / WEIGHT_ONE);
    }
    const check = await fees.checkControl();
    expect(check).toMatchObject({ holds: true, pools: exact.get(POOL) });

    await fees.closeEpoch(1);
    await fees.mature(1);
    const third = WEIGHT_ONE / 3n;
    const pool = exact.get(POOL) ?? 0n;
    const adaExact = (exact.get(ada) ?? 0n) + (pool * third) / WEIGHT_ONE;
    const bobExact = (exact.get(bob) ?? 0n) + (pool * (WEIGHT_ONE - third)) / WEIGHT_ONE;
    expect(await pending(ada)).toBe(adaExact / WEIGHT_ONE);
    expect(await pending(bob)).toBe(bobExact / WEIGHT_ONE);
    const after = await fees.checkControl();
    expect(after.holds).toBe(true);
    expect(after.pools < 2n).toBe(true);
    expect(after.balance <= 3n).toBe(true);
    const [{ sum }] = await ledger.trialBalance();
    expect(sum).toBe(0n);
  });

  test('the follower credits within a second of the routing', async () => {
    const following = fees.startRollUp({ intervalMs: 100 });
    const saleId = await charge({ units: 1000n, shares: shares({ [ada]: 12 }) });
    await fees.route(saleId);
    const deadline = Date.now() + 1000;
    while ((await pending(ada)) === 0n && Date.now() < deadline) await sleep(20);
    await following.stop();
    expect(await pending(ada)).toBe(500n);
    const { creditMs } = await fees.summary();
    expect(creditMs && creditMs.p99 < 1000).toBe(true);
  });
});

describe('crashes', () => {
  test('between posting and recording it: the legs are posted once', async () => {
    const saleId = await charge({ units: 1000n, shares: shares({ [ada]: 12 }) });
    const dying = createFees(deafened(handles, () => true));
    await expect(dying.route(saleId)).rejects.toThrow('died');
    await fees.route(saleId);
    expect(await pending(operator)).toBe(200n);
    expect(await ledger.balance('clearing:fees')).toBe(0n);
  });

  test('in the middle of a roll-up: the batch is posted once, and alike', async () => {
    const saleId = await charge({ units: 1000n, shares: shares({ [ada]: 3, [bob]: 9 }) });
    const dying = createFees(deafened(handles, ({ reason }) => reason !== 'fees.routed'));
    await dying.route(saleId);
    await expect(dying.rollUp()).rejects.toThrow('died');
    await fees.rollUp();
    expect([await pending(ada), await pending(bob)]).toEqual([125n, 375n]);
    expect((await fees.checkControl()).holds).toBe(true);
  });

  test('before the legs were posted: closing the epoch posts them', async () => {
    const saleId = await charge({ units: 1000n, shares: shares({ [ada]: 12 }) });
    const dying = createFees(silenced(handles));
    await expect(dying.route(saleId)).rejects.toThrow('died');
    await fees.closeEpoch(1);
    expect([await pending(ada, 1), await pending(operator, 1)]).toEqual([500n, 200n]);
  });

  test('in the middle of maturing an epoch: maturing again finishes it, once', async () => {
    await fees.route(await charge({ units: 600n, shares: shares({ [POOL]: 12 }) }));
    await fees.closeEpoch(1);
    const dying = createFees(deafened(handles, ({ reason }) => reason !== 'fees.routed'));
    await expect(dying.mature(1)).rejects.toThrow('died');
    await fees.mature(1);
    await fees.mature(1);
    expect([await pending(ada), await pending(bob)]).toEqual([99n, 200n]); // his third is rounded down, by less than a unit
    expect(await fees.openEpoch()).toBe(2);
    expect((await fees.checkControl()).holds).toBe(true);
  });
});

describe('epochs', () => {
  test('what comes after the closing falls into the next epoch', async () => {
    await fees.route(await charge({ units: 100n, shares: shares({ [ada]: 12 }) }));
    await fees.closeEpoch(1);
    await fees.route(await charge({ units: 60n, shares: shares({ [ada]: 12 }) }));
    await fees.rollUp();
    expect([await pending(ada, 1), await pending(ada, 2)]).toEqual([50n, 30n]);
  });

  test('routing and closing at the same time loses nothing', async () => {
    const ids = await Promise.all(
      Array.from({ length: 30 }, () => charge({ units: 100n, shares: shares({ [ada]: 12 }) })),
    );
    const routing = ids.map((saleId) => fees.route(saleId));
    const closing = fees.closeEpoch(1);
    await closing;
    const first = await pending(ada, 1);
    await Promise.all(routing);
    await fees.rollUp();
    expect(await pending(ada, 1)).toBe(first); // nothing follows a closed epoch
    expect(first + (await pending(ada, 2))).toBe(1500n);
  });

  test('an epoch that has not begun is not closed', async () => {
    await expect(fees.closeEpoch(2)).rejects.toMatchObject({ code: 'conflict' });
  });

  test('a pool without members pays the commons', async () => {
    await fees.route(await charge({ units: 100n, shares: shares({ [EMPTY_POOL]: 12 }) }));
    await fees.closeEpoch(1);
    await fees.mature(1);
    expect(await ledger.balance(COMMONS)).toBe(50n);
    expect(await fees.checkControl()).toMatchObject({ holds: true, balance: 0n });
  });
});

describe('explaining', () => {
  test('a party sees what it earned, from which inferences, and what is on its way', async () => {
    const first = await charge({ units: 1000n, shares: shares({ [ada]: 6, [POOL]: 6 }) });
    const second = await charge({ units: 2000n, shares: shares({ [ada]: 3, [bob]: 9 }) });
    await fees.route(first);
    await fees.route(second);
    await fees.rollUp();

    expect(await fees.earnings(ada)).toEqual({
      data: 500n,
      operator: 0n,
      builder: 0n,
      base: 0n,
      accruing: 83n, // a third of 250
      fraction: 0n,
      pending: 500n,
      payable: 0n,
      escrow: 0n,
      exported: 0n,
      receivable: 0n,
    });
    expect(await fees.earnings(operator)).toMatchObject({ data: 0n, operator: 600n });
    const { payouts, next } = await fees.payouts({ partyId: ada, limit: 1 });
    expect(payouts).toMatchObject([{ saleId: second, role: 'data', units: 250n }]);
    const rest = await fees.payouts({ partyId: ada, limit: 10, after: next });
    expect(rest).toMatchObject({
      payouts: [
        { saleId: first, units: 83n, pool: POOL },
        { saleId: first, units: 250n },
      ],
      next: undefined,
    });
    expect(rest.payouts[0].creditedAt).toBeInstanceOf(Date);
    expect(await fees.payouts({ partyId: builder, limit: 10 })).toMatchObject({
      payouts: [
        { saleId: second, role: 'builder', units: 400n },
        { saleId: first, role: 'builder', units: 200n },
      ],
    });
    expect(await fees.top(10)).toEqual([
      { partyId: bob, units: 750n },
      { partyId: ada, units: 500n },
    ]);
    expect(await fees.summary()).toMatchObject({
      epoch: 1,
      inferences: 2,
      units: 3000n,
      dataUnits: 1500n,
      creditedUnits: 1250n,
      partiesCredited: 2,
      evidencePpm: 833_333,
    });
  });
});
