/** Announcements between stages: a row written in the announcer's own transaction, delivered at least once. */
import { Logger, type Runner, run } from 'graphile-worker';
import pg from 'pg';
import type { Db, Tx } from './db.ts';
import type { Log } from './log.ts';
import { sql } from './sql.ts';

/** Every announcement and what it carries. Handlers are idempotent on it. */
export type Announcements = {
  'inference.served': { readonly inferenceId: string };
  'inference.attributed': { readonly inferenceId: string };
  'fees.routed': { readonly inferenceId: string };
  'run.queued': { readonly runId: string };
};

export type Announcement = keyof Announcements;

export type Handlers = {
  readonly [A in Announcement]: (payload: Announcements[A]) => Promise<void>;
};

/** Lower is sooner. Credits come before receipts, and training before nobody. */
const priorities: Partial<Record<Announcement, number>> = { 'fees.routed': 10, 'run.queued': 20 };

/** Delivered one after the other: a run takes minutes and the whole machine, and would keep every call waiting. */
const queues: Partial<Record<Announcement, string>> = { 'run.queued': 'runs' };

/** Announces inside the caller's transaction: the work and the word of it commit together. */
export async function announce<A extends Announcement>(
  tx: Tx,
  name: A,
  payload: Announcements[A],
): Promise<void> {
  await tx.query(
    sql`
      select graphile_worker.add_job(
        ${name}, ${JSON.stringify(payload)}::json, queue_name => ${queues[name] ?? null},
        max_attempts => 25, priority => ${priorities[name] ?? 0}
      )`,
  );
}

/** Creates the tables of the queue. */
export async function migrateJobs(db: Db): Promise<void> {
  const { runMigrations } = await import('graphile-worker');
  await runMigrations({ connectionString: db.url, logger: quiet() });
}

/**
 * Starts delivering. A handler that throws is tried again with growing delays.
 *
 * One process delivers on a database, so whatever is still being delivered now was begun by one that has died: it is
 * delivered again at once, instead of after the queue's own patience of four hours.
 */
export async function startJobs(
  db: Db,
  {
    handlers,
    log,
    concurrency = 6,
  }: { readonly handlers: Handlers; readonly log: Log; readonly concurrency?: number },
): Promise<{ stop(): Promise<void> }> {
  const pool = new pg.Pool({ connectionString: db.url, max: concurrency + 4 });
  const lost = (error: Error) => log.warn('jobs.connection_lost', { error });
  pool.on('error', lost).on('connect', (client) => void client.on('error', lost));
  await db.transaction((tx) =>
    tx.query(sql`
      select graphile_worker.force_unlock_workers(array_agg(distinct locked_by))
      from graphile_worker.jobs
      where locked_by is not null
      having count(*) > 0`),
  );
  const runner: Runner = await run({
    pgPool: pool,
    concurrency,
    noHandleSignals: true,
    pollInterval: 1000,
    logger: quiet(log),
    taskList: Object.fromEntries(
      Object.entries(handlers).map(([name, handle]) => [
        name,
        (payload: unknown) => handle(payload as never),
      ]),
    ),
  });
  return {
    stop: async () => {
      await runner.stop();
      await pool.end();
    },
  };
}

const quiet = (log?: Log) =>
  new Logger(() => (level, message) => {
    if (level === 'error') log?.error('jobs.failed', { message });
  });
