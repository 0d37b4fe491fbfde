/** A primary with a synchronous standby, real servers and real writers: what was promised survives the primary. */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../cli/first-loop/wait.ts';
import { createLedger } from '../server/ledger/index.ts';
import { nextTerm } from '../server/ledger/postgres-store.ts';
import { systemClock } from '../server/platform/clock.ts';
import { type Db, openDb } from '../server/platform/db.ts';
import { silentLog } from '../server/platform/log.ts';
import { migrate } from '../server/platform/migrate.ts';
import { newId } from '../server/platform/new-id.ts';
import { type Postgres, startPostgres } from '../server/platform/postgres.ts';
import { sql } from '../server/platform/sql.ts';
import {
  copyCluster,
  follow,
  killCluster,
  promote,
  requireStandby,
} from './harness/postgres-replica.ts';
import { type RunningScript, runScript } from './harness/processes.ts';

let folder: string;
let primary: Postgres;
let standby: Postgres;
const writers: RunningScript[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'openledger-failover-'));
  await chmod(folder, 0o755);
  const [one, two] = [join(folder, 'one'), join(folder, 'two')];
  const alone = await startPostgres(one);
  const db = openDb(alone.url);
  await migrate(db);
  await db.close();
  await alone.stop();
  await copyCluster({ from: one, to: two });
  primary = await startPostgres(one);
  await follow(two, primary.url);
  standby = await startPostgres(two);
  await requireStandby(primary.url);
});
afterAll(async () => {
  for (const writer of writers) writer.kill();
  await killCluster(primary); // it waits for a standby, also when it is to stop
  await standby.stop();
  await rm(folder, { recursive: true, force: true });
});

test('every promise of a primary that was killed is kept by its standby, and the old one promises nothing more', async () => {
  const before = startWriter(primary.url);
  await until('a load', async () => before.promised().length > 500 || undefined);
  await killCluster(primary);
  const promised = before.promised();
  before.kill();
  await promote(standby.url);

  const after = startWriter(standby.url);
  await until('the load to go on', async () => after.promised().length > 100 || undefined);
  expect(after.lines[0]).toBe('writing');
  after.kill();
  const db = openDb(standby.url);
  expect(await missing(db, [...promised, ...after.promised()])).toEqual([]);

  // The old primary comes back as it was, and with it somebody who writes to it.
  primary = await startPostgres(join(folder, 'one'));
  const old = openDb(primary.url);
  const kept = await countTransactions(old);
  const late = startWriter(primary.url);
  const asked = Date.now();
  const written = old.transaction((tx) => nextTerm(tx));
  await expect(written).rejects.toMatchObject({ code: 'unavailable' });
  expect(Date.now() - asked).toBeLessThan(15_000);
  await until('the old writer to give up', async () => late.lines.length > 0 || undefined);
  expect(late.lines[0]).not.toBe('writing');
  expect(late.promised()).toEqual([]);
  expect(await countTransactions(old)).toBe(kept);
  late.kill();

  // Where a later term has begun, a writer of an earlier one changes nothing.
  const stale = createLedger({ db, clock: systemClock, log: silentLog });
  await until('the right to write', async () => {
    await stale.start();
    return stale.isWriting() || undefined;
  });
  await nextTerm(db);
  const count = await countTransactions(db);
  await expect(
    stale.post({
      transactionId: newId('transaction', systemClock),
      reason: 'test',
      postings: [{ from: 'external:chain', to: 'nobody:available', amount: 1n }],
    }),
  ).rejects.toMatchObject({ code: 'unavailable' });
  expect(await countTransactions(db)).toBe(count);
  expect(await stale.audit()).toMatchObject({ ok: true, transactions: count });
  await stale.stop();
  await db.close();
}, 120_000);

type Writer = RunningScript & { promised(): readonly string[] };

function startWriter(url: string): Writer {
  const writer = runScript('test/harness/ledger-writer.ts', [url]);
  writers.push(writer);
  const promised = () =>
    writer.lines
      .filter((line) => line.startsWith('done '))
      .map((line) => line.slice('done '.length));
  return { ...writer, promised };
}

async function missing(db: Db, ids: readonly string[]): Promise<readonly string[]> {
  const uuids = ids.map((id) => id.slice('txn_'.length));
  const rows = await db.query<{ id: string }>(sql`
    select id from unnest(${uuids}::uuid[]) as id
    where id not in (select id from ledger.transactions)`);
  return rows.map(({ id }) => id);
}

async function countTransactions(db: Db): Promise<number> {
  const [{ count }] = await db.query<{ count: string }>(
    sql`select count(*) as count from ledger.transactions`,
  );
  return Number(count);
}
