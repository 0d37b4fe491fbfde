import { expect, test } from 'vitest';
import { createTestDatabase } from '../../test/harness/postgres.ts';
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

test('an announcement arrives only when its transaction commits', async () => {
  const { db, drop } = await createTestDatabase();
  const heard: string[] = [];
  const ignore = async () => {};
  const jobs = await startJobs(db, {
    log: silentLog,
    handlers: {
      'inference.served': async ({ inferenceId }) => void heard.push(inferenceId),
      'inference.attributed': ignore,
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
  await db.transaction((tx) => announce(tx, 'fees.routed', { inferenceId: 'inf_held' }));
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
      'fees.routed': async ({ inferenceId }) => void heard.push(inferenceId),
      'run.queued': ignore,
    },
  });
  await expect.poll(() => heard, { timeout: 5000 }).toEqual(['inf_held']);
  await jobs.stop();
  await drop();
});
