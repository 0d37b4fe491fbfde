/** Requests sent again under their idempotency keys: on real stages, by a hold a call and by leases. */
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  ask,
  MODEL,
  openTestGateway,
  price,
  read,
  serve,
  type TestGateway,
} from '../../test/harness/gateway.ts';
import { transactionIdFor } from '../ledger/index.ts';
import type { Db, Reader } from '../platform/db.ts';
import { EmbeddingsBody, fromEmbeddings } from './embedding-request.ts';
import { once, openClaim } from './idempotency.ts';
import type { CallWatch, Gateway, ServeCall } from './index.ts';
import { silentWatch } from './observer.ts';

let world: TestGateway;
let gateway: Gateway;

const greets = () =>
  world.operator.plays((call) => {
    call.text('Hello ');
    call.text('you.');
    call.finish({ prompt: 5, completion: 4 });
  });

/** Says one word and then nothing, until it is told to finish. */
const hesitates = (): (() => void) => {
  let goOn: () => void = () => {};
  const going = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  world.operator.plays(async (call) => {
    call.text('Hello ');
    await going;
    call.text('you.');
    call.finish({ prompt: 5, completion: 4 });
  });
  return goOn;
};

const endWorld = async () => {
  expect(world.errors).toEqual([]);
  for (const { sum } of await world.ledger.trialBalance()) expect(sum).toBe(0n);
  await world.end();
};

const under = (key: string, call: Partial<ServeCall> = {}): Partial<ServeCall> => ({
  idempotency: { key, requestHash: 'of one request' },
  ...call,
});

type Payer = Awaited<ReturnType<TestGateway['payer']>>;

const send = (payer: Payer, call: Partial<ServeCall>, by: Gateway = gateway) =>
  serve(by, payer.caller, call);

/** Asks and reads to the end. */
async function sent(payer: Payer, call: Partial<ServeCall>, by: Gateway = gateway) {
  const serving = await send(payer, call, by);
  const { inferenceId, replay, cachedFrom } = serving;
  return { ...(await read(serving)), inferenceId, replay, cachedFrom };
}

const timesAsked = () => world.operator.calls.length;
const callsOf = (payer: Payer, by: Gateway = gateway) =>
  by.list({ payerId: payer.partyId, limit: 100 });

/** All his calls are captured, and nothing is held: what he has is what he had, less this. */
async function expectSpent(payer: Payer, before: bigint, spent: bigint) {
  for (const { inferenceId, status } of await callsOf(payer)) {
    if (status === 'served') await gateway.capture(inferenceId);
  }
  await gateway.stop();
  await expect.poll(() => world.balancesOf(payer.partyId)).toEqual([before - spent, 0n]);
}

const UNDER_WAY = { code: 'conflict', details: { retryAfterSeconds: 1 } };
const OTHER = { code: 'conflict', details: { mayRetry: false } };

