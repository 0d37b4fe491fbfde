/** The gateway in budget mode, on real stages. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Id } from '@openledger/protocol';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { until } from '../../cli/first-loop/wait.ts';
import {
  MODEL,
  openTestGateway,
  read,
  serve as serveOn,
  type TestGateway,
} from '../../test/harness/gateway.ts';
import { startOperator } from '../../test/harness/operator.ts';
import type { Caller } from '../identity/index.ts';
import { sql } from '../platform/sql.ts';
import type { Gateway, Serving } from './index.ts';

let world: TestGateway;
let folder: string;
let gateway: Gateway;

/** None of their names is present, so that each may be taken for dead as soon as its folder is not locked. */
const open = (at: string, servedBy = 'another') =>
  world.openGateway({ leases: { folder: at }, servedBy });

beforeEach(async () => {
  world = await openTestGateway();
  folder = await mkdtemp(join(tmpdir(), 'openledger-leases-'));
  gateway = open(folder, 'the first');
  await gateway.recover();
});

afterEach(async () => {
  for (const { sum } of await world.ledger.trialBalance()) expect(sum).toBe(0n);
  await world.end();
  await rm(folder, { recursive: true, force: true });
});

const serve = (caller: Caller) => serveOn(gateway, caller);
const ledgerKinds = async () =>
  (
    await world.database.db.query<{ kind: string }>(
      sql`select distinct kind from ledger.transactions order by kind`,
    )
  ).map(({ kind }) => kind);

test('calls are served out of a lease and cost what they cost by a hold', async () => {
  const { caller, partyId } = await world.payer(1_000n);
  world.operator.plays((call) => {
    call.text('Hello ');
    call.text('you.');
    call.finish({ prompt: 5, completion: 4 });
  });
  const ids: Id<'inference'>[] = [];
  for (let i = 0; i < 3; i++) {
    const serving = await serve(caller);
    await read(serving);
    ids.push(serving.inferenceId);
  }
  for (const id of [...ids, ...ids]) await gateway.capture(id);
  expect(await world.ledger.balance('clearing:fees')).toBe(3n * 22n);
  const kinds = await ledgerKinds();
  expect(kinds).not.toContain('hold');
  expect(kinds).toContain('draw');
  await gateway.stop();
  expect(await world.balancesOf(partyId)).toEqual([1_000n - 66n, 0n]);
});

test('a payer without money is told what is missing; a call that fails costs nothing', async () => {
  const poor = await world.payer(75n);
  await expect(serve(poor.caller)).rejects.toMatchObject({
    ...{ code: 'insufficient_funds' },
    details: { missing: '1', available: '75', account: `${poor.partyId}:available` },
  });
  const { caller, partyId } = await world.payer(76n);
  world.operator.plays((call) => call.destroy());
  for (let i = 0; i < 2; i++) {
    await expect(serve(caller).then(read)).rejects.toMatchObject({ code: 'operator_failed' });
  }
  await gateway.stop();
  expect(await world.ledger.balance(`${partyId}:available`)).toBe(76n);
});

test('what one gateway has borrowed of a payer who has little is missing at another, until it idles', async () => {
  const { caller } = await world.payer(120n); // a call is held 76 for, and costs 22
  world.operator.plays((call) => {
    call.text('Hello.');
    call.finish({ prompt: 5, completion: 4 });
  });
  const settings = { idleMs: 50 };
  const [one, two] = ['one', 'two'].map((servedBy) =>
    world.openGateway({ leases: { folder, settings }, servedBy }),
  );
  for (const each of [one, two]) await each.recover();
  await read(await serveOn(one, caller));
  await expect(serveOn(two, caller)).rejects.toMatchObject({
    ...{ code: 'insufficient_funds', details: { available: '44' } },
  });
  const served = () =>
    serveOn(two, caller)
      .then(read)
      .catch(() => undefined);
  await until('what is borrowed to come back', served, { withinMs: 15_000 });
  for (const each of [one, two, gateway]) await each.stop();
});

