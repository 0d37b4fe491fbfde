/** Announcements between stages: a row written in the announcer's own transaction, delivered at least once. */
import { Logger, type Runner, run } from 'graphile-worker';
import pg from 'pg';
import type { Db, Reader, Tx } from './db.ts';
import type { Log } from './log.ts';
import { enter, findGone } from './presence.ts';
import { repeat } from './repeat.ts';
import { type Sql, sql } from './sql.ts';

/** Every announcement and what it carries. Handlers are idempotent on it. */
export type Announcements = {
  'inference.served': { readonly inferenceId: string };
  'inference.attributed': { readonly inferenceId: string };
  'read.paid': { readonly readId: string };
  'fees.routed': { readonly saleId: string };
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

/**
 * Announces many at once, as part of a statement of the caller's: one row for each payload.
 *
 * @param payloads a query of one column, json
 */
export const announceEach = (name: Announcement, payloads: Sql): Sql => sql`
  select id
  from graphile_worker.add_jobs(array(
    select row(
      ${name}::text, payload, ${queues[name] ?? null}::text, null, 25, null, ${priorities[name] ?? 0}::integer, null
    )::graphile_worker.job_spec
    from (${payloads}) as announced (payload)
  ))`;
/** How many announcements wait or are being delivered, by name. */
export async function countWaiting(on: Reader): Promise<Readonly<Record<string, number>>> {
  const rows = await on.query<{ name: string; waiting: string }>(sql`
    select task_identifier as name, count(*) as waiting
    from graphile_worker.jobs
    group by task_identifier`);
  return Object.fromEntries(rows.map(({ name, waiting }) => [name, Number(waiting)]));
}

/** Creates the tables of the queue. */
export async function migrateJobs(db: Db): Promise<void> {
  const { runMigrations } = await import('graphile-worker');
  await runMigrations({ connectionString: db.url, logger: quiet() });
}

/**
 * Starts delivering. A handler that throws is tried again with growing delays.
 *
 * Any number of processes deliver on a database. What one of them was delivering when it died is delivered again by another
 * within seconds, instead of after the queue's own patience of four hours.
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
  const presence = await enter(db);
  const runner: Runner = await run({
    preset: { plugins: [presentAs((name) => presence.alsoAs(name))] },
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
  const redelivering = repeat('jobs.redeliver', { everyMs: 1000, log }, () => redeliver(db));
  return {
    stop: async () => {
      await redelivering.stop();
      await runner.stop();
      await pool.end();
      await presence.leave();
    },
  };
}

/** Jobs are locked in a pool's name: nothing is taken in it before the name is known to be of a living process. */
const presentAs = (enterAs: (name: string) => Promise<void>): GraphileConfig.Plugin => ({
  name: 'PresencePlugin',
  version: '1.0.0',
  worker: { hooks: { startWorker: (_, { worker }) => enterAs(worker.workerPool.id) } },
});

/** Gives back what was being delivered by those who are gone. */
async function redeliver(db: Db): Promise<void> {
  const locked = await db.query<{ locked_by: string }>(sql`
    select distinct locked_by
    from graphile_worker.jobs
    where locked_by is not null`);
  const gone = await findGone(
    db,
    locked.map((job) => job.locked_by),
  );
  if (gone.length === 0) return;
  await db.transaction((tx) =>
    tx.query(sql`select graphile_worker.force_unlock_workers(${gone}::text[])`),
  );
}

const quiet = (log?: Log) =>
  new Logger(() => (level, message) => {
    if (level === 'error') log?.error('jobs.failed', { message });
  });
