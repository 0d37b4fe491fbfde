/** Announcements between stages: a row written in the announcer's own transaction, delivered at least once. */
import { Logger, type Runner, run } from 'graphile-worker';
import pg from 'pg';
import { sleep } from './clock.ts';
import type { Db, Reader, Tx } from './db.ts';
import type { Log } from './log.ts';
import { enter, findGone } from './presence.ts';
import { repeat } from './repeat.ts';
import { prepared, type Sql, sql } from './sql.ts';

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
  const announcing = announceEach(name, sql`select ${JSON.stringify(payload)}::json`);
  await tx.query(prepared('jobs.announce', announcing));
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

type JobsOptions = {
  readonly handlers: Handlers;
  readonly log: Log;
  readonly concurrency?: number;
};

/**
 * Starts delivering. A handler that throws is tried again with growing delays.
 *
 * Any number of processes deliver on a database. What one of them was delivering when it died is delivered again by another
 * within seconds, instead of after the queue's own patience of four hours. Where the database was away when a delivery was to
 * be noted, the queue's runner ends; another one is started in its place.
 */
export async function startJobs(
  db: Db,
  { concurrency = 12, ...options }: JobsOptions,
): Promise<{ stop(): Promise<void> }> {
  const { log } = options;
  const pool = new pg.Pool({ connectionString: db.url, max: concurrency + 4 });
  const lost = (error: Error) => log.warn('jobs.connection_lost', { error });
  pool.on('error', lost).on('connect', (client) => void client.on('error', lost));
  const begin = () => startRunner(db, pool, { ...options, concurrency });
  const stopping = new AbortController();
  let running = await begin();

  const stay = async (): Promise<void> => {
    for (;;) {
      await running.ended;
      if (stopping.signal.aborted) return;
      log.warn('jobs.begin_again');
      await sleep(AGAIN_MS, stopping.signal);
      if (stopping.signal.aborted) return;
      running = await begin().catch(() => running); // the database is still away
      if (stopping.signal.aborted) return running.stop();
    }
  };
  const staying = stay();
  const redelivering = repeat('jobs.redeliver', { everyMs: 1000, log }, () => redeliver(db));
  return {
    stop: async () => {
      stopping.abort();
      await redelivering.stop();
      await running.stop();
      await staying;
      await pool.end();
    },
  };
}

const AGAIN_MS = 500;

type Running = {
  /** Resolves when it delivers no more, for whatever reason. */
  readonly ended: Promise<void>;
  stop(): Promise<void>;
};

/** One life of the queue's runner, present under its own names: what it leaves locked is seen to be nobody's when it is over. */
async function startRunner(
  db: Db,
  pool: pg.Pool,
  { handlers, log, concurrency }: JobsOptions,
): Promise<Running> {
  const presence = await enter(db);
  const runner: Runner = await run({
    preset: {
      plugins: [presentAs((name) => presence.alsoAs(name))],
      // In batches a failure to note a delivery is handled; by itself it is a rejection that ends the process.
      worker: { completeJobBatchDelay: 0, failJobBatchDelay: 0 },
    },
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
  }).catch(async (error: unknown) => {
    await presence.leave();
    throw error;
  });
  const ended = runner.promise.catch(() => {}).then(() => presence.leave());
  return {
    ended,
    async stop() {
      await runner.stop().catch(() => {}); // it has ended by itself
      await ended;
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
