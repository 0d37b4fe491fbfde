/**
 * The local chain: anvil from npm, as a quiet child process whose memory is kept on disk by us.
 *
 * Anvil holds the chain in memory. `store` writes all of it to the folder, atomically; what was stored survives a
 * kill -9 of anvil, of us, or of both. Blocks that were not stored are lost with the process, so whoever credits money
 * for something on this chain stores it first.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { sleep } from './clock.ts';
import type { Log } from './log.ts';
import { writeAtomically } from './write-atomically.ts';

export const LOCAL_CHAIN_ID = 31337;

export type Anvil = {
  /** http://127.0.0.1:port; stays the same when anvil is restarted. */
  readonly url: string;
  /** The process that serves now. */
  pid(): number;
  /** Writes the chain to disk. @returns the highest block in the file */
  store(): Promise<bigint>;
  /** Stores and ends. */
  stop(): Promise<void>;
};

/** Starts the chain of this folder where it was last stored, or a new one. @param folder made where absent */
export async function startAnvil(folder: string, log: Log): Promise<Anvil> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await endLeftOver(folder);
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  let stopping = false;
  let server = await launch(folder, port);
  let restart: Promise<void> = Promise.resolve();
  const watch = (child: ChildProcess) =>
    child.once('exit', (code, signal) => {
      if (stopping) return;
      log.warn('chain.ended', { code, signal });
      restart = relaunch().catch((error) => log.error('chain.lost', { error }));
    });
  const relaunch = async () => {
    server = await launch(folder, port);
    watch(server);
    log.info('chain.restarted', { pid: server.pid });
  };
  watch(server);
  const store = storing(folder, url);
  return {
    url,
    pid: () => server.pid!,
    store,
    async stop() {
      await restart;
      if (server.exitCode === null && server.signalCode === null) await store();
      stopping = true;
      await end(server);
      await rm(join(folder, 'anvil.pid'), { force: true });
    },
  };
}

/** One store at a time; a call during another's waits and then sees what came in between. */
function storing(folder: string, url: string): () => Promise<bigint> {
  const state = join(folder, 'state.json.gz');
  let storedBlock: bigint | undefined;
  let last: Promise<unknown> = Promise.resolve();
  const height = async () => BigInt(await call(url, 'eth_blockNumber'));
  const storeNow = async () => {
    for (let block = await height(); block !== storedBlock; ) {
      const dump = await call(url, 'anvil_dumpState'); // gzipped JSON, as hex
      const now = await height();
      if (now === block) {
        await writeAtomically(state, Buffer.from(dump.slice(2), 'hex'), 0o600);
        storedBlock = block;
      }
      block = now; // a block came during the dump, which may hold half of it: dump again
    }
    return storedBlock!;
  };
  return () => {
    const mine = last.then(storeNow, storeNow);
    last = mine.catch(() => {});
    return mine;
  };
}

async function launch(folder: string, port: number): Promise<ChildProcess> {
  const loaded = await unpackState(folder);
  const server = spawn(
    binary(),
    [
      ...['--host', '127.0.0.1', '--port', String(port), '--chain-id', String(LOCAL_CHAIN_ID)],
      ...['--silent', '--no-cors', '--threads', '1', '--cache-path', join(folder, 'cache')],
      ...(loaded ? ['--load-state', loaded] : []),
    ],
    // A process group of its own: Ctrl-C in a terminal is for us, who stop it in good order.
    { stdio: 'ignore', cwd: folder, env: { HOME: folder }, detached: true },
  );
  const endWithUs = () => server.kill('SIGKILL'); // when we exit without having stopped it
  process.once('exit', endWithUs);
  server.once('exit', () => process.off('exit', endWithUs));
  await new Promise((started, failed) => {
    server.once('spawn', started);
    server.once('error', failed);
  });
  await writeFile(
    join(folder, 'anvil.pid'),
    JSON.stringify({ anvil: server.pid, owner: process.pid }),
  );
  await untilReady(server, `http://127.0.0.1:${port}`);
  if (loaded) await rm(loaded);
  return server;
}

