/**
 * Kills the ledger's processes, one kind a cycle and each kind in turn, while they are asked; then checks that every promise
 * was kept: nothing acknowledged is lost, nothing is done twice, each request ended in one way, and the books balance.
 *
 * Two gateways ask, and one of them writes. One pays by a hold a request, the other out of a budget's leases: there is one
 * leased gateway on a database, and it has the intents' folder from one life to the next. At each kill both have been promised
 * something since the kill before. A kill ends a process and not the machine, so what a sync adds to a write is not seen here.
 */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLedger, type Ledger, transactionIdFor } from '../../server/ledger/index.ts';
import { type Clock, sleep, systemClock } from '../../server/platform/clock.ts';
import { type Db, openDb } from '../../server/platform/db.ts';
import { migrateJobs } from '../../server/platform/jobs.ts';
import { silentLog } from '../../server/platform/log.ts';
import { migrate } from '../../server/platform/migrate.ts';
import { freePort, startPostgres } from '../../server/platform/postgres.ts';
import { bundleLoad } from './bundle-load.ts';
import { type Counts, check, finish } from './check.ts';
import { KINDS, type Kind, kill } from './kill.ts';
import { MODES, type Mode, PAYERS } from './request.ts';
import { nothingSaid } from './said.ts';
import { begin, end, untilHeard, type World } from './world.ts';

export type CrashReport = Counts & {
  readonly kills: Readonly<Record<Kind, number>>;
  /** How often the process of each mode was killed. */
  readonly killed: Readonly<Record<Mode, number>>;
  /** From the first kill to the answer to the last one. */
  readonly secondsACycle: number;
};

/** @param tell is told the progress, one line at a time */
export async function runCrash({
  cycles,
  tell,
}: {
  readonly cycles: number;
  readonly tell: (line: string) => void;
}): Promise<CrashReport> {
  const world = await createWorld();
  try {
    await prepare(world.postgres.url);
    for (const mode of MODES) begin(world, mode);
    await untilHeard(world, 20);
    const kills = { gateway: 0, writer: 0, recovering: 0, backend: 0, postmaster: 0 };
    const since = Date.now();
    for (let cycle = 0; cycle < cycles; cycle++) {
      const kind = KINDS[cycle % KINDS.length];
      await sleep(Math.random() * 100); // so that each kill meets another moment
      await kill(world, kind);
      kills[kind] += 1;
      await untilHeard(world, 5);
      if ((cycle + 1) % 50 === 0) tell(`${cycle + 1} kills`);
    }
    const secondsACycle = (Date.now() - since) / 1_000 / cycles;
    await Promise.all(MODES.map((mode) => end(world, mode, 'SIGTERM')));
    const counts = await settle(world);
    return { kills, killed: world.killed, ...counts, secondsACycle };
  } finally {
    for (const process of [...world.processes.values(), ...world.standby]) process.kill('SIGKILL');
    await world.postgres.stop();
    await rm(world.folder, { recursive: true, force: true });
  }
}

async function createWorld(): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), 'openledger-crash-'));
  await chmod(folder, 0o755); // as root, PostgreSQL runs as nobody
  const port = await freePort();
  return {
    ...{ folder, port, code: await bundleLoad(folder), standby: [] },
    ...{ said: { strict: nothingSaid(), leased: nothingSaid() }, intents: new Map() },
    ...{ processes: new Map(), killed: { strict: 0, leased: 0 }, heard: { strict: 0, leased: 0 } },
    ...{ writer: undefined, isRecovering: false, failure: undefined },
    postgres: await startPostgres(folder, { port }),
  };
}

async function prepare(url: string): Promise<void> {
  const db = openDb(url);
  await migrateJobs(db);
  await migrate(db);
  await withLedger({ db, clock: systemClock }, fundPayers);
  await db.close();
}

async function fundPayers(ledger: Ledger): Promise<void> {
  await ledger.post({
    transactionId: transactionIdFor(new Date(), 'fund'),
    reason: 'fund',
    postings: PAYERS.map((payer) => ({
      from: 'external:chain',
      to: `${payer}:available`,
      amount: 10n ** 15n,
    })),
  });
}

/** What the flow and the sweep would still do is done, and then everything is compared. */
async function settle(world: World): Promise<Counts> {
  const db = openDb(world.postgres.url);
  const clock = { now: () => new Date(Date.now() + 3_600_000) };
  const counts = await withLedger({ db, clock }, async (ledger) => {
    await finish(ledger);
    return check(ledger, world);
  });
  await db.close();
  return counts;
}

async function withLedger<T>(
  handles: { readonly db: Db; readonly clock: Clock },
  work: (ledger: Ledger) => Promise<T>,
): Promise<T> {
  const ledger = createLedger({ ...handles, log: silentLog });
  await ledger.start();
  const result = await work(ledger);
  await ledger.stop();
  return result;
}
