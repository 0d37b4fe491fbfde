import { sleep } from '../../server/platform/clock.ts';
import { openDb } from '../../server/platform/db.ts';
import { type Postgres, startPostgres } from '../../server/platform/postgres.ts';
import { sql } from '../../server/platform/sql.ts';
import { MODES, type Mode } from './request.ts';
import { begin, end, until, type World } from './world.ts';

/**
 * The process that asks, the one that writes, the leased one and again while it recovers, a backend of PostgreSQL, and its
 * postmaster.
 */
export const KINDS = ['gateway', 'writer', 'recovering', 'backend', 'postmaster'] as const;
export type Kind = (typeof KINDS)[number];

/** Kills, and begins again what does not come back by itself. */
export async function kill(world: World, kind: Kind): Promise<void> {
  switch (kind) {
    case 'gateway':
    case 'writer': {
      await until(world, () => true);
      const isWanted = (mode: Mode) => (mode === world.writer) === (kind === 'writer');
      return killProcess(world, MODES.find(isWanted) as Mode);
    }
    case 'recovering': {
      await killProcess(world, 'leased');
      await until(world, () => world.isRecovering);
      await sleep(Math.random() * RECOVERY_MS);
      return killProcess(world, 'leased');
    }
    case 'backend':
      return killBackend(world);
    case 'postmaster':
      process.kill(world.postgres.pid, 'SIGKILL');
      world.postgres = await restartPostgres(world);
  }
}

/** About as long as a recovery takes. */
const RECOVERY_MS = 100;

async function killProcess(world: World, mode: Mode): Promise<void> {
  await end(world, mode, 'SIGKILL');
  world.killed[mode] += 1;
  begin(world, mode);
}

async function killBackend({ postgres }: World): Promise<void> {
  const db = openDb(postgres.url, { poolSize: 1 });
  const [{ pid }] = await db.query<{ pid: number }>(sql`
    select pid
    from pg_stat_activity
    where backend_type = 'client backend' and pid <> pg_backend_pid()
    order by random()
    limit 1`);
  process.kill(pid, 'SIGKILL'); // the postmaster ends all the others and recovers
  await db.close().catch(() => {});
}

/** The old backends may need a moment to see that their postmaster is gone. */
export async function restartPostgres({
  folder,
  port,
}: Pick<World, 'folder' | 'port'>): Promise<Postgres> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await startPostgres(folder, { port });
    } catch (error) {
      if (attempt === 100) throw error;
      await sleep(50);
    }
  }
}
