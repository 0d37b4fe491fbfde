import { expect, test } from 'vitest';
import { until } from '../../cli/first-loop/wait.ts';
import { createTestDatabase } from '../../test/harness/postgres.ts';
import { sleep } from './clock.ts';
import { openDb } from './db.ts';
import { announce, type Handlers, startJobs } from './jobs.ts';
import { silentLog } from './log.ts';
import { sql } from './sql.ts';

test('announcements are delivered on after the database was away while one was under way, whether it went well or failed', async () => {
  const database = await createTestDatabase();
  const { db, url } = database;
  const name = new URL(url).pathname.slice(1);
  const outside = openDb(url.replace(/\/[^/]*$/, '/postgres'), { poolSize: 1 });
  const allow = (allowed: boolean) =>
    outside.query({
      text: `alter database ${name} with allow_connections ${allowed}`,
      values: [],
    });
  const goAway = async (): Promise<void> => {
    await allow(false);
    await outside.query(sql`
      select pg_terminate_backend(pid)
      from pg_stat_activity
      where datname = ${name}`);
    setTimeout(() => void allow(true), 700);
    await sleep(100);
  };
  const delivered: string[] = [];
  const ignore = async () => {};
  const handlers: Handlers = {
    ...{ 'inference.attributed': ignore, 'read.paid': ignore },
    ...{ 'fees.routed': ignore, 'run.queued': ignore },
    async 'inference.served'({ inferenceId }) {
      const isFirst = !delivered.includes(inferenceId);
      delivered.push(inferenceId);
      if (isFirst && inferenceId !== 'last') await goAway();
      if (isFirst && inferenceId === 'failing') throw new Error('not yet');
    },
  };
  const jobs = await startJobs(db, { handlers, log: silentLog, concurrency: 2 });
  for (const inferenceId of ['well', 'failing', 'last']) {
    await until('an announcement', () =>
      db
        .transaction((tx) => announce(tx, 'inference.served', { inferenceId }))
        .then(
          () => true,
          () => undefined,
        ),
    );
    await until(
      `the delivery of "${inferenceId}"`,
      async () => {
        const left = await db
          .query(sql`select id from graphile_worker.jobs`)
          .catch(() => [undefined]);
        return delivered.includes(inferenceId) && left.length === 0 ? true : undefined;
      },
      { withinMs: 30_000 },
    );
  }
  expect(delivered.at(-1)).toBe('last');
  await jobs.stop();
  await outside.close();
  await database.drop();
});
