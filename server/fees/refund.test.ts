import { WEIGHT_ONE } from '@openledger/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  base,
  builder,
  type Charge,
  deafened,
  operator,
  payer,
  silenced,
  startTestFees,
  type TestFees,
  testParty,
  twelfths,
} from '../../test/harness/fees.ts';
import { type Ledger, transactionIdFor } from '../ledger/index.ts';
import { createFees, type Fees } from './index.ts';
import { RECEIVABLE } from './stage.ts';

const [ada, bob, eve] = [...'abc'].map(testParty);
const POOL = `pool:snp_${'1'.repeat(32)}:1`;

let stage: TestFees;
let ledger: Ledger;
let fees: Fees;

beforeEach(async () => {
  stage = await startTestFees({
    [POOL]: [
      { to: ada, weight: WEIGHT_ONE / 3n },
      { to: bob, weight: WEIGHT_ONE - WEIGHT_ONE / 3n },
    ],
  });
  ({ ledger, fees } = stage);
});

/** Whatever a test did: the books hold, and nothing is stuck on the way. */
afterEach(async () => {
  expect(await fees.checkControl()).toMatchObject({ holds: true });
  expect(await ledger.balance('clearing:fees')).toBe(0n);
  for (const { sum } of await ledger.trialBalance()) expect(sum).toBe(0n);
  await stage.end();
});

async function routed(facts: Charge): Promise<string> {
  const saleId = await stage.charge(facts);
  await fees.route(saleId);
  await fees.rollUp();
  return saleId;
}

const refunded = () => ledger.balance(`${payer}:available`);
const receivable = (party: string) => ledger.balance(`${party}:receivable`, RECEIVABLE);
const balances = async () =>
  (await ledger.balances()).filter(({ account }) => !account.startsWith('external:payer'));

/** What settlement does when the window of an epoch has passed. */
async function settle(epoch: number): Promise<void> {
  await fees.closeEpoch(epoch);
  await fees.mature(epoch);
  const standing = await ledger.balances({ suffix: `:pending:${epoch}` });
  if (standing.length === 0) return;
  await ledger.post({
    transactionId: transactionIdFor(new Date(), `settle:${epoch}`),
    reason: 'matured',
    postings: standing.map(({ account, amount }) => ({
      from: account,
      to: account.replace(/:pending:.*/, ':payable'),
      amount,
    })),
  });
}

