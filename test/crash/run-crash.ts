/**
 * Kills the ledger's processes, one a cycle and each kind in turn, while they are asked; then checks that every promise was
 * kept: nothing acknowledged is lost, nothing is done twice, each request ended in one way, and the books balance.
 *
 * Two processes ask and write. The kinds: the one that asks (a gateway), the one that writes, a backend of PostgreSQL, and its
 * postmaster.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createLedger, type Ledger, transactionIdFor } from '../../server/ledger/index.ts';
import { type Db, openDb } from '../../server/platform/db.ts';
import { migrateJobs } from '../../server/platform/jobs.ts';
import { silentLog } from '../../server/platform/log.ts';
import { migrate } from '../../server/platform/migrate.ts';
import { freePort, type Postgres, startPostgres } from '../../server/platform/postgres.ts';
import { sql } from '../../server/platform/sql.ts';
import { type Counts, check, finish } from './check.ts';

const KINDS = ['gateway', 'writer', 'backend', 'postmaster'] as const;
type Kind = (typeof KINDS)[number];

/** What the processes said they were promised. */
export type Promises = {
  readonly held: Set<string>;
  readonly captured: Set<string>;
  readonly voided: Set<string>;
  readonly routed: Set<string>;
};

type World = {
  readonly folder: string;
  readonly port: number;
  readonly promises: Promises;
  readonly processes: ChildProcess[];
  postgres: Postgres;
  writer: ChildProcess | undefined;
  heard: number;
};

/** @param tell is told the progress, one line at a time */
export async function runCrash({
  cycles,
  tell,
}: {
  readonly cycles: number;
  readonly tell: (line: string) => void;
}): Promise<Counts> {
  const folder = await mkdtemp(join(tmpdir(), 'openledger-crash-'));
  await chmod(folder, 0o755); // as root, PostgreSQL runs as nobody
  const port = await freePort();
  const world: World = {
    ...{ folder, port, processes: [], writer: undefined, heard: 0 },
    promises: { held: new Set(), captured: new Set(), voided: new Set(), routed: new Set() },
    postgres: await startPostgres(folder, { port }),
  };
  try {
    await prepare(world.postgres.url);
    for (let i = 0; i < 2; i++) world.processes.push(begin(world));
    await untilHeard(world, 20);
    const kills: Record<Kind, number> = { gateway: 0, writer: 0, backend: 0, postmaster: 0 };
    for (let cycle = 0; cycle < cycles; cycle++) {
      const kind = KINDS[cycle % KINDS.length];
      await sleep(Math.random() * 100); // so that each kill meets another moment
      await kill(world, kind);
      kills[kind] += 1;
      await untilHeard(world, 10);
      if ((cycle + 1) % 50 === 0) tell(`${cycle + 1} kills, ${world.heard} promises`);
    }
    await endProcesses(world);
    const db = openDb(world.postgres.url);
    const counts = await settle(db, world.promises);
    await db.close();
    return { ...counts, kills };
  } finally {
    for (const process of world.processes) process.kill('SIGKILL');
    await world.postgres.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function prepare(url: string): Promise<void> {
  const db = openDb(url);
  await migrateJobs(db);
  await migrate(db);
  const ledger = createLedger({ db, clock: { now: () => new Date() }, log: silentLog });
  await ledger.start();
  await fundPayers(ledger);
  await ledger.stop();
  await db.close();
}

async function fundPayers(ledger: Ledger): Promise<void> {
  await ledger.post({
    transactionId: transactionIdFor(new Date(), 'fund'),
    reason: 'fund',
    postings: Array.from({ length: 50 }, (_, i) => ({
      from: 'external:chain',
      to: `payer-${i}:available`,
      amount: 10n ** 15n,
    })),
  });
}

const SOURCE = fileURLToPath(new URL('load-process.ts', import.meta.url));

function begin(world: World): ChildProcess {
  const child = spawn(process.execPath, ['--import', 'tsx', '--conditions=openledger', SOURCE], {
    env: { PATH: process.env.PATH, DATABASE_URL: world.postgres.url },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  createInterface({ input: child.stdout }).on('line', (line) => hear(world, child, line));
  return child;
}

function hear(world: World, child: ChildProcess, line: string): void {
  const [word, id] = line.split(' ');
  if (word === 'writing') world.writer = child;
  if (word === 'asking' && world.writer === child) world.writer = undefined;
  if (!(word in world.promises) || !id) return;
  world.promises[word as keyof Promises].add(id);
  world.heard += 1;
}

const PATIENCE_MS = 90_000;

/** Goes on when so many promises more were heard: whatever was killed has come back. */
async function untilHeard(world: World, more: number): Promise<void> {
  const goal = world.heard + more;
  for (let waitedMs = 0; waitedMs < PATIENCE_MS; waitedMs += 10) {
    if (world.heard >= goal && world.writer) return;
    await sleep(10);
  }
  throw new Error(`Nothing was promised for ${PATIENCE_MS} ms.`);
}

async function kill(world: World, kind: Kind): Promise<void> {
  switch (kind) {
    case 'gateway':
    case 'writer': {
      const isWanted = (child: ChildProcess) => (child === world.writer) === (kind === 'writer');
      const place = world.processes.findIndex(isWanted);
      const child = world.processes[place];
      if (child === world.writer) world.writer = undefined;
      const ended = new Promise((end) => child.once('close', end)); // what it had said is heard first
      child.kill('SIGKILL');
      await ended;
      world.processes[place] = begin(world);
      return;
    }
    case 'backend': {
      const db = openDb(world.postgres.url, { poolSize: 1 });
      const [{ pid }] = await db.query<{ pid: number }>(sql`
        select pid
        from pg_stat_activity
        where backend_type = 'client backend' and pid <> pg_backend_pid()
        order by random()
        limit 1`);
      process.kill(pid, 'SIGKILL'); // the postmaster ends all the others and recovers
      await db.close().catch(() => {});
      return;
    }
    case 'postmaster':
      process.kill(world.postgres.pid, 'SIGKILL');
      world.postgres = await restart(world);
  }
}

/** The old backends may need a moment to see that their postmaster is gone. */
async function restart({ folder, port }: World): Promise<Postgres> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await startPostgres(folder, { port });
    } catch (error) {
      if (attempt === 100) throw error;
      await sleep(50);
    }
  }
}

async function endProcesses(world: World): Promise<void> {
  await Promise.all(
    world.processes.map(async (child) => {
      const ended = new Promise((end) => child.once('close', end));
      child.kill('SIGTERM');
      await ended;
    }),
  );
}

/** What the flow and the sweep would still do is done, and then everything is compared. */
async function settle(db: Db, promises: Promises): Promise<Omit<Counts, 'kills'>> {
  const later = { now: () => new Date(Date.now() + 3_600_000) };
  const ledger = createLedger({ db, clock: later, log: silentLog });
  await ledger.start();
  await finish(db, ledger);
  const counts = await check(db, { ledger, promises });
  await ledger.stop();
  return counts;
}
