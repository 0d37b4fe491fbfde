import { type Id, OpenLedgerError } from '@openledger/protocol';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ask, MODEL, openTestGateway, type TestGateway } from '../../test/harness/gateway.ts';
import {
  dayOf,
  type ModelledCall,
  type ModelledKey,
  refusalBy,
  spentBy,
  stretchesBeyond,
  takenBy,
} from '../../test/harness/limits-model.ts';
import type { Caller, KeyLimits } from '../identity/index.ts';
import { newId } from '../platform/new-id.ts';
import { sql } from '../platform/sql.ts';
import { openInference, recordRefused, recordServed, recordVoid } from './inferences.ts';
import { reserveLimits } from './limits.ts';

let world: TestGateway;
beforeAll(async () => {
  world = await openTestGateway();
});
afterAll(() => world.end());

/** What was let in, as the database and the model know it. */
type Known = ModelledCall & { readonly inferenceId: Id<'inference'> };

const models = [MODEL, 'another'] as const;
const units = fc.oneof(fc.constant(0n), fc.bigInt({ min: 0n, max: 60n }));
const wish = {
  ...{ units, tokens: fc.integer({ min: 1, max: 40 }), model: fc.constantFrom(...models) },
  clients: fc.integer({ min: 1, max: 4 }),
};
const some = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });

const limitsOf: fc.Arbitrary<KeyLimits> = fc.record({
  dailyUnits: some(fc.bigInt({ min: 0n, max: 200n })),
  modelUnits: some(fc.constant({ [MODEL]: 150n })),
  requestsPerMinute: some(fc.integer({ min: 1, max: 7 })),
  tokensPerMinute: some(fc.integer({ min: 10, max: 100 })),
});