describe('a refund before maturity', () => {
  test('of the whole leaves everybody where he would stand without the charge, and the payer with his money', async () => {
    const thirds = twelfths({ [ada]: 4, [bob]: 4, [POOL]: 4 });
    await routed({ units: 100n, shares: thirds });
    const before = await balances();
    const check = await fees.checkControl();

    const saleId = await routed({ units: 1001n, shares: thirds, basePartyId: base });
    const refund = await fees.refund({ saleId, refundId: 'r1' });
    expect(refund).toMatchObject({ saleId, refundId: 'r1', units: 1001n, advancedUnits: 0n });
    expect(await fees.refund({ saleId, refundId: 'r1' })).toEqual(refund);

    expect(await refunded()).toBe(1001n);
    const after = (await balances()).filter(({ account }) => !account.startsWith(payer));
    expect(after).toEqual(before);
    expect(await fees.checkControl()).toEqual(check);
    expect(await fees.find(saleId)).toMatchObject({ isReversed: true });
    expect((await fees.payouts({ partyId: operator, limit: 1 })).payouts).toMatchObject([
      { units: 200n, isReversed: true },
    ]);
  });

  test('in many parts ends in the exact mirror, and refuses a unit more', async () => {
    const shares = twelfths({ [ada]: 5, [bob]: 4, [POOL]: 3 });
    const before = await balances();
    const saleId = await routed({ units: 1003n, shares, basePartyId: base });
    const parts = [1n, 2n, 333n, 1n, 500n, 7n, 158n];
    let sum = 0n;
    for (const [i, units] of parts.entries()) {
      await fees.refund({ saleId, refundId: `part-${i}`, units });
      sum += units;
      expect(await refunded()).toBe(sum);
      const { remaining } = await fees.find(saleId);
      expect(remaining.reduce((total, each) => total + each, 0n)).toBe(1003n - sum);
      expect((await fees.checkControl()).holds).toBe(true);
    }
    await expect(fees.refund({ saleId, refundId: 'more', units: 2n })).rejects.toMatchObject({
      code: 'unprocessable',
    });
    await fees.refund({ saleId, refundId: 'last', units: 1n });
    expect((await balances()).filter(({ account }) => !account.startsWith(payer))).toEqual(before);
    for (const units of [undefined, 1n]) {
      await expect(fees.refund({ saleId, refundId: 'more', units })).rejects.toMatchObject({
        code: 'unprocessable',
      });
    }
  });

  test('under a name that was used is the same refund, or a conflict', async () => {
    const saleId = await routed({ units: 1000n, shares: twelfths({ [ada]: 12 }) });
    await fees.refund({ saleId, refundId: 'r', units: 100n });
    await Promise.all(
      [fees, createFees(stage.handles), fees].map((each) =>
        each.refund({ saleId, refundId: 'r', units: 100n }),
      ),
    );
    expect(await refunded()).toBe(100n);
    await expect(fees.refund({ saleId, refundId: 'r', units: 101n })).rejects.toMatchObject({
      code: 'conflict',
    });
    expect(await refunded()).toBe(100n);
  });

  test('by many at once is refunded each once', async () => {
    const saleId = await routed({ units: 1000n, shares: twelfths({ [ada]: 7, [bob]: 5 }) });
    const others = [fees, createFees(stage.handles)];
    await Promise.all(
      Array.from({ length: 25 }, (_, i) =>
        others[i % 2].refund({ saleId, refundId: `r${i}`, units: 40n }),
      ),
    );
    expect(await refunded()).toBe(1000n);
    expect(await stage.pending(ada)).toBe(0n);
  });

  test('takes a whole unit from the epoch where its fractions came together', async () => {
    const shares = twelfths({ [ada]: 7, [bob]: 5 }); // 7/12 of a unit each time
    const first = await routed({ units: 2n, shares }); // one unit to data
    await fees.closeEpoch(1);
    await routed({ units: 2n, shares });
    expect([await stage.pending(ada, 1), await stage.pending(ada, 2)]).toEqual([0n, 1n]);
    await fees.refund({ saleId: first, refundId: 'r' });
    expect([await stage.pending(ada, 1), await stage.pending(ada, 2)]).toEqual([0n, 0n]);
    expect(await fees.checkControl()).toMatchObject({ holds: true, balance: 1n });
  });

  test('touches the sum of a pool and none of its members', async () => {
    await routed({ units: 600n, shares: twelfths({ [POOL]: 12 }) });
    const saleId = await routed({ units: 90n, shares: twelfths({ [POOL]: 12 }) });
    await fees.closeEpoch(1);
    await fees.refund({ saleId, refundId: 'r', units: 30n });
    expect(await stage.pending(ada)).toBe(0n);
    expect(await fees.checkControl()).toMatchObject({ fractions: 0n, pools: 330n * WEIGHT_ONE });
    await fees.mature(1);
    expect([await stage.pending(ada), await stage.pending(bob)]).toEqual([109n, 220n]);
  });

  test('of what was never routed is not found, and of what is not credited yet is a conflict', async () => {
    await expect(fees.refund({ saleId: 'inf_x', refundId: 'r' })).rejects.toMatchObject({
      code: 'not_found',
    });
    const saleId = await stage.charge({ units: 100n, shares: twelfths({ [ada]: 12 }) });
    await expect(createFees(silenced(stage.handles)).route(saleId)).rejects.toThrow('died');
    await expect(fees.refund({ saleId, refundId: 'r' })).rejects.toMatchObject({
      code: 'conflict',
    });
    await fees.route(saleId);
  });
});

