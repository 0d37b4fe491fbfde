import { type ChildProcess, spawn } from 'node:child_process';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/harness/postgres.ts';
import { createLedger, type Ledger, transactionIdFor } from '../../ledger/index.ts';
import { systemClock } from '../../platform/clock.ts';
import { silentLog } from '../../platform/log.ts';
import { newId } from '../../platform/new-id.ts';
import { sql } from '../../platform/sql.ts';
import {
  type Books,
  type Budget,
  type BudgetHandles,
  type BudgetLedger,
  createBudget,
  drawIdOf,
  openIntentLog,
} from './budget.ts';

let database: TestDatabase;
let ledger: Ledger;
let folder: string;
let aheadMs = 0;
const clock = { now: () => new Date(Date.now() + aheadMs) };

beforeEach(async () => {
  aheadMs = 0;
  database = await createTestDatabase();
  ledger = createLedger({ db: database.db, clock, log: silentLog });
  await ledger.start();
  folder = await mkdtemp(join(tmpdir(), 'openledger-budget-'));
});

afterEach(async () => {
  for (const { sum } of await ledger.trialBalance()) expect(sum).toBe(0n);
  await ledger.stop();
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

const fund = (payer: string, amount: bigint) =>
  ledger.post({
    ...{ transactionId: transactionIdFor(new Date(), `fund-${payer}`), reason: 'test' },
    postings: [{ from: 'external:chain', to: `${payer}:available`, amount }],
  });

async function open(handles: Partial<BudgetHandles> = {}, at = folder): Promise<Budget> {
  const budget = createBudget({
    ...{ ledger, clock, instance: 'gateway-1', log: handles.log ?? (await openIntentLog(at)) },
    ...handles,
  });
  await budget.start();
  return budget;
}

const order = (payer: string, units: bigint, requestId = newId('inference', systemClock)) => ({
  ...{ requestId, payer, units },
});
const balancesOf = async (payer: string) => [
  await ledger.balance(`${payer}:available`),
  await ledger.balance(`${payer}:held`),
];
const kindsOf = async () =>
  (
    await database.db.query<{ kind: string; n: string }>(
      sql`select kind, count(*) as n from ledger.transactions group by kind order by kind`,
    )
  ).map(({ kind, n }) => [kind, Number(n)]);

test('many requests are one lease, one batch of draws, and the rest goes back', async () => {
  await fund('ann', 1_000n);
  const budget = await open();
  const all = await Promise.all(
    Array.from({ length: 10 }, () => budget.reserve(order('ann', 50n))),
  );
  await Promise.all(all.map((one) => one.durable()));
  expect(await balancesOf('ann')).toEqual([500n, 500n]);
  const [first, ...others] = all;
  const endings = await Promise.all([first.void(), ...others.map((one) => one.capture(20n))]);
  expect(endings[0]).toEqual({ kind: 'voided' });
  expect(endings[1]).toEqual({
    ...{ kind: 'captured', units: 20n, transactionId: drawIdOf(others[0].requestId) },
  });
  await budget.stop();
  expect(await balancesOf('ann')).toEqual([1_000n - 9n * 20n, 0n]);
  expect(await ledger.balance('clearing:fees')).toBe(180n);
  expect(budget.summary()).toMatchObject({
    leases: 0,
    open: 0,
    captured: 9,
    voided: 1,
    expired: 0,
  });
  expect(new Set((await kindsOf()).map(([kind, n]) => `${kind} ${n}`))).toEqual(
    new Set(['post 1', 'lease 1', 'draw 9', 'release 1']),
  );
});

test('a lease grows with its payer’s need, so that later requests ask nobody', async () => {
  await fund('ann', 10_000n);
  const budget = await open();
  for (let i = 0; i < 20; i++) await (await budget.reserve(order('ann', 10n))).capture(10n);
  const asked = new Map((await kindsOf()) as [string, number][]);
  expect((asked.get('lease') ?? 0) + (asked.get('renew') ?? 0)).toBeLessThan(8);
  await budget.stop();
  expect(await balancesOf('ann')).toEqual([9_800n, 0n]);
});

test('50 clients on money for 10: exactly 10 are served, and the others are told what is missing', async () => {
  await fund('ann', 100n);
  const budget = await open();
  const outcomes = await Promise.allSettled(
    Array.from({ length: 50 }, async () => {
      const reservation = await budget.reserve(order('ann', 10n));
      await pause(5);
      return reservation.capture(10n);
    }),
  );
  expect(outcomes.filter((one) => one.status === 'fulfilled')).toHaveLength(10);
  const refused = outcomes.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []));
  expect(new Set(refused.map((error) => error.code))).toEqual(new Set(['insufficient_funds']));
  expect(refused[0].details).toEqual({ account: 'ann:available', available: '0', missing: '10' });
  await budget.stop();
  expect(await balancesOf('ann')).toEqual([0n, 0n]);
  expect(await ledger.balance('clearing:fees')).toBe(100n);
});

