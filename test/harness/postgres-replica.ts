/** A standby for a cluster: its cold copy, told whom to follow. (The binaries from npm have no pg_basebackup.) */
import { spawnSync } from 'node:child_process';
import { appendFile, chown, mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { until } from '../../cli/first-loop/wait.ts';
import { openDb } from '../../server/platform/db.ts';
import type { Postgres } from '../../server/platform/postgres.ts';
import { sql } from '../../server/platform/sql.ts';
import { descendantsOf } from './processes.ts';

/** Copies a stopped cluster, with its password. */
export async function copyCluster({ from, to }: { from: string; to: string }): Promise<void> {
  await mkdir(to);
  for (const name of ['data', 'password']) {
    const { status } = spawnSync('cp', ['-a', join(from, name), join(to, name)]);
    if (status !== 0) throw new Error(`${from} could not be copied.`);
  }
}

/** Makes a copy the standby of a primary; to be called before it is started. */
export async function follow(folder: string, primaryUrl: string): Promise<void> {
  const data = join(folder, 'data');
  const { port, username, password } = new URL(primaryUrl);
  const conninfo = `host=127.0.0.1 port=${port} user=${username} password=${password} application_name=standby`;
  await appendFile(join(data, 'postgresql.auto.conf'), `primary_conninfo = '${conninfo}'\n`);
  await writeFile(join(data, 'standby.signal'), '');
  const { uid, gid } = await stat(data);
  await chown(join(data, 'standby.signal'), uid, gid);
}

/** From now on a commit on the primary waits for the standby. */
export async function requireStandby(primaryUrl: string): Promise<void> {
  const db = openDb(primaryUrl);
  await db.query(sql`alter system set synchronous_standby_names = 'standby'`);
  await db.query(sql`select pg_reload_conf()`);
  await until('a synchronous standby', async () => {
    const [found] = await db.query(
      sql`select pid from pg_stat_replication where sync_state = 'sync'`,
    );
    return found;
  });
  await db.close();
}

/** The machine is gone: the server and all its children at once. */
export async function killCluster({ pid }: Postgres): Promise<void> {
  const all = [pid, ...(await descendantsOf(pid)).map((child) => child.pid)];
  for (const one of all) {
    try {
      process.kill(one, 'SIGKILL');
    } catch {
      // it ended with its parent
    }
  }
}

export async function promote(standbyUrl: string): Promise<void> {
  const db = openDb(standbyUrl);
  await db.query(sql`select pg_promote()`);
  await db.close();
}
