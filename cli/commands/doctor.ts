/** `doctor`: what this machine has, and whether the server answers. Status 1 when something needed is missing. */
import { execFile } from 'node:child_process';
import { availableParallelism, freemem, platform } from 'node:os';
import { promisify } from 'node:util';
import { parseArguments } from '../arguments.ts';
import { openSession } from '../session.ts';

const execute = promisify(execFile);

type Finding = {
  readonly what: string;
  readonly state: 'ok' | 'warning' | 'missing';
  readonly note: string;
};

const ENOUGH_MEMORY_BYTES = 2 * 2 ** 30;

export async function doctor(argv: readonly string[]): Promise<number> {
  const { baseUrl, apiKey, client } = await openSession(parseArguments(argv));
  const findings = [
    node(),
    await git(),
    cores(),
    memory(),
    await server(baseUrl),
    await key(apiKey, async () => (await client.identity.whoami()).party.identity),
  ];
  for (const { what, state, note } of findings) {
    console.log(`${state.padEnd(8)} ${what.padEnd(8)} ${note}`);
  }
  return findings.some(({ state }) => state === 'missing') ? 1 : 0;
}

function node(): Finding {
  const [major, minor] = process.versions.node.split('.').map(Number);
  const enough = major > 20 || (major === 20 && minor >= 19);
  return {
    what: 'node',
    state: enough ? 'ok' : 'missing',
    note: `${process.versions.node} (20.19 or newer is needed)`,
  };
}

async function git(): Promise<Finding> {
  const found = await execute('git', ['--version']).catch(() => undefined);
  const note = found ? found.stdout.trim() : 'not found: git repositories cannot be imported';
  return { what: 'git', state: found ? 'ok' : 'warning', note };
}

function cores(): Finding {
  const count = availableParallelism();
  return {
    what: 'cores',
    state: count >= 2 ? 'ok' : 'warning',
    note: `${count} on ${platform()} (2 or more train in minutes)`,
  };
}

function memory(): Finding {
  const free = freemem();
  const note = `${(free / 2 ** 30).toFixed(1)} GiB free (2 GiB or more are needed to train)`;
  return { what: 'memory', state: free >= ENOUGH_MEMORY_BYTES ? 'ok' : 'warning', note };
}

async function server(baseUrl: string): Promise<Finding> {
  const response = await fetch(new URL('/healthz', baseUrl)).catch(() => undefined);
  if (!response)
    return { what: 'server', state: 'warning', note: `none answers at ${baseUrl}: openledger up` };
  const state = response.ok ? 'ok' : 'missing';
  return { what: 'server', state, note: `${baseUrl} says ${response.status}` };
}

async function key(apiKey: string | undefined, ask: () => Promise<string>): Promise<Finding> {
  if (apiKey === undefined)
    return { what: 'key', state: 'warning', note: 'none remembered: openledger keys use SECRET' };
  const owner = await ask().catch((error: unknown) =>
    error instanceof Error ? error : new Error(),
  );
  return owner instanceof Error
    ? { what: 'key', state: 'warning', note: owner.message }
    : { what: 'key', state: 'ok', note: `of ${owner}` };
}