test('two gateways share a payer’s money and never spend it twice', async () => {
  await fund('ann', 100n);
  const [one, other] = [await open(), await open({ instance: 'gateway-2' }, join(folder, 'other'))];
  const outcomes = await Promise.allSettled(
    Array.from({ length: 40 }, (_, i) => (i % 2 ? one : other).reserve(order('ann', 10n))),
  );
  const served = outcomes.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  expect(served.length).toBeLessThanOrEqual(10);
  expect(served.length).toBeGreaterThan(0);
  await Promise.all(served.map((each) => each.capture(10n)));
  await Promise.all([one.stop(), other.stop()]);
  expect(await balancesOf('ann')).toEqual([100n - 10n * BigInt(served.length), 0n]);
});

test('a reservation ends once: what comes after a capture is told how it ended', async () => {
  await fund('ann', 100n);
  const budget = await open();
  const reservation = await budget.reserve(order('ann', 10n));
  const first = reservation.capture(4n);
  expect(await reservation.capture(9n)).toEqual(await first);
  expect(await reservation.capture(1n)).toEqual(await first);
  expect(() => reservation.progress(1n)).toThrow('has ended');
  expect(await reservation.void()).toEqual(await first);
  await expect(budget.reserve(order('ann', 10n)).then((one) => one.capture(11n))).rejects.toThrow(
    'less is reserved',
  );
  await budget.stop();
  expect(await balancesOf('ann')).toEqual([96n, 0n]);
});

test('a request that needs more than it reserved gets it, as long as the payer has it', async () => {
  await fund('ann', 30n);
  const budget = await open();
  const reservation = await budget.reserve(order('ann', 10n));
  await reservation.extend(15n);
  reservation.progress(25n);
  await expect(reservation.extend(6n)).rejects.toMatchObject({ code: 'insufficient_funds' });
  await reservation.capture(25n);
  await budget.stop();
  expect(await balancesOf('ann')).toEqual([5n, 0n]);
});

test('legs of one’s own are paid in place of the clearing account', async () => {
  await fund('ann', 30n);
  const budget = await open();
  const reservation = await budget.reserve(order('ann', 10n));
  await reservation.capture(10n, [
    { to: 'bob:payable', amount: 7n },
    { to: 'treasury:protocol', amount: 3n },
  ]);
  expect(await ledger.balance('bob:payable')).toBe(7n);
  await budget.stop();
});

test('a lease with open requests is renewed; an idle one is given back', async () => {
  await fund('ann', 100n);
  const budget = await open({ settings: { leaseMs: 400, graceMs: 50, idleMs: 100 } });
  const reservation = await budget.reserve(order('ann', 10n));
  await pause(900);
  expect(reservation.isOpen()).toBe(true);
  expect(await reservation.capture(5n)).toMatchObject({ kind: 'captured' });
  await expect.poll(() => balancesOf('ann')).toEqual([95n, 0n]);
  expect(budget.summary().leases).toBe(0);
  await budget.stop();
});

test('after its lease a request is not served, its late capture is refused, and the loss is the gateway’s', async () => {
  await fund('ann', 100n);
  const budget = await open({ settings: { leaseMs: 60_000, graceMs: 5_000, idleMs: 30_000 } });
  const reservation = await budget.reserve(order('ann', 10n));
  reservation.progress(6n);
  aheadMs = 56_000;
  expect(reservation.isOpen()).toBe(false); // within the grace: to be captured, not to be served
  aheadMs = 61_000;
  await ledger.expireHolds(clock.now());
  expect(await reservation.capture(6n)).toEqual({ kind: 'expired', units: 6n });
  expect(budget.summary()).toMatchObject({ expired: 1, captured: 0, lostUnits: 6n });
  expect(await balancesOf('ann')).toEqual([100n, 0n]);
  const next = await budget.reserve(order('ann', 10n)); // out of a lease of its own
  expect(await next.capture(10n)).toMatchObject({ kind: 'captured' });
  await budget.stop();
  expect(await balancesOf('ann')).toEqual([90n, 0n]);
});

test('who waits for more while the lease runs out is served out of a new one', async () => {
  await fund('ann', 1_000n);
  const slow: BudgetLedger = {
    ...ledger,
    renew: (wish) => {
      aheadMs = 61_000; // as long as the ledger was away
      return ledger.renew(wish);
    },
  };
  const budget = await open({ ledger: slow, settings: { leaseMs: 60_000 } });
  const first = await budget.reserve(order('ann', 10n));
  const second = await budget.reserve(order('ann', 50n));
  expect([first.isOpen(), second.isOpen()]).toEqual([false, true]);
  expect(await second.capture(50n)).toMatchObject({ kind: 'captured' });
  expect(await first.capture(10n)).toEqual({ kind: 'expired', units: 10n });
  await budget.stop();
  await ledger.expireHolds(clock.now());
  expect(await balancesOf('ann')).toEqual([950n, 0n]);
});