describe('a refund after maturity', () => {
  const shares = twelfths({ [ada]: 9, [bob]: 3 });

  test('is advanced by the bond, and what was settled stays as it was', async () => {
    const saleId = await routed({ units: 1000n, shares });
    await settle(1);
    await stage.fund(`${operator}:stake`, 5000n);
    const refund = await fees.refund({ saleId, refundId: 'r' });

    expect(await refunded()).toBe(1000n);
    expect(refund.advancedUnits).toBe(900n); // stakers, treasury and insurance paid their 100 themselves
    expect(await ledger.balance(`${operator}:stake`)).toBe(4100n);
    expect(await ledger.balance(`${ada}:payable`)).toBe(375n);
    expect(await receivable(ada)).toBe(375n);
    expect(await receivable(bob)).toBe(125n);
    expect(await receivable(builder)).toBe(200n);
    expect(await receivable(operator)).toBe(200n);
    expect((await fees.earnings(ada)).receivable).toBe(375n);
  });

  test('takes first what the party has pending, then the bond, then the insurance', async () => {
    const saleId = await routed({ units: 1000n, shares });
    await settle(1);
    await routed({ units: 400n, shares: twelfths({ [ada]: 12 }) }); // 200 pending in epoch 2, 80 for builder and operator each
    await stage.fund(`${operator}:stake`, 300n);
    await stage.fund('insurance:protocol', 1000n);
    await fees.refund({ saleId, refundId: 'r' });

    expect(await refunded()).toBe(1000n);
    expect(await stage.pending(ada, 2)).toBe(0n);
    expect(await receivable(ada)).toBe(175n);
    expect(await receivable(operator)).toBe(120n);
    expect(await ledger.balance(`${operator}:stake`)).toBe(0n);
    // had 28 of fees and 1000; gave its own 20, and lent 900 - 360 - 300
    expect(await ledger.balance('insurance:protocol')).toBe(1028n - 20n - 240n);
  });

  test('is refused whole when neither covers it, and leaves nothing behind', async () => {
    const saleId = await routed({ units: 1000n, shares });
    await settle(1);
    await stage.fund(`${operator}:stake`, 400n);
    const before = await balances();
    const check = await fees.checkControl();
    await expect(fees.refund({ saleId, refundId: 'r' })).rejects.toMatchObject({
      code: 'insufficient_funds',
    });
    expect(await balances()).toEqual(before);
    expect(await fees.checkControl()).toEqual(check);
    expect((await fees.find(saleId)).isReversed).toBe(false);

    await stage.fund('insurance:protocol', 1000n); // the same name may succeed later
    await fees.refund({ saleId, refundId: 'r' });
    expect(await refunded()).toBe(1000n);
  });

  test('that loses its lender between plan and posting is planned again, and then refused', async () => {
    const saleId = await routed({ units: 1000n, shares });
    await settle(1);
    await stage.fund(`${operator}:stake`, 900n);
    const racing = createFees({
      ...stage.handles,
      ledger: {
        ...ledger,
        post: async (wish) => {
          if (wish.reason === 'fees.refunded' && (await ledger.balance(`${operator}:stake`)) > 0n) {
            await ledger.post({
              transactionId: transactionIdFor(new Date(), 'slashed'),
              reason: 'slashed',
              postings: [{ from: `${operator}:stake`, to: 'treasury:slashed', amount: 900n }],
            });
          }
          return ledger.post(wish);
        },
      },
    });
    const check = await fees.checkControl();
    await expect(racing.refund({ saleId, refundId: 'r' })).rejects.toMatchObject({
      code: 'insufficient_funds',
    });
    expect(await fees.checkControl()).toEqual(check);
    expect(await receivable(ada)).toBe(0n);
    await routed({ units: 10n, shares }); // nothing is stuck
    expect(await stage.pending(operator, 2)).toBe(2n);
  });

  test('of a pool claws back from its members', async () => {
    const saleId = await routed({ units: 600n, shares: twelfths({ [POOL]: 12 }) });
    await settle(1);
    expect(await ledger.balance(`${bob}:payable`)).toBe(200n);
    await stage.fund(`${operator}:stake`, 1000n);
    await fees.refund({ saleId, refundId: 'r' });
    expect([await receivable(ada), await receivable(bob)]).toEqual([99n, 200n]);
    expect(await fees.checkControl()).toMatchObject({ balance: 0n, pools: 0n });
  });

  test('in parts ends in the exact mirror as well', async () => {
    const saleId = await routed({ units: 997n, shares: twelfths({ [ada]: 5, [POOL]: 7 }) });
    await settle(1);
    await stage.fund(`${operator}:stake`, 1000n);
    for (const [i, units] of [100n, 1n, 333n, 563n].entries()) {
      await fees.refund({ saleId, refundId: `r${i}`, units });
    }
    expect(await refunded()).toBe(997n);
    for (const party of [ada, bob, builder, operator]) {
      expect(await receivable(party)).toBe(await ledger.balance(`${party}:payable`));
    }
    expect(await fees.checkControl()).toMatchObject({ balance: 0n, fractions: 0n, pools: 0n });
  });
});

