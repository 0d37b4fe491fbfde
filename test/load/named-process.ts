/** Processes that are started, killed, and started again under the same name; none of them outlives the run. */
import { type ChildProcess, spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { sourceArguments } from '../../cli/server-process.ts';
import { orAfter } from '../../server/platform/clock.ts';

export type ProcessPlan = {
  readonly name: string;
  readonly port: number;
  /** Its path from the root. */
  readonly script: string;
  readonly args: readonly string[];
  /** What it waits for on its stdin; one that waits is kept loaded for the next life. */
  readonly input?: string;
};

/** How long a start or an end may take on a busy machine. */
const PATIENCE_MS = 60_000;

export type NamedProcess = {
  readonly name: string;
  readonly url: string;
  pid(): number | undefined;
  /** Resolves when it has said its first line. */
  start(): Promise<void>;
  /** Resolves when it is gone. */
  end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void>;
  /** How it ended when nobody had asked it to, or did not when somebody had. */
  readonly accidents: readonly string[];
};

export type Spawner = {
  /** A process of the script that has been told nothing yet. */
  take(plan: ProcessPlan): ChildProcess;
  end(): Promise<void>;
};

export function createSpawner(folder: string): Spawner {
  const children = new Set<ChildProcess>();
  const standby = new Map<string, ChildProcess>();
  const complaints = openSync(join(folder, 'complaints.log'), 'a');
  const load = ({ script, args }: ProcessPlan): ChildProcess => {
    const path = fileURLToPath(new URL(`../../${script}`, import.meta.url));
    const child = spawn(process.execPath, [...sourceArguments(path), ...args], {
      env: { PATH: process.env.PATH },
      stdio: ['pipe', 'pipe', complaints],
    });
    children.add(child);
    child.once('exit', () => children.delete(child));
    child.stdin?.on('error', () => {}); // it was killed before it heard
    return child;
  };
  const killAll = () => {
    for (const child of children) child.kill('SIGKILL');
  };
  process.once('exit', killAll);
  return {
    take(plan) {
      if (plan.input === undefined) return load(plan);
      const child = standby.get(plan.script) ?? load(plan);
      standby.set(plan.script, load(plan));
      return child;
    },
    async end() {
      process.off('exit', killAll);
      const gone = [...children].map((child) => new Promise((end) => child.once('exit', end)));
      killAll();
      await Promise.all(gone);
    },
  };
}

export function createNamedProcess(spawner: Spawner, plan: ProcessPlan): NamedProcess {
  const accidents: string[] = [];
  let child: ChildProcess | undefined;
  let isWanted = false;
  return {
    ...{ name: plan.name, url: `http://127.0.0.1:${plan.port}`, accidents },
    pid: () => child?.pid,
    async start() {
      const mine = spawner.take(plan);
      [child, isWanted] = [mine, true];
      mine.once('exit', (status, signal) => {
        if (isWanted && child === mine)
          accidents.push(`${plan.name}: ended by itself with ${status ?? signal}.`);
      });
      const output = createInterface({ input: mine.stdout as Readable });
      let isReady = false;
      const said = new Promise<void>((resolve) =>
        output.once('line', () => {
          isReady = true;
          resolve();
        }),
      );
      const gone = new Promise<void>((resolve) => mine.once('exit', () => resolve()));
      if (plan.input !== undefined) mine.stdin?.end(plan.input);
      await orAfter(Promise.race([said, gone]), PATIENCE_MS);
      if (!isReady) accidents.push(`${plan.name}: did not start.`);
    },
    async end(signal) {
      const mine = child;
      isWanted = false;
      if (!mine || mine.exitCode !== null || mine.signalCode !== null) return;
      const gone = new Promise<void>((resolve) => mine.once('exit', () => resolve()));
      mine.kill(signal);
      await orAfter(gone, PATIENCE_MS);
      if (mine.exitCode !== null || mine.signalCode !== null) return;
      accidents.push(`${plan.name}: did not end when it was told ${signal}.`);
      mine.kill('SIGKILL');
      await gone;
    },
  };
}

/** What the processes logged as errors, and what they said without being asked. */
export async function readComplaints(folder: string): Promise<readonly string[]> {
  const text = await readFile(join(folder, 'complaints.log'), 'utf8');
  const isComplaint = (line: string) =>
    line.startsWith('{"at"') && line.includes('"level":"error"');
  return text.split('\n').filter((line) => isComplaint(line) || line.startsWith('Error'));
}
