/** What runs on this machine, as the kernel tells (Linux): to prove that nothing stays behind. */
import { spawn } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { until } from '../../cli/first-loop/wait.ts';
import { serverArguments, sourceArguments } from '../../cli/server-process.ts';

export type Process = { readonly pid: number; readonly parent: number; readonly command: string };

/** All that descends from a process, itself left out. */
export async function descendantsOf(pid: number): Promise<readonly Process[]> {
  const all = await listProcesses();
  const found: Process[] = [];
  for (let parents = [pid]; parents.length > 0; ) {
    const children = all.filter(({ parent }) => parents.includes(parent));
    found.push(...children);
    parents = children.map((one) => one.pid);
  }
  return found;
}

/** Those of them that still run. Numbers are used again, so the command must be the same too. */
export async function stillRunning(processes: readonly Process[]): Promise<readonly Process[]> {
  const now = new Map((await listProcesses()).map((one) => [one.pid, one.command]));
  return processes.filter(({ pid, command }) => now.get(pid) === command);
}

async function listProcesses(): Promise<readonly Process[]> {
  const names = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const read = await Promise.all(names.map((name) => readProcess(Number(name))));
  return read.filter((one) => one !== undefined);
}

/** undefined when it has ended, also where nobody has asked for its exit status yet. */
async function readProcess(pid: number): Promise<Process | undefined> {
  try {
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    if (/^State:\s*Z/m.test(status)) return undefined;
    const parent = Number(/^PPid:\s*(\d+)/m.exec(status)?.[1]);
    const command = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ').trim();
    return { pid, parent, command };
  } catch {
    return undefined;
  }
}

export type Ended = {
  readonly status: number | null;
  readonly output: string;
  readonly complaint: string;
};

/** A role of the server's process, from its start to its end. */
export function runRole(role: string, environment: Readonly<Record<string, string>>): RunningRole {
  const child = spawn(process.execPath, serverArguments(role), {
    env: { PATH: process.env.PATH, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [output, complaint] = ['', ''];
  child.stdout.on('data', (text: Buffer) => {
    output += text;
  });
  child.stderr.on('data', (text: Buffer) => {
    complaint += text;
  });
  return {
    pid: child.pid as number,
    output: () => output,
    signal: (name) => void child.kill(name),
    ended: new Promise((resolve) =>
      child.once('close', (status) => resolve({ status, output, complaint })),
    ),
  };
}

export type RunningRole = {
  readonly pid: number;
  /** What it has said so far. */
  output(): string;
  signal(name: NodeJS.Signals): void;
  readonly ended: Promise<Ended>;
};

/** One of our sources as a process of its own, by what it says line for line. */
export function runScript(path: string, args: readonly string[]): RunningScript {
  const script = fileURLToPath(new URL(`../../${path}`, import.meta.url));
  const child = spawn(process.execPath, [...sourceArguments(script), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => void lines.push(line));
  return {
    lines,
    async says(start, withinMs = 60_000) {
      const heard = async () => lines.some((line) => line.startsWith(start)) || undefined;
      await until(`"${start}" from ${path}`, heard, { withinMs, everyMs: 20 });
    },
    kill: () => void child.kill('SIGKILL'),
  };
}

export type RunningScript = {
  readonly lines: readonly string[];
  /** Waits for a line that starts so. */
  says(start: string, withinMs?: number): Promise<void>;
  kill(): void;
};