describe('a receivable', () => {
  const shares = twelfths({ [ada]: 9, [bob]: 3 });

  async function owed(): Promise<void> {
    const saleId = await routed({ units: 1000n, shares });
    await settle(1);
    await stage.fund(`${operator}:stake`, 600n);
    await stage.fund('insurance:protocol', 1000n);
    await fees.refund({ saleId, refundId: 'r' });
  }

  test('is netted from the next credits, oldest advance first, and then credits are pending again', async () => {
    await owed();
    const lent = 900n - 600n; // by the insurance
    const insurance = await ledger.balance('insurance:protocol');
    await routed({ units: 200n, shares: twelfths({ [ada]: 12 }) }); // 100 for ada, 40 for builder and operator each
    expect(await stage.pending(ada, 2)).toBe(0n);
    expect(await receivable(ada)).toBe(275n);
    expect([await receivable(operator), await receivable(builder)]).toEqual([160n, 160n]);
    expect([await stage.pending(operator, 2), await stage.pending(builder, 2)]).toEqual([0n, 0n]);

    await routed({ units: 2000n, shares });
    expect([await receivable(ada), await receivable(bob)]).toEqual([0n, 0n]);
    expect([await receivable(operator), await receivable(builder)]).toEqual([0n, 0n]);
    expect(await stage.pending(ada, 2)).toBe(750n - 275n);
    expect(await stage.pending(bob, 2)).toBe(250n - 125n);
    expect(await stage.pending(operator, 2)).toBe(400n - 160n);
    expect(await ledger.balance(`${operator}:stake`)).toBe(600n);
    expect(await ledger.balance('insurance:protocol')).toBe(insurance + lent + 4n + 40n);
    expect(await ledger.balance('external:receivable', RECEIVABLE)).toBe(0n);
  });

  test('is netted from pool money when that is folded', async () => {
    await owed();
    await routed({ units: 600n, shares: twelfths({ [POOL]: 12 }) });
    await settle(2);
    expect(await receivable(ada)).toBe(375n - 99n);
    expect(await receivable(bob)).toBe(0n);
    expect(await ledger.balance(`${bob}:payable`)).toBe(125n + 75n);
  });

  test('comes back when the credit that paid it is refunded itself', async () => {
    await owed();
    const saleId = await routed({ units: 200n, shares: twelfths({ [ada]: 12 }) });
    const before = await receivable(ada);
    await fees.refund({ saleId, refundId: 'r' });
    expect(await receivable(ada)).toBe(before + 100n);
    expect(await ledger.balance(`${ada}:payable`)).toBe(375n);
  });
});