/** Anvil loads plain JSON; the file we keep is a sixth of that. */
async function unpackState(folder: string): Promise<string | undefined> {
  const packed = await readFile(join(folder, 'state.json.gz')).catch(() => undefined);
  if (!packed) return undefined;
  const path = join(folder, 'state.json');
  const state = JSON.parse((await promisify(gunzip)(packed)).toString('utf8')) as State;
  await writeFile(path, JSON.stringify(withOneGenesis(state)), { mode: 0o600 });
  return path;
}

type State = {
  readonly blocks: readonly {
    readonly header: { readonly number: Hex; readonly timestamp: Hex };
  }[];
};
type Hex = `0x${string}`;

/**
 * Every start of anvil makes a first block before it loads ours, and its dumps hold both. Of several it would take any
 * for the chain's: leave it the oldest, which is the one that the chain began with.
 */
function withOneGenesis(state: State): State {
  const isFirst = ({ header }: State['blocks'][number]) => BigInt(header.number) === 0n;
  const [genesis] = state.blocks
    .filter(isFirst)
    .sort((a, b) => Number(BigInt(a.header.timestamp) - BigInt(b.header.timestamp)));
  return { ...state, blocks: state.blocks.filter((block) => !isFirst(block) || block === genesis) };
}

function binary(): string {
  const name = `@foundry-rs/anvil-${process.platform}-amd64`;
  try {
    const manifest = createRequire(import.meta.url).resolve(`${name}/package.json`);
    return join(dirname(manifest), 'bin', 'anvil');
  } catch (cause) {
    const machine = `${process.platform}-${process.arch}`;
    throw new Error(`No local chain for ${machine}; name a chain in CHAIN_RPC_URL.`, {
      cause,
    });
  }
}

async function untilReady(server: ChildProcess, url: string): Promise<void> {
  for (let waitedMs = 0; waitedMs < 30_000; waitedMs += 20) {
    if (server.exitCode !== null || server.signalCode !== null) break;
    if (await call(url, 'eth_chainId').catch(() => undefined)) return;
    await sleep(20);
  }
  await end(server);
  throw new Error('The local chain did not start.');
}

async function call(url: string, method: string): Promise<string> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: [] }),
  });
  const { result } = (await response.json()) as { result?: unknown };
  if (typeof result !== 'string') throw new Error(`The local chain refused ${method}.`);
  return result;
}

/**
 * Ends the anvil that a killed process of ours left behind; refuses while its owner lives.
 *
 * A child whose parent was killed is handed to another parent, so "its parent is still its owner" tells the two apart.
 */
async function endLeftOver(folder: string): Promise<void> {
  const text = await readFile(join(folder, 'anvil.pid'), 'utf8').catch(() => '');
  if (!text) return;
  const { anvil, owner } = JSON.parse(text) as { anvil: number; owner: number };
  const arguments_ = await readFile(`/proc/${anvil}/cmdline`, 'utf8').catch(() => '');
  if (!arguments_.includes(join(folder, 'cache'))) return; // it has ended; the number may be another's by now
  const status = await readFile(`/proc/${anvil}/status`, 'utf8').catch(() => '');
  if (Number(/^PPid:\s*(\d+)/m.exec(status)?.[1]) === owner) {
    throw new Error(`The local chain in ${folder} is in use by process ${owner}.`);
  }
  process.kill(anvil, 'SIGKILL'); // nothing is lost: what counts was stored
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const address = server.address();
  await new Promise((closed) => server.close(closed));
  if (address === null || typeof address === 'string') throw new Error('No free port.');
  return address.port;
}

async function end(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const exited = new Promise((done) => server.once('exit', done));
  server.kill('SIGTERM');
  await Promise.race([exited, sleep(3_000)]);
  if (server.exitCode === null && server.signalCode === null) server.kill('SIGKILL');
  await exited;
}
