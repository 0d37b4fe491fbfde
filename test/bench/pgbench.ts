/** PostgreSQL's own benchmark, TPC-B-like, where the machine has it: a transaction a request that nobody can say we wrote badly. */
import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

export type Pgbench = {
  /** @returns transactions a second */
  measure(seconds: number): Promise<number>;
};

const VERSIONS = '/usr/lib/postgresql'; // where Debian and Ubuntu keep them
const SCALE = 10;
const CLIENTS = 8;

export const PGBENCH = `pgbench TPC-B, scale ${SCALE}, ${CLIENTS} clients, prepared`;

/** @param url an empty database @returns undefined where pgbench is not installed */
export async function preparePgbench(url: string): Promise<Pgbench | undefined> {
  const binary = await newestBinary();
  if (!binary) return undefined;
  const { hostname, port, username, password, pathname } = new URL(url);
  const call = (args: readonly string[]) =>
    run(binary, [...args, '-h', hostname, '-p', port, '-U', username, pathname.slice(1)], {
      env: { PGPASSWORD: password },
    });
  await call(['--initialize', '--quiet', '--scale', String(SCALE)]);
  return {
    async measure(seconds) {
      const time = String(Math.max(1, Math.round(seconds)));
      const load = ['--no-vacuum', '--protocol', 'prepared', '--client', String(CLIENTS)];
      const { stdout } = await call([...load, '--jobs', '2', '--time', time]);
      const tps = /^tps = ([\d.]+)/m.exec(stdout)?.[1];
      if (!tps) throw new Error(`pgbench did not say how fast it was: ${stdout}`);
      return Number(tps);
    },
  };
}

async function newestBinary(): Promise<string | undefined> {
  const versions = await readdir(VERSIONS).catch(() => []);
  const [newest] = versions.map(Number).sort((a, b) => b - a);
  if (!newest) return undefined;
  const folder = `${VERSIONS}/${newest}/bin`;
  const programs = await readdir(folder).catch((): string[] => []);
  return programs.includes('pgbench') ? `${folder}/pgbench` : undefined;
}
