import { proportionOf } from '@openledger/protocol';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestBounties, type TestBounties } from '../../../test/harness/bounties.ts';
import type { Ledger } from '../../ledger/index.ts';
import { earnedAt } from './bounties.ts';

let stage: TestBounties;
beforeAll(async () => {
  stage = await openTestBounties();
});
afterAll(() => stage.end());

test('any steps to the same level are paid the same, never more than the reward, never less than before', () => {
  fc.assert(
    fc.property(
      fc.bigInt({ min: 0n, max: 2n ** 200n }),
      fc.integer({ min: 1, max: 1_000_000 }),
      fc.array(fc.integer({ min: -1_000_000, max: 1_000_000 }), { maxLength: 20 }),
      (reward, targetPpm, deltas) => {
        let [level, best, paid] = [0, 0, 0n];
        for (const delta of deltas) {
          level += delta;
          best = Math.max(best, level);
          const units = earnedAt(best, { reward, targetPpm }) - paid;
          expect(units >= 0n).toBe(true);
          paid += units;
        }
        expect(paid).toBe(earnedAt(best, { reward, targetPpm }));
        expect(paid <= reward).toBe(true);
        if (best >= targetPpm) expect(paid).toBe(reward);
      },
    ),
  );
});

test('a proportion is the floor of the exact one, and the whole is the amount', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n }), fc.bigInt({ min: 1n }), (amount, whole) => {
      const part = whole / 3n;
      const share = proportionOf(amount, { part, whole });
      expect(share * whole <= amount * part && amount * part < (share + 1n) * whole).toBe(true);
      expect(proportionOf(amount, { part: whole, whole })).toBe(amount);
    }),
  );
  expect(() => proportionOf(5n, { part: 2n, whole: 1n })).toThrow();
  expect(() => proportionOf(5n, { part: 0n, whole: 0n })).toThrow();
});

type Act = 'annotate' | 'null' | 'tag' | 'accept' | 'reject' | 'pass' | 'settle' | 'close';

test('whatever is done in whatever order, over a ledger that fails, no unit is lost or made', async () => {
  const { datanetId, questions } = await stage.archipelago('sequences');
  const funder = await stage.party('patron', 10_000_000n);
  const refiners = await Promise.all(['r1', 'r2', 'r3'].map((name) => stage.party(name)));
  const parties = [funder, ...refiners];
  const total = async () =>
    (await Promise.all(parties.map((party) => stage.available(party)))).reduce((a, b) => a + b) +
    (await stage.reserved());
  const act = fc.constantFrom<Act>(
    ...(['annotate', 'null', 'tag', 'accept', 'reject', 'pass', 'settle', 'close'] as const),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(act, fc.nat(2)), { minLength: 3, maxLength: 8 }),
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 1, max: 100_000 }),
      async (acts, failEvery, reward) => {
        let asked = 0;
        const post: Ledger['post'] = async (wish) => {
          asked++;
          // Before it is done, or when it was done and nobody hears of it.
          if (asked % (2 * failEvery) === failEvery + 1) throw new Error('The ledger is away.');
          const done = await stage.ledger.post(wish);
          if (asked % (2 * failEvery) === 0) throw new Error('The line is cut.');
          return done;
        };
        const bounties = stage.openBounties({ post });
        const bounty = await stage.bounties.open({
          ...{ datanetId, questions, reward: BigInt(reward), targetPpm: 500_000, kind: 'annotate' },
          ...{ funderId: funder, instructions: '', submitSeconds: 100, decideSeconds: 100 },
        });
        const pending: string[] = [];
        for (const [name, i] of acts) {
          const order = { bountyId: bounty.id, partyId: refiners[i] };
          await doAct(bounties, { name, order, pending, funder }).catch(() => {});
          expect(await total()).toBe(10_000_000n);
        }
        stage.clock.pass(300);
        await stage.bounties.settle();
        const closed = await stage.bounties.find(bounty.id);
        expect(closed.closedAt).toBeDefined();
        expect(closed.paid).toBe(earnedAt(closed.bestPpm, closed));
        expect(await stage.ledger.balance(`${bounty.id}:reward`)).toBe(0n);
        expect(await total()).toBe(10_000_000n);
      },
    ),
    { numRuns: 8 },
  );
  expect((await stage.ledger.audit()).ok).toBe(true);
});

async function doAct(
  bounties: TestBounties['bounties'],
  {
    name,
    order,
    pending,
    funder,
  }: {
    readonly name: Act;
    readonly order: { readonly bountyId: string; readonly partyId: `pty_${string}` };
    readonly pending: string[];
    readonly funder: `pty_${string}`;
  },
): Promise<void> {
  const pipelines = { annotate: 'annotate-1', null: 'clean-1', tag: 'tag-1' } as const;
  switch (name) {
    case 'annotate':
    case 'null':
    case 'tag':
      pending.push((await bounties.run({ ...order, pipeline: [pipelines[name]] })).id);
      return;
    case 'accept':
    case 'reject': {
      const submissionId = pending.shift();
      const reviewer = { partyId: stage.owner, accept: name === 'accept', reason: 'Read.' };
      if (submissionId) await bounties.reviews.vote({ ...reviewer, submissionId });
      return;
    }
    case 'pass':
      return stage.clock.pass(60);
    case 'settle':
      return bounties.settle();
    case 'close':
      await bounties.close(order.bountyId, { partyId: funder, scopes: [] });
  }
}

test('a reward whose opener dies before the ledger answers is taken later, or the bounty is gone', async () => {
  const { datanetId, questions } = await stage.archipelago('openers');
  const order = {
    ...{ datanetId, questions, reward: 100n, targetPpm: 1000, kind: 'annotate' as const },
    ...{ instructions: '', submitSeconds: 3600, decideSeconds: 3600 },
  };
  const dead = stage.openBounties({
    post: async () => {
      throw new Error('The server was killed.');
    },
  });
  const [rich, poor] = [await stage.party('rich', 100n), await stage.party('poor-one')];
  await expect(dead.open({ ...order, funderId: rich })).rejects.toThrow('killed');
  await expect(dead.open({ ...order, funderId: poor })).rejects.toThrow('killed');
  expect(await stage.bounties.list({ datanetId, limit: 10 })).toEqual([]);
  stage.clock.pass(61);
  await stage.bounties.settle();
  const left = await stage.bounties.list({ datanetId, limit: 10 });
  expect(left.map(({ funderId }) => funderId)).toEqual([rich]);
  expect(await stage.available(rich)).toBe(0n);
});
