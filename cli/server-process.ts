/** The server as a child of the command line: started, waited for, stopped. */
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** What the server says when it serves: one line of JSON on its standard output. */
export type Ready = {
  readonly url: string;
  /** The admin's key, shown once: at the first start on this data. */
  readonly adminKey?: string;
  readonly chain: { readonly id: number; readonly isLocal: boolean };
  readonly database: 'embedded' | 'external';
};

export type ServerProcess = {
  readonly pid: number;
  readonly ready: Ready;
  /** Resolves with the exit status, whoever ended it. */
  readonly exited: Promise<number>;
  stop(): Promise<number>;
};

/**
 * @param environment settings for the server, on top of our own
 * @throws when the server ends before it serves, with what it complained of
 */
export async function startServer(
  environment: Readonly<Record<string, string | undefined>>,
): Promise<ServerProcess> {
  const child = spawn(process.execPath, serverArguments('up'), {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let complaint = '';
  child.stderr.on('data', (text: Buffer) => {
    complaint = (complaint + text).slice(-4000);
    if (process.env.OPENLEDGER_LOG === '1') process.stderr.write(text);
  });
  const exited = new Promise<number>((resolve) => child.once('exit', (code) => resolve(code ?? 1)));
  const ready = await Promise.race([
    firstLine(child.stdout),
    exited.then((code) =>
      Promise.reject(new Error(`The server ended with status ${code}.\n${complaint.trim()}`)),
    ),
  ]);
  return {
    pid: child.pid as number,
    ready,
    exited,
    stop: () => {
      child.kill('SIGTERM');
      return exited;
    },
  };
}

async function firstLine(output: NodeJS.ReadableStream): Promise<Ready> {
  for await (const line of createInterface({ input: output })) return JSON.parse(line);
  return new Promise(() => {}); // it ended without a word: the exit status tells
}

/** Runs a role in the foreground, with our terminal and our settings. @returns its exit status */
export function runRole(
  role: string,
  environment: Readonly<Record<string, string | undefined>> = {},
): Promise<number> {
  const child = spawn(process.execPath, serverArguments(role), {
    stdio: 'inherit',
    env: { ...process.env, ...environment },
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => void child.kill(signal));
  }
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

/** What Node is told to run a role of the server from its sources, wherever it is started from. */
export function serverArguments(role: string): readonly string[] {
  return [...sourceArguments(fileURLToPath(new URL('../server/main.ts', import.meta.url))), role];
}

/** What Node is told to run one of our sources. */
export function sourceArguments(script: string): readonly string[] {
  const loader = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  return ['--import', loader, '--conditions=openledger', script];
}