describe.each(['holds', 'leases'] as const)('paid for by %s', (kind) => {
  let folder: string;
  const openOn = (at: string) =>
    world.openGateway({ leases: kind === 'leases' ? { folder: at } : undefined });

  /** What a process leaves that is killed now: its folder as it stands, without its lock. */
  async function killed(): Promise<string> {
    const left = await mkdtemp(join(tmpdir(), 'openledger-idempotency-left-'));
    await cp(folder, left, { recursive: true });
    await rm(join(left, 'lock'), { force: true });
    return left;
  }

  beforeEach(async () => {
    world = await openTestGateway();
    folder = await mkdtemp(join(tmpdir(), 'openledger-idempotency-'));
    gateway = openOn(folder);
    await gateway.recover();
    greets();
  });
  afterEach(async () => {
    await endWorld();
    await rm(folder, { recursive: true, force: true });
  });

  test.each([
    'streamed',
    'whole',
  ] as const)('what was served is told again for nothing, under the same inference (%s)', async (delivery) => {
    const payer = await world.payer(1_000n);
    const first = await sent(payer, under('a', { delivery }));
    const again = await sent(payer, under('a', { delivery }));
    expect(first.replay).toBeUndefined();
    expect(again).toEqual({ ...first, replay: { brokenOff: undefined } });
    expect([timesAsked(), (await callsOf(payer)).length]).toEqual([1, 1]);
    await expectSpent(payer, 1_000n, price(5, 4));
  });

  test('of many equal requests at once, at two gateways, one is made; the others hear of it', async () => {
    const payer = await world.payer(80n); // enough for one
    const other = world.openGateway({});
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, (_, i) => sent(payer, under('a'), i % 2 ? gateway : other)),
    );
    expect(timesAsked()).toBe(1);
    const answers = outcomes.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    expect(answers.filter(({ replay }) => !replay)).toHaveLength(1);
    expect(new Set(answers.map(({ text }) => text))).toEqual(new Set(['Hello you.']));
    for (const one of outcomes) {
      if (one.status === 'rejected') expect(one.reason).toMatchObject(UNDER_WAY);
    }
    expect((await sent(payer, under('a'), other)).inferenceId).toBe(answers[0].inferenceId);
    await expectSpent(payer, 80n, price(5, 4));
  });

  test.each([
    'streamed',
    'whole',
  ] as const)('a call that has not ended is not made twice (%s)', async (delivery) => {
    const payer = await world.payer(1_000n);
    const goOn = hesitates();
    const first = await send(payer, under('a', { delivery }));
    const reading = read(first);
    for (const by of [gateway, world.openGateway({})]) {
      await expect(send(payer, under('a', { delivery }), by)).rejects.toMatchObject(UNDER_WAY);
    }
    goOn();
    expect((await reading).text).toBe('Hello you.');
    expect((await sent(payer, under('a', { delivery }))).inferenceId).toBe(first.inferenceId);
    await expectSpent(payer, 1_000n, price(5, 4));
  });

  test('a call that came to nothing leaves its key free, for whatever is asked next', async () => {
    const payer = await world.payer(1_000n);
    world.operator.plays((call) => call.status(500));
    const failing = sent(payer, under('a'));
    await expect(failing).rejects.toMatchObject({ code: 'operator_failed' });
    greets();
    const second = await send(payer, under('a', { delivery: 'whole' }));
    await second.leave(); // nobody has got a whole answer
    const changed = { idempotency: { key: 'a', requestHash: 'of another request' } };
    const third = await sent(payer, changed);
    expect(third.replay).toBeUndefined();
    expect((await sent(payer, changed)).inferenceId).toBe(third.inferenceId);
    await expectSpent(payer, 1_000n, price(5, 4));
  });

  test('a client that left a stream is told again what he paid for, and how it broke off', async () => {
    const payer = await world.payer(1_000n);
    hesitates();
    const first = await send(payer, under('a'));
    await first.events.next();
    await first.leave();
    const paid = await gateway.find(first.inferenceId);
    expect(paid).toMatchObject({ status: 'served', finishReason: 'disconnected' });
    const again = await sent(payer, under('a'));
    expect(again).toMatchObject({
      ...{ inferenceId: first.inferenceId, text: 'Hello ', replay: { brokenOff: 'disconnected' } },
      end: { finishReason: 'length', usage: paid.usage, priceUnits: paid.priceUnits },
    });
    await expectSpent(payer, 1_000n, paid.priceUnits);
  });

  test('a gateway that dies in a stream leaves a key that stands for what recovery makes of it', async () => {
    const payer = await world.payer(1_000n);
    world.operator.plays((call) => {
      for (const word of ['one ', 'two ', 'three ']) call.text(word);
    });
    const first = await send(payer, under('a'));
    for (let i = 0; i < 3; i++) await first.events.next();
    const left = await killed();
    const next = openOn(left);
    await next.recover();
    greets();
    const again = await sent(payer, under('a'), next);
    const isPaid = kind === 'leases'; // what it had forwarded was written down
    expect(again.inferenceId === first.inferenceId).toBe(isPaid);
    expect(again).toMatchObject(
      isPaid
        ? { text: '', replay: { brokenOff: 'gateway_failed' }, end: { finishReason: 'length' } }
        : { text: 'Hello you.', replay: undefined },
    );
    await next.capture(again.inferenceId);
    await next.stop();
    const spent = again.end?.priceUnits ?? 0n;
    expect(await world.balancesOf(payer.partyId)).toEqual([1_000n - spent, 0n]);
    await first.leave();
    await gateway.stop();
    await rm(left, { recursive: true, force: true });
  });

  test('a gateway that dies over a whole answer leaves a key that is free once its call is ended', async () => {
    const payer = await world.payer(1_000n);
    hesitates();
    const first = await send(payer, under('a', { delivery: 'whole' }));
    const reading = read(first);
    await expect.poll(timesAsked).toBe(1);
    const left = await killed();
    const next = openOn(left);
    await expect(send(payer, under('a', { delivery: 'whole' }), next)).rejects.toMatchObject(
      UNDER_WAY,
    );
    await next.recover();
    greets();
    const second = await sent(payer, under('a', { delivery: 'whole' }), next);
    expect([second.replay, second.text]).toEqual([undefined, 'Hello you.']);
    expect((await next.find(first.inferenceId)).status).toBe('void');
    await next.capture(second.inferenceId);
    await next.stop();
    expect(await world.balancesOf(payer.partyId)).toEqual([1_000n - price(5, 4), 0n]);
    await first.leave();
    await reading.catch(() => {});
    await gateway.stop();
    await rm(left, { recursive: true, force: true });
  });
});

