/** A PostgreSQL of the benchmark's own, as `npm start` runs it, in a temporary folder that is removed afterwards. */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Db, openDb } from '../../server/platform/db.ts';
import { migrateJobs } from '../../server/platform/jobs.ts';
import { migrate } from '../../server/platform/migrate.ts';
import { startPostgres } from '../../server/platform/postgres.ts';
import { sql } from '../../server/platform/sql.ts';

export type Scratch = {
  readonly folder: string;
  /** The postmaster. */
  readonly pid: number;
  /** Every stage's schema is there, and empty. */
  readonly db: Db;
  /** An empty database beside it. */
  createDatabase(name: string): Promise<string>;
  /** Writes out what earlier windows left dirty, so that nobody pays for another's pages. */
  settle(): Promise<void>;
  end(): Promise<void>;
  /** Ends in the middle of it all: nobody waits for what is under way. */
  abandon(): Promise<void>;
};

export async function startScratch(): Promise<Scratch> {
  const folder = await mkdtemp(join(tmpdir(), 'openledger-bench-'));
  await chmod(folder, 0o755); // as root, PostgreSQL runs as nobody
  const postgres = await startPostgres(folder);
  const db = openDb(postgres.url);
  await migrateJobs(db);
  await migrate(db);
  const abandon = async () => {
    await postgres.stop();
    await rm(folder, { recursive: true, force: true });
  };
  return {
    folder,
    abandon,
    pid: postgres.pid,
    db,
    createDatabase: (name) => postgres.createDatabase(name),
    settle: async () => void (await db.query(sql`checkpoint`)),
    end: async () => {
      await db.close();
      await abandon();
    },
  };
}
