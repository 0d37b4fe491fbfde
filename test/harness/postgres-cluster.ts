/** Vitest's global set-up: one PostgreSQL cluster for the whole run, thrown away afterwards. */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPostgres } from '../../server/platform/postgres.ts';

export async function setup(): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'openledger-test-'));
  await chmod(folder, 0o755);
  const postgres = await startPostgres(folder);
  process.env.OPENLEDGER_TEST_POSTGRES = postgres.url;
  return async () => {
    await postgres.stop();
    await rm(folder, { recursive: true, force: true });
  };
}