test('stopping ends what is open for what it has earned', async () => {
  await fund('ann', 100n);
  const budget = await open();
  const [earned, idle] = [
    await budget.reserve(order('ann', 10n)),
    await budget.reserve(order('ann', 10n)),
  ];
  earned.progress(3n);
  await budget.stop();
  expect(await balancesOf('ann')).toEqual([97n, 0n]);
  expect(await idle.capture(1n)).toEqual({ kind: 'voided' }); // it had ended before
  await expect(budget.reserve(order('ann', 10n))).rejects.toMatchObject({ code: 'unavailable' });
});

test('stopping waits for what is being drawn, and asks for nothing twice', async () => {
  await fund('ann', 100n);
  let asked = 0;
  const slow: BudgetLedger = {
    ...ledger,
    async drawAll(wishes) {
      asked += wishes.length;
      await pause(50);
      return ledger.drawAll(wishes);
    },
  };
  const budget = await open({ ledger: slow });
  const reservations = [
    await budget.reserve(order('ann', 10n)),
    await budget.reserve(order('ann', 10n)),
  ];
  const endings = reservations.map((one) => one.capture(4n));
  await pause(20);
  await budget.stop();
  expect(asked).toBe(2);
  for (const ending of endings) expect(await ending).toMatchObject({ kind: 'captured', units: 4n });
  expect(await balancesOf('ann')).toEqual([92n, 0n]);
}, 5_000);

test('books that cannot be written leave what is open to the next process', async () => {
  await fund('ann', 100n);
  let isBroken = false;
  const books: Books = async () => {
    if (isBroken) throw new Error('The connection broke.');
    return new Map();
  };
  const budget = await open({ books });
  (await budget.reserve(order('ann', 10n))).progress(3n);
  isBroken = true;
  await budget.stop();
  expect(await ledger.balance('clearing:fees')).toBe(0n);
  isBroken = false;
  await (await open({ books })).stop();
  expect(await balancesOf('ann')).toEqual([97n, 0n]);
});

/** What a process leaves that is killed now: its folder as it stands, without its lock. */
async function killed(): Promise<string> {
  const left = await mkdtemp(join(tmpdir(), 'openledger-budget-left-'));
  await cp(folder, left, { recursive: true });
  await rm(join(left, 'lock'));
  return left;
}

/** A ledger that does what it is asked and whose answers are lost. */
const deaf: (over: BudgetLedger) => BudgetLedger = (over) => ({
  ...over,
  drawAll: async (wishes) => {
    await over.drawAll(wishes);
    return new Promise(() => {});
  },
});

test('charge: the gateway crashes -> what its log says, nothing after the last forwarded chunk, under the same ids', async () => {
  await fund('ann', 1_000n);
  const budget = await open({ ledger: deaf(ledger) });
  const [asked, open1, silent] = await Promise.all(
    [1, 2, 3].map(() => budget.reserve(order('ann', 100n))),
  );
  void asked.capture(40n);
  open1.progress(10n);
  open1.progress(25n);
  await expect.poll(() => ledger.balance('clearing:fees')).toBe(40n);
  const left = await killed();

  const told: string[] = [];
  const next = createBudget({
    ...{ ledger, clock, instance: 'gateway-1' },
    log: await openIntentLog(left),
    async books(open) {
      expect(await ledger.balance('clearing:fees')).toBe(40n); // told before it is drawn
      for (const { requestId, units } of open) told.push(`${requestId} ${units}`);
      return new Map();
    },
  });
  const recovered = await next.start();
  expect(told.sort()).toEqual([`${open1.requestId} 25`, `${silent.requestId} 0`].sort());
  const endings = new Map(recovered.map(({ requestId, ending }) => [requestId, ending]));
  expect(endings.get(asked.requestId)).toEqual({
    ...{ kind: 'captured', units: 40n, transactionId: drawIdOf(asked.requestId) },
  });
  expect(endings.get(open1.requestId)).toMatchObject({ kind: 'captured', units: 25n });
  expect(endings.get(silent.requestId)).toEqual({ kind: 'voided' });
  expect(await ledger.balance('clearing:fees')).toBe(65n); // the 40 were not paid again
  await next.stop();
  expect(await balancesOf('ann')).toEqual([935n, 0n]);
  await rm(left, { recursive: true, force: true });
}, 20_000);

