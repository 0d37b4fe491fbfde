import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { createTestDatabase } from '../../test/harness/postgres.ts';
import { descendantsOf, runRole } from '../../test/harness/processes.ts';
import { announce, startJobs } from './jobs.ts';
import { silentLog } from './log.ts';
import { sql } from './sql.ts';

test('a transaction that throws leaves nothing behind', async () => {
  const { db, drop } = await createTestDatabase();
  await db.query(sql`create table t (a numeric(78,0))`);
  await expect(
    db.transaction(async (tx) => {
      await tx.query(sql`insert into t values (${10n ** 70n})`);
      throw new Error('no');
    }),
  ).rejects.toThrow('no');
  expect(await db.query(sql`select * from t`)).toEqual([]);
  await drop();
});

test('a connection lost inside a transaction fails the transaction, and not the process', async () => {
  const { db, drop } = await createTestDatabase();
  const uncaught: unknown[] = [];
  const hear = (error: unknown) => uncaught.push(error);
  process.on('uncaughtException', hear);
  await expect(
    db.transaction(async (tx) => {
      const [{ pid }] = await tx.query<{ pid: number }>(sql`select pg_backend_pid() as pid`);
      await db.query(sql`select pg_terminate_backend(${pid})`);
      await pause(100); // the loss is heard while nothing is asked
      await tx.query(sql`select 1`);
    }),
  ).rejects.toThrow();
  process.off('uncaughtException', hear);
  expect(uncaught).toEqual([]);
  expect(await db.query(sql`select 1 as one`)).toEqual([{ one: 1 }]);
  await drop();
});

test('an announcement arrives only when its transaction commits', async () => {
  const { db, drop } = await createTestDatabase();
  const heard: string[] = [];
  const ignore = async () => {};
  const jobs = await startJobs(db, {
    log: silentLog,
    handlers: {
      'inference.served': async ({ inferenceId }) => void heard.push(inferenceId),
      'inference.attributed': ignore,
      'read.paid': ignore,
      'fees.routed': ignore,
      'run.queued': ignore,
    },
  });
  await db
    .transaction(async (tx) => {
      await announce(tx, 'inference.served', { inferenceId: 'inf_lost' });
      throw new Error('rolled back');
    })
    .catch(() => {});
  await db.transaction((tx) => announce(tx, 'inference.served', { inferenceId: 'inf_kept' }));
  await expect.poll(() => heard, { timeout: 5000 }).toEqual(['inf_kept']);
  await jobs.stop();
  await drop();
});

test('what a process was delivering when it died is delivered by the next one', async () => {
  const { db, drop } = await createTestDatabase();
  await db.transaction((tx) => announce(tx, 'fees.routed', { saleId: 'inf_held' }));
  await db.query(sql`
    update graphile_worker._private_jobs
    set locked_at = now(), locked_by = 'a worker that was killed', attempts = 1`);
  const heard: string[] = [];
  const ignore = async () => {};
  const jobs = await startJobs(db, {
    log: silentLog,
    handlers: {
      'inference.served': ignore,
      'inference.attributed': ignore,
      'read.paid': ignore,
      'fees.routed': async ({ saleId }) => void heard.push(saleId),
      'run.queued': ignore,
    },
  });
  await expect.poll(() => heard, { timeout: 5000 }).toEqual(['inf_held']);
  await jobs.stop();
  await drop();
});

test('however many runs are queued, one is delivered at a time, and calls pass by', async () => {
  const { db, drop } = await createTestDatabase();
  const training: string[] = [];
  let served = false;
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const ignore = async () => {};
  const jobs = await startJobs(db, {
    log: silentLog,
    concurrency: 2,
    handlers: {
      'inference.served': async () => {
        served = true;
      },
      'inference.attributed': ignore,
      'read.paid': ignore,
      'fees.routed': ignore,
      'run.queued': async ({ runId }) => {
        training.push(runId);
        await released;
      },
    },
  });
  const runs = ['run_1', 'run_2', 'run_3'];
  for (const runId of runs) await db.transaction((tx) => announce(tx, 'run.queued', { runId }));
  await expect.poll(() => training.length, { timeout: 5000 }).toBeGreaterThan(0);
  await db.transaction((tx) => announce(tx, 'inference.served', { inferenceId: 'inf_1' }));
  await expect.poll(() => served, { timeout: 5000 }).toBe(true);
  expect(training).toEqual(['run_1']);
  release();
  await expect.poll(() => training, { timeout: 5000 }).toEqual(runs);
  await jobs.stop();
  await drop();
});

/** What makes a database has children that live for a moment. */
function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

test('a first start that is killed while it makes the database is made good by the next', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'openledger-postgres-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await chmod(folder, 0o755);
  const environment = { OPENLEDGER_DATA: folder };
  const killed = runRole('migrate', environment);
  const cluster = join(folder, 'postgres');
  const begun = async () => {
    const names = await readdir(cluster).catch(() => []);
    return names.some((name) => existsSync(join(cluster, name, 'PG_VERSION')));
  };
  while (!(await begun())) await pause(2);
  for (const { pid } of await descendantsOf(killed.pid)) killIfThere(pid);
  killed.signal('SIGKILL');
  await killed.ended;
  expect(await runRole('migrate', environment).ended).toMatchObject({ status: 0, complaint: '' });
});
