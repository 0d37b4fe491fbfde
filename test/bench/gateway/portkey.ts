/**
 * The peer: Portkey's gateway from npm, TypeScript on Hono like ours. It forwards; it holds no money and writes nothing down.
 *
 * No part of this project: a run installs it into its temporary folder, scripts off, and goes without it where it cannot.
 */
import { execFile, spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { until } from '../../../cli/first-loop/wait.ts';
import { freePort } from '../../../server/platform/postgres.ts';
import { stop } from './process.ts';

export const PORTKEY = '@portkey-ai/gateway@1.15.2';

/** With the adapter that npm would give it today (1.19) it answers every stream with 500 on Node 20. */
export const ADAPTER = '1.13.8';
const PACKAGE = { private: true, overrides: { '@hono/node-server': ADAPTER } };

export type Portkey = { readonly url: string; readonly pid: number; stop(): Promise<void> };

/** @returns why there is none, where there is none */
export async function startPortkey(folder: string): Promise<Portkey | string> {
  const home = join(folder, 'portkey');
  await mkdir(home, { recursive: true });
  await writeFile(join(home, 'package.json'), JSON.stringify(PACKAGE));
  try {
    await promisify(execFile)('npm', INSTALL, { cwd: home, timeout: 120_000 });
  } catch (error) {
    return `${PORTKEY} could not be installed: ${reasonOf(error)}`;
  }
  const port = await freePort();
  const script = join(home, 'node_modules/@portkey-ai/gateway/build/start-server.js');
  const child = spawn(process.execPath, [script, `--port=${port}`, '--headless'], {
    env: { PATH: process.env.PATH, NODE_ENV: 'production' },
    stdio: 'ignore',
  });
  process.once('exit', () => child.kill('SIGKILL'));
  const url = `http://127.0.0.1:${port}`;
  const answers = async () => (await fetch(url).catch(() => undefined)) && true;
  await until('Portkey', answers, { everyMs: 50, withinMs: 30_000 });
  return { url, pid: child.pid as number, stop: () => stop(child) };
}

const INSTALL = [
  ...['install', PORTKEY, '--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock'],
  ...['--prefer-offline', '--fetch-retries=0', '--fetch-timeout=20000', '--loglevel=error'],
];

const reasonOf = (error: unknown): string =>
  error instanceof Error ? (error.message.trim().split('\n').at(-1) ?? '') : String(error);