/** What a process leaves that is killed now: its folder as it stands, without its lock. */
async function killed(name = 'the first'): Promise<string> {
  const left = await mkdtemp(join(tmpdir(), 'openledger-leases-left-'));
  onTestFinished(() => rm(left, { recursive: true, force: true }));
  await cp(join(folder, 'the first'), join(left, name), { recursive: true });
  await rm(join(left, name, 'lock'));
  return left;
}

/** A stream of which two words have been forwarded; of the third nobody knows. */
async function openStream(caller: Caller): Promise<Serving> {
  world.operator.plays((call) => {
    for (const word of ['one ', 'two ', 'three ']) call.text(word);
  });
  const serving = await serve(caller);
  for (let i = 0; i < 3; i++) await serving.events.next();
  return serving;
}

const everyLimit = {
  limitUnits: 1_000n,
  limits: { dailyUnits: 1_000n, requestsPerMinute: 10, tokensPerMinute: 1_000 },
};

/** Spent and promised, ever and of the day. */
const keyTaken = async () =>
  (
    await world.database.db.query<{ units: string }>(sql`
      select spent_units + reserved_units as units from gateway.key_spending
      union all
      select spent_units + reserved_units from gateway.key_budgets`)
  ).map(({ units }) => units);

/** It stands in the record as what had been forwarded of the stream, is captured once for that, and the gateway is stopped. */
async function expectBrokenOff(next: ReturnType<typeof open>, inferenceId: Id<'inference'>) {
  // Who has died taking it over is missed a moment later; then the folder is seen again.
  await expect
    .poll(() => next.find(inferenceId), { timeout: 10_000 })
    .toMatchObject({
      ...{ status: 'served', output: '', finishReason: 'gateway_failed', estimated: true },
      ...{ priceUnits: 10n, usage: { promptTokens: 2, completionTokens: 2 } },
    });
  await next.capture(inferenceId);
  expect(await world.ledger.balance('clearing:fees')).toBe(10n);
  await next.stop();
}

test('a gateway that dies in the middle of a stream charges what it had forwarded, to its key as well, and its record says so', async () => {
  const { caller, partyId } = await world.payer(1_000n, everyLimit);
  const serving = await openStream(caller);
  const left = await killed();
  const next = open(left);
  await next.recover();
  await expectBrokenOff(next, serving.inferenceId);
  expect(await world.ledger.balance(`${partyId}:available`)).toBe(990n);
  expect(await keyTaken()).toEqual(['10', '10']);
  await serving.leave();
  await gateway.stop();
  expect(await keyTaken()).toEqual(['10', '10']);
  for (const emptied of [left, folder]) expect(await readdir(emptied)).toEqual([]);
});

test('what a process leaves is ended within seconds by a living one, and by one alone', async () => {
  const { caller, partyId } = await world.payer(1_000n);
  const serving = await openStream(caller);
  const left = await killed('nobody yet');
  const others = ['one', 'two'].map((name) => open(join(left, 'all'), name));
  for (const other of others) await other.recover();
  await rename(join(left, 'nobody yet'), join(left, 'all', 'the first'));
  const untilEnded = async () => (await readdir(join(left, 'all'))).length === 2 || undefined;
  await until('the end of what was left', untilEnded, { withinMs: 15_000 });
  expect(await others[0].find(serving.inferenceId)).toMatchObject({
    ...{ status: 'served', priceUnits: 10n, finishReason: 'gateway_failed' },
  });
  expect(await world.balancesOf(partyId)).toEqual([990n, 0n]);
  for (const other of others) await other.stop();
  await serving.leave();
  await gateway.stop();
  expect(await world.ledger.balance('clearing:fees')).toBe(10n);
});

test('a folder of a living process is left alone, although its connection is lost', async () => {
  const { caller } = await world.payer(1_000n);
  const serving = await openStream(caller);
  const next = open(folder);
  await next.recover();
  expect((await readdir(folder)).sort()).toEqual(['another', 'the first']);
  expect(await gateway.find(serving.inferenceId)).toMatchObject({ status: 'held' });
  await next.stop();
  await serving.leave();
  await gateway.stop();
});

