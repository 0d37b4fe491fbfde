/** A real PostgreSQL for tests: one throwaway cluster a test run, one fresh, migrated database a call. */
import { randomBytes } from 'node:crypto';
import { type Db, openDb } from '../../server/platform/db.ts';
import { migrateJobs } from '../../server/platform/jobs.ts';
import { migrate } from '../../server/platform/migrate.ts';

export type TestDatabase = {
  readonly db: Db;
  readonly url: string;
  readonly drop: () => Promise<void>;
};

/** The cluster is started by `postgres-cluster.ts`, vitest's global set-up. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const clusterUrl = process.env.OPENLEDGER_TEST_POSTGRES;
  if (!clusterUrl)
    throw new Error('Run tests through vitest: its global set-up starts PostgreSQL.');
  const name = `test_${randomBytes(8).toString('hex')}`;
  const admin = openDb(clusterUrl, { poolSize: 1 });
  await admin.query({ text: `create database ${name}`, values: [] });
  const url = clusterUrl.replace(/\/[^/]*$/, `/${name}`);
  const db = openDb(url);
  await migrateJobs(db);
  await migrate(db);
  return {
    db,
    url,
    drop: async () => {
      await db.close();
      await admin.query({ text: `drop database ${name} with (force)`, values: [] });
      await admin.close();
    },
  };
}