describe('a key', () => {
  beforeAll(async () => {
    world = await openTestGateway();
    ({ gateway } = world);
  });
  beforeEach(() => greets());
  afterAll(() => endWorld());

  test('with another request is a conflict, while its call stands', async () => {
    const payer = await world.payer(1_000n);
    const { inferenceId } = await sent(payer, under('a'));
    const changed = send(payer, { idempotency: { key: 'a', requestHash: 'of another' } });
    await expect(changed).rejects.toMatchObject({ ...OTHER, details: { inference: inferenceId } });
    expect(timesAsked()).toBe(1);
  });

  test('is its payer’s own, whichever of his keys is sent with it', async () => {
    const [one, two] = [await world.payer(1_000n), await world.payer(1_000n)];
    const first = await sent(one, under('a'));
    const second = await sent(two, under('a'));
    expect(second.replay).toBeUndefined();
    expect(second.inferenceId).not.toBe(first.inferenceId);
    const sameParty = { ...one, caller: { ...one.caller, keyId: two.caller.keyId } };
    expect((await sent(sameParty, under('a'))).inferenceId).toBe(first.inferenceId);
  });

  test('is free after a call that was refused: for want of money, or by the key’s limits', async () => {
    const poor = await world.payer(0n);
    await expect(send(poor, under('a'))).rejects.toMatchObject({ code: 'insufficient_funds' });
    await world.ledger.post({
      ...{ transactionId: transactionIdFor(poor.partyId, 'more'), reason: 'test' },
      postings: [{ from: 'external:chain', to: `${poor.partyId}:available`, amount: 100n }],
    });
    expect((await sent(poor, under('a'))).text).toBe('Hello you.');

    const limited = await world.payer(1_000n, { limits: { requestsPerMinute: 1 } });
    await sent(limited, under('a'));
    await expect(send(limited, under('b'))).rejects.toMatchObject({ code: 'rate_limited' });
    expect((await sent(limited, under('a'))).replay).toBeDefined(); // telling again is no request
    world.clock.pass(60_000);
    expect((await sent(limited, under('b'))).replay).toBeUndefined();
  });

  test('whose gateway died before its call was on record is free after a minute, and comes too late if it lives', async () => {
    const payer = await world.payer(1_000n);
    const handles = { db: world.database.db, clock: world.clock };
    let goOn: () => void = () => {};
    const going = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const { idempotency } = under('a');
    let hasClaimed = false;
    const slow = once(
      handles,
      { idempotency, caller: payer.caller },
      {
        async make(claim) {
          hasClaimed = true;
          await going;
          if (claim) await handles.db.transaction((tx) => openClaim(tx, claim));
        },
        again: () => {},
      },
    );
    const refused = expect(slow).rejects.toMatchObject(UNDER_WAY);
    await expect.poll(() => hasClaimed).toBe(true);
    await expect(send(payer, under('a'))).rejects.toMatchObject(UNDER_WAY);
    world.clock.pass(61_000);
    const second = await sent(payer, under('a'));
    goOn();
    await refused;
    expect((await sent(payer, under('a'))).inferenceId).toBe(second.inferenceId);
    expect(timesAsked()).toBe(1);
  });

  test('is kept for a day and then swept: after that it names another call', async () => {
    const payer = await world.payer(1_000n);
    const first = await sent(payer, under('a'));
    world.clock.pass(86_400_000 - 60_000);
    await gateway.sweep();
    expect((await sent(payer, under('a'))).inferenceId).toBe(first.inferenceId);
    world.clock.pass(120_000);
    await gateway.sweep();
    expect((await sent(payer, under('a'))).replay).toBeUndefined();
    expect(timesAsked()).toBe(2);
  });

  test('tells calls of tools again, each in one piece, after the text', async () => {
    const payer = await world.payer(1_000n);
    const pieces = [
      { index: 0, id: 'call_a', function: { name: 'look', arguments: '{"at":' } },
      { index: 0, function: { arguments: '"sea"}' } },
      { index: 1, id: 'call_b', function: { name: 'wait', arguments: '{}' } },
    ];
    world.operator.plays((call) => {
      call.text('I look.');
      for (const piece of pieces) call.event({ choices: [{ delta: { tool_calls: [piece] } }] });
      call.finish({ prompt: 5, completion: 9 }, 'tool_calls');
    });
    await sent(payer, under('a'));
    const { events } = await send(payer, under('a'));
    const again = [];
    for await (const event of events) again.push(event);
    expect(again).toMatchObject([
      { kind: 'text', text: 'I look.' },
      { kind: 'tool_call', index: 0, id: 'call_a', name: 'look', arguments: '{"at":"sea"}' },
      { kind: 'tool_call', index: 1, id: 'call_b', name: 'wait', arguments: '{}' },
      { kind: 'end', finishReason: 'tool_calls', usage: { promptTokens: 5, completionTokens: 9 } },
    ]);
  });

  test('that is sent again is no call to whoever counts calls: it ends as replayed, and nobody is asked', async () => {
    const payer = await world.payer(1_000n);
    const told: unknown[] = [];
    const watch: CallWatch = {
      ...silentWatch,
      routed: ({ model, operation }) => told.push(model, operation),
      opened: () => told.push('opened'),
      ended: (end) => told.push(end),
    };
    await sent(payer, under('a'));
    await sent(payer, under('a', { watch }));
    expect(told).toEqual([MODEL, 'chat', { kind: 'replayed', finishReason: 'stop' }]);
  });

  test('is refused with log-probabilities, which no record could tell again', async () => {
    const payer = await world.payer(1_000n);
    const request = ask({ logprobs: true });
    const refused = { code: 'unprocessable' };
    await expect(send(payer, under('a', { request }))).rejects.toMatchObject(refused);
    expect(await sent(payer, { request })).toMatchObject({ text: 'Hello you.' });
  });

  test('makes vectors once: the second time it tells which call had them, and charges nothing', async () => {
    const payer = await world.payer(1_000n);
    const request = fromEmbeddings(EmbeddingsBody.parse({ model: MODEL, input: 'a' }));
    const { signal } = new AbortController();
    const embed = () =>
      gateway.embed({ request, caller: payer.caller, signal, idempotency: under('a').idempotency });
    world.operator.plays((call) => call.status(500));
    await expect(embed()).rejects.toMatchObject({ code: 'operator_failed' });
    world.operator.plays((call) => {
      const data = [{ object: 'embedding', index: 0, embedding: [1] }];
      call.json({ object: 'list', data, usage: { prompt_tokens: 5, total_tokens: 5 } });
    });
    const { inferenceId } = await embed();
    const receipt = inferenceId.replace('inf_', 'rct_');
    await expect(embed()).rejects.toMatchObject({
      ...OTHER,
      details: { inference: inferenceId, receipt },
    });
    expect(timesAsked()).toBe(1);
  });

  test('costs a call without one nothing: no trip to its table', async () => {
    const payer = await world.payer(1_000n);
    const { db } = world.database;
    const seen: string[] = [];
    const noting = <On extends Reader>(on: On): On => ({
      ...on,
      query: (statement) => {
        seen.push(statement.text);
        return on.query(statement);
      },
    });
    const watched: Db = {
      ...noting(db),
      write: (statement) => noting({ query: db.write }).query(statement),
      transaction: (work) => db.transaction((tx) => work(noting(tx))),
    };
    await sent(payer, {}, world.openGateway({ db: watched }));
    expect(seen.filter((text) => text.includes('idempotency'))).toEqual([]);
    await sent(payer, under('a'), world.openGateway({ db: watched }));
    expect(seen.filter((text) => text.includes('idempotency'))).toHaveLength(2); // claimed, opened
  });
});