test('what an earlier release has left, in the folder itself, is taken over', async () => {
  const { caller, partyId } = await world.payer(1_000n);
  const serving = await openStream(caller);
  const left = join(await killed(), 'the first');
  const next = open(left);
  await next.recover();
  await expectBrokenOff(next, serving.inferenceId);
  expect(await world.balancesOf(partyId)).toEqual([990n, 0n]);
  expect(await readdir(left)).toEqual([]);
  await serving.leave();
  await gateway.stop();
});

test('what is left and damaged is set aside, and keeps nobody from serving', async () => {
  const { caller, partyId } = await world.payer(1_000n);
  const serving = await openStream(caller);
  const left = await killed();
  const [segment] = await readdir(join(left, 'the first'));
  const path = join(left, 'the first', segment);
  await writeFile(path, (await readFile(path, 'utf8')).replace('leasing', 'nothing'));
  const next = open(left);
  await next.recover();
  expect((await readdir(left)).sort()).toEqual(['another', 'the first.damaged']);
  expect(world.errors.join()).toContain('Line 2 of the intent log');
  await next.voidAbandoned();
  expect((await next.find(serving.inferenceId)).status).toBe('void');
  await next.stop();
  await serving.leave();
  await gateway.stop();
  expect(await world.balancesOf(partyId)).toEqual([1_000n, 0n]);
});

test('a call that died with its gateway names terms only where they make its price: another may have answered than was asked first', async () => {
  const spare = await startOperator();
  const { baseUrl } = spare;
  const { id: partyId } = await world.identity.registerParty({ identity: 'local:spare' });
  await gateway.registerOperator({ name: 'spare', kind: 'vllm', partyId, baseUrl });
  await gateway.offer({
    ...{ model: MODEL, operator: 'spare', operatorModel: 'm', weight: 1, tier: 1 },
    pricing: { promptUnits: 20n, completionUnits: 30n },
  });
  const { caller } = await world.payer(10_000n);
  const first = await openStream(caller);
  world.operator.plays((call) => call.status(503));
  spare.plays((call) => {
    for (const word of ['one ', 'two ', 'three ']) call.text(word);
  });
  const second = await serve(caller);
  for (let i = 0; i < 3; i++) await second.events.next();
  const left = await killed();
  const next = open(left);
  await next.recover();
  const [byFirst, bySecond] = await Promise.all(
    [first, second].map(({ inferenceId }) => next.find(inferenceId)),
  );
  expect(byFirst).toMatchObject({ priceUnits: 10n, route: { terms: { promptUnits: '2' } } });
  expect(bySecond).toMatchObject({ status: 'served', priceUnits: 100n });
  expect(bySecond.route.terms).toBeUndefined();
  for (const { inferenceId } of [first, second]) await next.capture(inferenceId);
  await next.stop();
  for (const serving of [first, second]) await serving.leave();
  await gateway.stop();
  await spare.close();
  await rm(left, { recursive: true, force: true });
});

/** A gateway whose writes all wait for a database that never comes. */
async function openCutOff(at: string): Promise<Gateway> {
  const { db } = world.database;
  const away = async () => {
    throw Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
  };
  const cutOff = world.openGateway({
    ...{ db: { ...db, write: away, transaction: away } },
    ...{ leases: { folder: at }, servedBy: 'cut off' },
  });
  await cutOff.recover();
  return cutOff;
}

