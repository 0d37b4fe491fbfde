import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { until } from '../../cli/first-loop/wait.ts';
import { createTestDatabase, type TestDatabase } from '../../test/harness/postgres.ts';
import { type RunningScript, runScript } from '../../test/harness/processes.ts';
import { announce } from './jobs.ts';
import { silentLog } from './log.ts';
import { onDuty } from './on-duty.ts';
import { enter, findGone, type Presence } from './presence.ts';
import { sql } from './sql.ts';

let database: TestDatabase;
beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(() => database.drop());

test('a process is here until it leaves, also over a lost connection', async () => {
  const { db } = database;
  const [one, two] = [await enter(db), await enter(db)];
  await two.alsoAs('second name');
  expect(await findGone(db, [one.name, two.name, 'second name', 'never'])).toEqual(['never']);
  await cutAdvisoryLocks();
  expect(await findGone(db, [one.name, two.name, 'second name'])).toEqual([]);
  await one.leave();
  expect(await findGone(db, [one.name, two.name])).toEqual([one.name]);
  await two.leave();
});

test('one process at a time stands in for one that is gone, and none for one that is here', async () => {
  const { db } = database;
  const [gone, one, two] = [await enter(db), await enter(db), await enter(db)];
  expect(await one.standInFor(gone.name)).toBeUndefined();
  await gone.leave();
  const letGo = await one.standInFor(gone.name);
  expect(await two.standInFor(gone.name)).toBeUndefined();
  expect(await findGone(db, [gone.name])).toEqual([]);
  await letGo?.();
  expect(await findGone(db, [gone.name])).toEqual([gone.name]);
  expect(await two.standInFor(gone.name)).toBeDefined();
  for (const presence of [one, two]) await presence.leave();
});

test('a process that was thought gone has its name again when nobody stands in for it any more', async () => {
  const { db } = database;
  const cutOff = await enter(db);
  await cutAdvisoryLocks();
  const other = await enter(db);
  const letGo = await until('a lost name', () => other.standInFor(cutOff.name), { everyMs: 5 });
  await pause(500); // it is back, and its name is not free
  await letGo();
  await pause(500);
  expect(await other.standInFor(cutOff.name)).toBeUndefined();
  for (const presence of [cutOff, other]) await presence.leave();
});

test('a clock runs in one process, and goes on in another one when that is gone', async () => {
  const { db } = database;
  const presences = [await enter(db), await enter(db), await enter(db)];
  const running = new Set<number>();
  let overlaps = 0;
  const duties = presences.map((presence: Presence, i) =>
    onDuty(presence, { name: 'tick', log: silentLog }, () => {
      if (running.size > 0) overlaps++;
      running.add(i);
      return { stop: async () => void running.delete(i) };
    }),
  );
  await until('the clock', async () => running.size > 0 || undefined);
  await pause(1200);
  expect(running.size).toBe(1);
  const [first] = running;
  await duties[first].stop();
  await presences[first].leave();
  await until('its successor', async () => running.size > 0 || undefined, { withinMs: 3000 });
  expect(running.has(first)).toBe(false);
  expect(overlaps).toBe(0);
  for (const duty of duties) await duty.stop();
  for (const presence of presences) await presence.leave();
});

test('of two workers one is killed: its job is delivered again soon, the other’s is left alone', async () => {
  const { db, url } = database;
  const slow = (): RunningScript => runScript('test/harness/job-worker.ts', [url, '8000']);
  const workers = [slow(), slow()];
  await Promise.all(workers.map((worker) => worker.says('ready')));
  await db.transaction(async (tx) => {
    for (const inferenceId of ['inf_a', 'inf_b'])
      await announce(tx, 'inference.served', { inferenceId });
  });
  await Promise.all(workers.map((worker) => worker.says('begun')));
  const [dying, living] = workers;
  const [left, kept] = workers.map(({ lines }) => lines.find((line) => line.startsWith('begun')));
  const third = runScript('test/harness/job-worker.ts', [url, '0']);
  await third.says('ready');
  dying.kill();
  await third.says(left as string, 8000);
  await living.says((kept as string).replace('begun', 'done'), 15_000);
  expect(third.lines.filter((line) => line.startsWith('begun'))).toEqual([left]);
  expect(living.lines.filter((line) => line.startsWith('begun'))).toEqual([kept]);
  for (const worker of [living, third]) worker.kill();
});

async function cutAdvisoryLocks(): Promise<void> {
  await database.db.query(sql`
    select pg_terminate_backend(pid) from pg_locks
    where locktype = 'advisory'
      and database = (select oid from pg_database where datname = current_database())`);
  await pause(50);
}