const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('ask' as const), ...wish }),
  },
  {
    weight: 3, // at the very millisecond at which the first of them is let in, or just before
    arbitrary: fc.record({
      ...{ kind: fc.constant('wait and ask' as const), early: fc.constantFrom(0, 1), ...wish },
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom('serve' as const, 'serve' as const, 'void' as const, 'refuse' as const),
      which: fc.nat(),
      percent: fc.integer({ min: 0, max: 100 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('pass' as const),
      ms: fc.oneof(fc.integer({ min: 0, max: 40_000 }), fc.constant(9 * 3_600_000)),
    }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
type Wish = Pick<Extract<Step, { kind: 'ask' }>, 'clients' | 'units' | 'tokens' | 'model'>;

const codeOf = (error: unknown): string => {
  if (error instanceof OpenLedgerError) return error.code;
  throw error;
};

/** One key's life: each answer is the model's, and nothing that was promised is broken at its end. */
async function live(key: ModelledKey, steps: readonly Step[]): Promise<void> {
  const { db } = world.database;
  let now = Date.UTC(2030, 0, 1, 20);
  const clock = { now: () => new Date(now) };
  const calls: Known[] = [];
  const caller: Caller = {
    ...{ keyId: newId('key', clock), partyId: newId('party', clock), scopes: ['infer'] },
    ...{ limitUnits: key.limitUnits, limits: key.limits, models: undefined, expiresAt: undefined },
  };

  async function letIn(asked: Pick<Known, 'units' | 'tokens' | 'model'>): Promise<Known> {
    const inferenceId = newId('inference', clock);
    const call = {
      ...{ inferenceId, createdAt: clock.now(), servedBy: 'here', caller, request: ask() },
      ...{ retrieved: [], heldUnits: asked.units, cachedFrom: undefined },
      atMost: { promptTokens: asked.tokens, completionTokens: 0 },
      route: routeOf(asked.model, caller.partyId),
    };
    await db.transaction(async (tx) => {
      await reserveLimits(tx, call);
      await openInference(tx, call);
    });
    return { ...asked, at: now, inferenceId };
  }

  /** How long a call must wait until its key's rates let it in; 0 where waiting a minute does not help. */
  function waitOf(asked: Pick<Known, 'units' | 'tokens' | 'model'>): number {
    const isRefused = (ms: number) => refusalBy(key, calls, { ...asked, at: now + ms });
    if (!isRefused(0) || isRefused(60_000)) return 0;
    let [no, yes] = [0, 60_000];
    while (yes - no > 1) {
      const middle = Math.floor((no + yes) / 2);
      if (isRefused(middle)) no = middle;
      else yes = middle;
    }
    return yes;
  }

  async function askAtOnce({ clients, ...asked }: Wish) {
    const expected: (string | undefined)[] = [];
    const modelled: ModelledCall[] = [...calls];
    for (let i = 0; i < clients; i++) {
      const one = { ...asked, at: now };
      expected.push(refusalBy(key, modelled, one));
      if (expected[i] === undefined) modelled.push(one);
    }
    const got = await Promise.all(
      expected.map(() => letIn(asked).then((call) => void calls.push(call), codeOf)),
    );
    expect(got.toSorted()).toEqual(expected.toSorted());
  }

  async function end(call: Known, kind: 'serve' | 'void' | 'refuse', percent: number) {
    const at = clock.now();
    const { inferenceId } = call;
    if (kind === 'void') {
      const why = { finishReason: 'operator_failed', failures: [] };
      await db.transaction((tx) => recordVoid(tx, inferenceId, why));
      call.end = { kind: 'void' };
    } else if (kind === 'refuse') {
      await db.transaction((tx) => recordRefused(tx, inferenceId, at));
      call.end = { kind: 'refused', at: now };
    } else {
      const tokens = Math.floor((call.tokens * percent) / 100);
      const priceUnits = (call.units * BigInt(percent)) / 100n;
      const usage = { promptTokens: tokens, completionTokens: 0 };
      await db.transaction((tx) =>
        recordServed(tx, {
          ...{
            inferenceId,
            output: 'x',
            toolCalls: [],
            finishReason: 'stop',
            usage,
            estimated: false,
          },
          ...{ priceUnits, servedAt: at },
        }),
      );
      call.end = { kind: 'served', at: now, units: priceUnits, tokens };
    }
  }

  for (const one of steps) {
    if (one.kind === 'pass') now += one.ms;
    else if (one.kind === 'ask') await askAtOnce(one);
    else if (one.kind === 'wait and ask') {
      now += Math.max(0, waitOf(one) - one.early);
      await askAtOnce(one);
    } else {
      const open = calls.filter((call) => !call.end);
      if (open.length > 0) await end(open[one.which % open.length], one.kind, one.percent);
    }
  }
  assertKept(key, calls);
  for (const call of calls.filter((one) => !one.end)) await end(call, 'void', 0);
  const isLimited = key.limitUnits !== undefined || key.limits !== undefined;
  const taken = isLimited ? takenBy(calls) : 0n;
  expect(await takenOf(caller.keyId)).toEqual([{ taken: `${taken}`, tokens: '0' }]);
}

/** What the limits say in the words of their document, of all that was let in. */
function assertKept({ limitUnits, limits }: ModelledKey, calls: readonly Known[]): void {
  const sum = (some: readonly Known[]) => some.reduce((total, one) => total + spentBy(one), 0n);
  if (limitUnits !== undefined) expect(sum(calls)).toBeLessThanOrEqual(limitUnits);
  for (const day of new Set(calls.map(({ at }) => dayOf(at)))) {
    const most = limits?.dailyUnits ?? sum(calls);
    expect(sum(calls.filter(({ at }) => dayOf(at) === day))).toBeLessThanOrEqual(most);
  }
  const most = limits?.modelUnits?.[MODEL] ?? sum(calls);
  expect(sum(calls.filter(({ model }) => model === MODEL))).toBeLessThanOrEqual(most);
  if (limits?.requestsPerMinute !== undefined) {
    const uses = calls
      .filter(({ end }) => end?.kind !== 'refused')
      .map(({ at }) => ({ at, amount: 1 }));
    expect(stretchesBeyond(limits.requestsPerMinute, uses)).toEqual([]);
  }
  if (limits?.tokensPerMinute !== undefined) {
    const uses = calls.flatMap(({ end }) =>
      end?.kind === 'served' ? [{ at: end.at, amount: end.tokens }] : [],
    );
    expect(stretchesBeyond(limits.tokensPerMinute, uses)).toEqual([]);
  }
}

const takenOf = (keyId: string) =>
  world.database.db.query(sql`
    select coalesce(sum(spent_units + reserved_units), 0)::text as taken,
           coalesce(sum(tokens_reserved), 0)::text as tokens
    from gateway.key_spending
    where key_id = ${keyId}`);

const routeOf = (model: string, partyId: Caller['partyId']) => ({
  ...{ model, operator: 'remote', operatorPartyId: partyId, builderPartyId: partyId },
  ...{ basePartyId: undefined, modelHash: undefined, adapterHash: undefined },
  ...{ engine: undefined, scoring: undefined, snapshots: [] },
});

/** One of two requests is refused when half a minute has drained it: it has nothing left to give back. */
const refusedLate: Step[] = [
  { kind: 'ask', clients: 2, units: 0n, tokens: 1, model: MODEL },
  { kind: 'pass', ms: 30_000 },
  { kind: 'ask', clients: 1, units: 0n, tokens: 1, model: MODEL },
  { kind: 'refuse', which: 0, percent: 0 },
  { kind: 'ask', clients: 1, units: 0n, tokens: 1, model: MODEL },
];

test('whatever is asked, served, voided and refused, at once and over time, a plain model of the limits would have answered the same', async () => {
  await fc.assert(
    fc.asyncProperty(
      some(fc.bigInt({ min: 0n, max: 400n })),
      some(limitsOf),
      fc.array(step, { minLength: 1, maxLength: 40 }),
      (limitUnits, limits, steps) => live({ limitUnits, limits }, steps),
    ),
    { numRuns: 80, examples: [[undefined, { requestsPerMinute: 2 }, refusedLate]] },
  );
});

test('the model itself says no: a bucket of 2 a minute is full after two, and has one again in half a minute', () => {
  const key = { limits: { requestsPerMinute: 2 } };
  const call = (at: number) => ({ at, units: 0n, tokens: 1, model: MODEL });
  const two = [call(0), call(0)];
  expect(refusalBy(key, two, call(29_999))).toBe('rate_limited');
  expect(refusalBy(key, two, call(30_000))).toBeUndefined();
  expect(
    stretchesBeyond(
      2,
      [...two, call(29_999)].map(({ at }) => ({ at, amount: 1 })),
    ),
  ).toEqual(['3 from 0 to 29999']);
});