describe('a reallocation', () => {
  test('moves the data leg to better shares, once, and later refunds follow them', async () => {
    const old = twelfths({ [ada]: 6, [POOL]: 6 });
    const better = twelfths({ [bob]: 3, [eve]: 9 });
    const saleId = await routed({ units: 1001n, shares: old }); // 500 to data
    await fees.closeEpoch(1);
    for (let i = 0; i < 2; i++) {
      await fees.reallocate({ saleId, reallocationId: 'a', shares: better });
    }
    expect([await stage.pending(ada), await stage.pending(bob), await stage.pending(eve)]).toEqual([
      0n,
      125n,
      375n,
    ]);
    await expect(
      fees.reallocate({ saleId, reallocationId: 'a', shares: old }),
    ).rejects.toMatchObject({ code: 'conflict' });
    const routing = await fees.find(saleId);
    expect(routing.shares).toEqual(old); // what the receipt says
    expect(routing.currentShares).toEqual(better);
    expect((await fees.payouts({ partyId: eve, limit: 5 })).payouts).toMatchObject([
      { units: 375n, role: 'data' },
    ]);
    expect((await fees.payouts({ partyId: ada, limit: 5 })).payouts).toEqual([]);

    await fees.refund({ saleId, refundId: 'r' });
    expect(await refunded()).toBe(1001n);
    expect(await fees.checkControl()).toMatchObject({ balance: 0n, pools: 0n, fractions: 0n });
  });

  test('divides what refunds have left', async () => {
    const saleId = await routed({ units: 1000n, shares: twelfths({ [ada]: 12 }) });
    await fees.refund({ saleId, refundId: 'r', units: 500n });
    await fees.reallocate({ saleId, reallocationId: 'a', shares: twelfths({ [bob]: 12 }) });
    expect([await stage.pending(ada), await stage.pending(bob)]).toEqual([0n, 250n]);
  });

  test('of what was refunded whole moves nothing', async () => {
    const saleId = await routed({ units: 1000n, shares: twelfths({ [ada]: 12 }) });
    await fees.refund({ saleId, refundId: 'r' });
    await fees.reallocate({ saleId, reallocationId: 'a', shares: twelfths({ [bob]: 12 }) });
    expect([await stage.pending(ada), await stage.pending(bob)]).toEqual([0n, 0n]);
  });

  test('is refused when the epoch has matured, without a data leg, and for what is no vector', async () => {
    const saleId = await routed({ units: 1000n, shares: twelfths({ [ada]: 12 }) });
    const bare = await routed({ units: 1000n, shares: [] });
    const better = { reallocationId: 'a', shares: twelfths({ [bob]: 12 }) };
    await expect(
      fees.reallocate({ saleId, reallocationId: 'a', shares: [{ to: ada, weight: 1n }] }),
    ).rejects.toMatchObject({ code: 'invalid_input' });
    await expect(fees.reallocate({ saleId: bare, ...better })).rejects.toMatchObject({
      code: 'unprocessable',
    });
    await settle(1);
    await expect(fees.reallocate({ saleId, ...better })).rejects.toMatchObject({
      code: 'conflict',
    });
    expect(await ledger.balance(`${ada}:payable`)).toBe(500n);
  });
});

describe('a crash', () => {
  const refunding = ({ reason }: { readonly reason: string }) => reason === 'fees.refunded';

  test.each([
    ['after the ledger took a refund', deafened],
    ['before the ledger heard of a refund', silenced],
  ])('%s: whoever comes next finishes it, once', async (_, broken) => {
    const saleId = await routed({ units: 1000n, shares: twelfths({ [ada]: 12 }) });
    await settle(1);
    await stage.fund(`${operator}:stake`, 900n);
    const dying = createFees(broken(stage.handles, refunding));
    await expect(dying.refund({ saleId, refundId: 'r' })).rejects.toThrow('died');
    await routed({ units: 100n, shares: twelfths({ [ada]: 12 }) }); // plans nothing before the refund is done
    expect(await refunded()).toBe(1000n);
    expect(await receivable(ada)).toBe(450n);
    const { advancedUnits } = await fees.refund({ saleId, refundId: 'r' });
    expect(advancedUnits).toBe(900n);
    expect(await refunded()).toBe(1000n);
  });

  test('in the middle of a reallocation: asked again, it is finished, once', async () => {
    const saleId = await routed({ units: 1000n, shares: twelfths({ [ada]: 12 }) });
    const dying = createFees(
      deafened(stage.handles, ({ reason }) => reason === 'fees.reallocated'),
    );
    const wish = { saleId, reallocationId: 'a', shares: twelfths({ [bob]: 12 }) };
    await expect(dying.reallocate(wish)).rejects.toThrow('died');
    await fees.reallocate(wish);
    expect([await stage.pending(ada), await stage.pending(bob)]).toEqual([0n, 500n]);
  });
});