test.each([
  'streamed',
  'whole',
] as const)('an answer (%s) that was written down and not stored when its gateway died is stored by the next, and paid once', async (delivery) => {
  const own = await mkdtemp(join(tmpdir(), 'openledger-leases-cut-'));
  const cutOff = await openCutOff(own);
  const { caller, partyId } = await world.payer(1_000n);
  world.operator.plays((call) => {
    call.text('Hello ');
    call.text('you.');
    call.finish({ prompt: 5, completion: 4 });
  });
  const serving = await serveOn(cutOff, caller, { delivery });
  const { inferenceId } = serving;
  expect((await read(serving)).end).toMatchObject({ priceUnits: 22n });
  await expect(gateway.find(inferenceId)).rejects.toMatchObject({ code: 'not_found' });
  await rm(join(own, 'cut off', 'lock')); // as if it had died
  for (let life = 0; life < 2; life++) {
    const next = open(own);
    await next.recover();
    expect(await next.find(inferenceId)).toMatchObject({
      ...{ status: 'served', output: 'Hello you.', finishReason: 'stop', priceUnits: 22n },
    });
    await next.capture(inferenceId);
    await next.stop();
  }
  expect(await world.ledger.balance('clearing:fees')).toBe(22n);
  expect(await world.balancesOf(partyId)).toEqual([978n, 0n]);
  const announced = await world.database.db.query(sql`
    select task_identifier from graphile_worker.jobs where task_identifier = 'inference.served'`);
  expect(announced).toHaveLength(1);
  await cutOff.stop();
  await rm(own, { recursive: true, force: true });
});

const PROCESS = fileURLToPath(new URL('../../test/harness/gateway-process.ts', import.meta.url));

/** Lets a process take over that dies at the moment. */
async function dieTakingOver(left: string, moment: string): Promise<void> {
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', '--conditions=openledger', PROCESS, world.database.url, left, moment],
    { stdio: 'inherit', env: { PATH: process.env.PATH } },
  );
  const [code, signal] = await once(child, 'close');
  expect([code, signal]).toEqual([null, 'SIGKILL']);
}

test.each([
  'recording',
  'recorded',
  'drawn',
])('a gateway that dies again while it takes over (%s) leaves a call that is paid once and recorded as such', async (moment) => {
  const { caller, partyId } = await world.payer(1_000n);
  const serving = await openStream(caller);
  const left = await killed();
  await dieTakingOver(left, moment);
  const next = open(left);
  await next.recover();
  await expectBrokenOff(next, serving.inferenceId);
  expect(await world.balancesOf(partyId)).toEqual([990n, 0n]);
  const announced = await world.database.db.query(sql`
    select task_identifier from graphile_worker.jobs where task_identifier = 'inference.served'`);
  expect(announced).toHaveLength(1);
  await serving.leave();
  await gateway.stop();
}, 30_000);

test('a call whose lease is over when its gateway comes back is void: the loss is the gateway’s, and its key has spent nothing', async () => {
  const { caller, partyId } = await world.payer(1_000n, everyLimit);
  const serving = await openStream(caller);
  const left = await killed();
  world.clock.pass(3_600_000);
  await world.ledger.expireHolds(world.clock.now());
  const next = open(left);
  await next.recover();
  await expect(next.capture(serving.inferenceId)).rejects.toMatchObject({ code: 'unprocessable' });
  expect((await next.find(serving.inferenceId)).status).toBe('void');
  expect(await world.balancesOf(partyId)).toEqual([1_000n, 0n]);
  expect(await keyTaken()).toEqual(['0', '0']);
  await next.stop();
  await serving.leave();
  await gateway.stop();
});

test('a gateway that is stopped in the middle of a stream has recorded what it draws', async () => {
  const { caller, partyId } = await world.payer(1_000n);
  const serving = await openStream(caller);
  await gateway.stop();
  expect(await gateway.find(serving.inferenceId)).toMatchObject({
    ...{ status: 'served', priceUnits: 10n, finishReason: 'gateway_failed' },
  });
  expect(await world.balancesOf(partyId)).toEqual([990n, 0n]);
  await serving.leave(); // and what comes after changes nothing
  expect(await gateway.find(serving.inferenceId)).toMatchObject({ priceUnits: 10n });
  expect(await world.ledger.balance('clearing:fees')).toBe(10n);
});
