/** The processes of the crash run, what was heard from them, and what the dead ones have left. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { sleep } from '../../server/platform/clock.ts';
import type { Postgres } from '../../server/platform/postgres.ts';
import { type IntentsLeft, readIntentsLeft } from './intents-left.ts';
import { MODES, type Mode } from './request.ts';
import { hearPromise, type Said } from './said.ts';

export type World = {
  readonly folder: string;
  readonly port: number;
  /** The load process's file. */
  readonly code: string;
  readonly said: Readonly<Record<Mode, Said>>;
  readonly intents: IntentsLeft;
  readonly processes: Map<Mode, ChildProcess>;
  /** Processes that have loaded their code, and know nothing of database and folder before they are called. */
  readonly standby: ChildProcess[];
  /** How often the process of each mode was killed. */
  readonly killed: Record<Mode, number>;
  /** How many promises were heard that need the ledger's answer. */
  readonly heard: Record<Mode, number>;
  postgres: Postgres;
  writer: Mode | undefined;
  isRecovering: boolean;
  /** A process that has ended by itself. */
  failure: Error | undefined;
};

export const intentsOf = ({ folder }: World): string => join(folder, 'intents');

/** Calls a process from standby, and one to standby. */
export function begin(world: World, mode: Mode): void {
  while (world.standby.length < 3) world.standby.push(load(world));
  const child = world.standby.shift() as ChildProcess;
  child.once('exit', (status) => {
    if (status) world.failure = new Error(`The ${mode} process has ended with ${status}.`);
  });
  const output = createInterface({ input: child.stdout as Readable });
  output.on('line', (line) => hear(world, mode, line));
  child.stdin?.end(JSON.stringify({ mode, url: world.postgres.url, folder: intentsOf(world) }));
  world.processes.set(mode, child);
}

function load({ code }: World): ChildProcess {
  return spawn(process.execPath, [code], {
    env: { PATH: process.env.PATH },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
}

function hear(world: World, mode: Mode, line: string): void {
  if (line === 'writing') world.writer = mode;
  if (line === 'asking' && world.writer === mode) world.writer = undefined;
  if (line === 'recovering') world.isRecovering = true;
  const word = hearPromise(world.said[mode], line);
  if (word === 'captured' || word === 'routed') world.heard[mode] += 1;
}

/** What it has said is heard, and what it has written is read, before this resolves. @throws when it has ended by itself */
export async function end(world: World, mode: Mode, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
  const child = world.processes.get(mode) as ChildProcess;
  const closed = new Promise((close) => child.once('close', close));
  child.kill(signal);
  await closed;
  if (world.failure) throw world.failure;
  if (world.writer === mode) world.writer = undefined;
  if (mode !== 'leased') return;
  world.isRecovering = false;
  await readIntentsLeft(world.intents, intentsOf(world));
}

/** Goes on when each process was promised so much more and one of them writes: whatever was killed is back, and is asked. */
export function untilHeard(world: World, more: number): Promise<void> {
  const goals = MODES.map((mode) => [mode, world.heard[mode] + more] as const);
  return until(world, () => goals.every(([mode, goal]) => world.heard[mode] >= goal));
}

const PATIENCE_MS = 90_000;

/** @throws when it is not so for long, or a process has ended by itself */
export async function until(world: World, isSo: () => boolean): Promise<void> {
  for (const since = Date.now(); !isSo() || !world.writer; await sleep(5)) {
    if (world.failure) throw world.failure;
    if (Date.now() - since > PATIENCE_MS) throw new Error(`Nothing for ${PATIENCE_MS} ms.`);
  }
}