test('an old incarnation that is still alive is fenced off: its draw is refused, and counted as its loss', async () => {
  await fund('ann', 1_000n);
  const old = await open();
  const late = await old.reserve(order('ann', 100n));
  const left = await killed();
  const next = await open({}, left);
  expect(await late.capture(50n)).toEqual({ kind: 'expired', units: 50n });
  expect(old.summary().lostUnits).toBe(50n);
  const fresh = await next.reserve(order('ann', 100n));
  expect(await fresh.capture(10n)).toMatchObject({ kind: 'captured' });
  await next.stop();
  await old.stop();
  expect(await balancesOf('ann')).toEqual([990n, 0n]);
  await rm(left, { recursive: true, force: true });
});

test('a lease that was asked for when the process died is found again and given back', async () => {
  await fund('ann', 1_000n);
  const lost: BudgetLedger = {
    ...ledger,
    lease: async (wish) => {
      await ledger.lease(wish);
      return new Promise(() => {});
    },
  };
  const budget = await open({ ledger: lost });
  void budget.reserve(order('ann', 100n));
  await expect.poll(() => balancesOf('ann')).toEqual([900n, 100n]);
  const left = await killed();
  const next = await open({}, left);
  await next.stop();
  expect(await balancesOf('ann')).toEqual([1_000n, 0n]);
  await rm(left, { recursive: true, force: true });
});

test('a ledger that does not answer for a while is asked again, and paid once', async () => {
  await fund('ann', 1_000n);
  let failures = 3;
  const shaky: BudgetLedger = {
    ...ledger,
    drawAll: async (wishes) => {
      const answers = await ledger.drawAll(wishes);
      if (failures-- > 0) throw new Error('The connection broke.');
      return answers;
    },
  };
  const budget = await open({ ledger: shaky });
  const reservation = await budget.reserve(order('ann', 100n));
  expect(await reservation.capture(30n)).toMatchObject({ kind: 'captured' });
  await budget.stop();
  expect(await balancesOf('ann')).toEqual([970n, 0n]);
});

const PROCESS = fileURLToPath(new URL('../../../test/harness/budget-process.ts', import.meta.url));

function startProcess(payer: string, role: 'serve' | 'recover') {
  const child: ChildProcess = spawn(
    process.execPath,
    ['--import', 'tsx', '--conditions=openledger', PROCESS, database.url, folder, payer, '8', role],
    { stdio: ['ignore', 'pipe', 'inherit'], env: { PATH: process.env.PATH } },
  );
  let text = '';
  child.stdout?.on('data', (part: Buffer) => {
    text += part;
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  type Said = { opened?: string; forwarded?: string; earned?: number; ended?: string };
  const said = (): Said[] =>
    text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line));
  return { child, ended, said };
}

test('kill -9 in the middle of the load: each request ends once, and no one pays for more than he got', async () => {
  await fund('ann', 100_000n);
  await ledger.stop(); // the process writes
  const said: ReturnType<ReturnType<typeof startProcess>['said']> = [];
  for (let cycle = 0; cycle < 3; cycle++) {
    const gateway = startProcess('ann', 'serve');
    await expect.poll(() => gateway.said().length, { timeout: 20_000 }).toBeGreaterThan(200);
    await pause(50 + 40 * cycle);
    gateway.child.kill('SIGKILL');
    await gateway.ended;
    said.push(...gateway.said());
  }
  const last = startProcess('ann', 'recover');
  await last.ended;
  expect(last.said().at(-1)).toEqual({ stopped: true });
  await ledger.start();

  const earned = new Map<string, number>();
  for (const { forwarded, earned: units = 0 } of said) if (forwarded) earned.set(forwarded, units);
  const paid = new Map(
    (
      await database.db.query<{ reference: string; n: string; units: string }>(sql`
        select reference, count(*) as n, max(substring(legs from '[0-9]+$')::numeric) as units
        from ledger.transactions where kind = 'draw' group by reference`)
    ).map(({ reference, n, units }) => [reference, { n: Number(n), units: Number(units) }]),
  );
  for (const [request, { n, units }] of paid) {
    expect(n).toBe(1);
    expect(units).toBeLessThanOrEqual(earned.get(request) ?? 0);
  }
  const captured = said.flatMap(({ ended }) => (ended ? [ended] : []));
  for (const request of captured) expect(paid.get(request)?.units).toBe(4);
  expect(captured.length).toBeGreaterThan(20);
  const sum = [...paid.values()].reduce((all, { units }) => all + units, 0);
  expect(await ledger.balance('clearing:fees')).toBe(BigInt(sum));
  expect(await balancesOf('ann')).toEqual([100_000n - BigInt(sum), 0n]);
  expect((await ledger.audit()).ok).toBe(true);
}, 90_000);
