/** Processes of the benchmark's own: each says one line of JSON when it is ready, and ends when its parent does. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { sourceArguments } from '../../../cli/server-process.ts';

export type Part<Ready> = {
  readonly pid: number;
  readonly ready: Ready;
  send(message: string): void;
  /** Sends a message, and waits for the answer. */
  ask<Answer>(message: string): Promise<Answer>;
  stop(): Promise<void>;
};

/**
 * @param file the source beside this one
 * @param flags for Node
 */
export async function startPart<Ready>(
  file: string,
  {
    words = [],
    flags = [],
    environment = {},
  }: {
    readonly words?: readonly string[];
    readonly flags?: readonly string[];
    readonly environment?: Readonly<Record<string, string>>;
  } = {},
): Promise<Part<Ready>> {
  const script = fileURLToPath(new URL(file, import.meta.url));
  const child = spawn(process.execPath, [...flags, ...sourceArguments(script), ...words], {
    env: { PATH: process.env.PATH, TMPDIR: process.env.TMPDIR, ...environment },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  const ready: Ready = JSON.parse(await firstLine(child, file));
  return {
    pid: child.pid as number,
    ready,
    send: (message) => void child.send(message),
    async ask(message) {
      child.send(message);
      const [answer] = await once(child, 'message');
      return answer;
    },
    stop: () => stop(child),
  };
}

async function firstLine(child: ChildProcess, file: string): Promise<string> {
  if (!child.stdout) throw new Error(`${file} has no output.`);
  const said = once(createInterface({ input: child.stdout }), 'line').then(([line]) => line);
  const ended = once(child, 'exit').then(([code, signal]) => {
    throw new Error(`${file} ended with ${signal ?? code}.`);
  });
  return Promise.race([said, ended]);
}

/** Asked kindly; where that has no end, not. */
export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const patience = setTimeout(() => child.kill('SIGKILL'), 20_000);
  child.kill('SIGTERM');
  await once(child, 'exit');
  clearTimeout(patience);
}

/** The child's side. */
export function sayReady(facts: object): void {
  process.once('disconnect', () => process.exit(0));
  process.stdout.write(`${JSON.stringify(facts)}\n`);
}

/** The same for a bare server, on a free port. */
export async function listenFor(server: Server): Promise<void> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  sayReady({ url: `http://127.0.0.1:${port}` });
}
