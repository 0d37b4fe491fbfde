/**
 * The real command line imports into the real server, and both are killed at random points: what is sealed in the end is
 * what one undisturbed import seals, and each line was taken once. More kills: OPENLEDGER_IMPORT_KILLS=40, another seed:
 * OPENLEDGER_IMPORT_SEED=7.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  canonicalize,
  entitlementHash,
  merkleRoot,
  parseEntitlement,
  sha256Hex,
  toHex,
  utf8,
} from '@openledger/protocol';
import { type Client, createClient, type Id } from '@openledger/sdk';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../cli/first-loop/wait.ts';
import { type ServerProcess, startServer } from '../cli/server-process.ts';
import { createRepository, type TestRepository } from './harness/repository.ts';
import { createChance } from './simulate/chance.ts';

const KILLS = Number(process.env.OPENLEDGER_IMPORT_KILLS ?? 3);
const SEED = Number(process.env.OPENLEDGER_IMPORT_SEED ?? 1);
const chance = createChance(SEED);

let folder: string;
let server: ServerProcess;
let adminKey: string;
let client: Client;
let repository: TestRepository;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'openledger-kills-'));
  await chmod(folder, 0o755); // as root, PostgreSQL runs as nobody
  server = await startServer(settings());
  adminKey = server.ready.adminKey as string;
  client = createClient({ baseUrl: server.ready.url, apiKey: adminKey });
  repository = await createRepository();
});
afterAll(async () => {
  await server?.stop();
  await repository?.remove();
  await rm(folder, { recursive: true, force: true });
});

const settings = (port = '0') => ({
  OPENLEDGER_DATA: folder,
  OPENLEDGER_PORT: port,
  OPENLEDGER_ENGINE_THREADS: '1',
});

async function killServer(): Promise<void> {
  process.kill(server.pid, 'SIGKILL');
  await server.exited;
  server = await startServer(settings(new URL(server.ready.url).port));
}

// --- The command line ------------------------------------------------------------------------------------------------

const OPENLEDGER = fileURLToPath(new URL('../cli/openledger.mjs', import.meta.url));

type Report = {
  readonly round: number;
  readonly taken: number;
  readonly accepted: number;
  readonly rejected: Readonly<Record<string, number>>;
  readonly unreadable: readonly unknown[];
};

type Running = {
  readonly child: ChildProcess;
  /** What it printed, and its status: null when it was killed. */
  readonly ended: Promise<{ readonly status: number | null; readonly printed: string }>;
};

function openledger(...args: readonly string[]): Running {
  const child = spawn(process.execPath, [OPENLEDGER, ...args], {
    env: {
      ...{ PATH: process.env.PATH, OPENLEDGER_CLI_HOME: join(folder, 'cli') },
      ...{ OPENLEDGER_URL: server.ready.url, OPENLEDGER_KEY: adminKey },
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  for (const output of [child.stdout, child.stderr]) {
    output.on('data', (text: Buffer) => {
      printed += text;
    });
  }
  const ended = new Promise<{ status: number | null; printed: string }>((resolve) =>
    child.once('close', (status) => resolve({ status, printed })),
  );
  return { child, ended };
}

/** To the end. */
async function importAll(...args: readonly string[]): Promise<Report> {
  const { status, printed } = await openledger('import', ...args, '--json').ended;
  expect(status, printed).toBe(0);
  return JSON.parse(printed);
}

type Kills = { readonly times: number; readonly whom: 'command' | 'server' };

/**
 * Begins an import and kills, again and again: when so many texts, by chance, have been accepted, and a moment later.
 *
 * @returns how often that met an import that had begun and had not ended
 */
async function importKilled(
  args: readonly string[],
  { times, whom }: Kills,
  { datanet, accepted }: { readonly datanet: string; readonly accepted: number },
): Promise<number> {
  let midway = 0;
  const before = await recordsIn(datanet);
  for (let kill = 0; kill < times; kill++) {
    const running = openledger('import', ...args);
    const isOver = running.ended.then(() => true);
    const enough = before + chance.between(1, Math.floor(0.5 * accepted)); // some uploads from the end
    const hasEnough = async () => ((await recordsIn(datanet)) >= enough ? false : undefined);
    await Promise.race([isOver, until('texts', hasEnough, { everyMs: 15 }).catch(() => {})]);
    await Promise.race([isOver, pause(chance.between(0, 60))]);
    const wasOver = running.child.exitCode !== null;
    if (whom === 'server') await killServer();
    else running.child.kill('SIGKILL');
    const done = (await recordsIn(datanet)) - before; // the server that comes back has what was committed
    if (!wasOver && done > 0 && done < accepted) midway += 1;
    await running.ended;
  }
  return midway;
}

async function recordsIn(name: string): Promise<number> {
  const { items } = await client.datanets.list({ name });
  return items[0]?.records ?? 0;
}

// --- What is equal ---------------------------------------------------------------------------------------------------

const idOf = async (name: string): Promise<Id<'datanet'>> =>
  (await client.datanets.list({ name })).items[0].id;

const sealed = async (name: string) =>
  (await client.datanets.seal({ datanetId: await idOf(name) })).manifest;

type Owned = {
  readonly record: string;
  readonly owners: readonly { readonly party: string; readonly weight: string }[];
};

/**
 * The root of a snapshot with each party called by what it owns. A committer's identity is hashed under the datanet's own
 * key, so that two datanets have two parties for one person, and two roots for the same records and shares.
 */
async function rootWithoutNames(name: string): Promise<string> {
  const records: Owned[] = [];
  const datanetId = await idOf(name);
  for (let after: string | undefined; ; ) {
    const { items, next } = await client.datanets.listRecords({ datanetId, limit: 500, after });
    for (const { hash: recordHash } of items) {
      const { contributors } = await client.datanets.getRecord({ datanetId, recordHash });
      const owners = contributors.map(({ partyId: party, weight }) => ({ party, weight }));
      records.push({ record: recordHash, owners });
    }
    if (!next) break;
    after = next;
  }
  const holdings = new Map<string, string>();
  for (const { record, owners } of records) {
    for (const { party, weight } of owners) {
      holdings.set(party, `${holdings.get(party) ?? ''}${record} ${weight}\n`);
    }
  }
  const called = (party: string) => sha256Hex(holdings.get(party) as string);
  const leaves = records.map(({ record, owners }) => {
    const named = owners.map(({ party, weight }) => ({ party: called(party), weight }));
    named.sort((a, b) => (a.party < b.party ? -1 : 1));
    return utf8(canonicalize({ record, owners: entitlementHash(parseEntitlement(named)) }));
  });
  return toHex(merkleRoot(leaves));
}

// --- What is imported ------------------------------------------------------------------------------------------------

const SYLLABLES = 'ba co di fu ge ha jo ki lu me na po ri su te va wo xy zi or en al'.split(' ');
const word = () =>
  Array.from({ length: chance.between(1, 4) }, () => chance.pick(SYLLABLES)).join('');
const sentence = () => {
  const words = Array.from({ length: chance.between(8, 16) }, word).join(' ');
  return `${words[0].toUpperCase()}${words.slice(1)}.`;
};
const bank = Array.from({ length: 2000 }, sentence);
const paragraph = () => Array.from({ length: 8 }, () => chance.pick(bank)).join(' ');

const LINES = 2000;

/** Of a hundred lines one has no licence, one stands there twice, and one is broken. */
function jsonLines(): string {
  const lines: string[] = [];
  for (let i = 0; i < LINES; i++) {
    const contributors = [
      { handle: `author ${i % 17}`, weight: 1 + (i % 5) },
      { handle: `editor ${i % 3}`, weight: 2 },
    ];
    const licence = i % 100 === 7 ? 'unknown' : 'MIT';
    const line = JSON.stringify({ text: `${sentence()} ${sentence()}`, licence, contributors });
    lines.push(i % 100 === 13 ? line.slice(0, -5) : i % 100 === 29 ? lines[i - 5] : line);
  }
  return lines.join('\n');
}

const FILES = 20;

/** Some half a megabyte a file, so that a few of them are one upload. */
async function commitFiles(author: string, from: number): Promise<void> {
  const page = () => Array.from({ length: 800 }, () => `${paragraph()}\n`).join('');
  const files = Array.from({ length: FILES / 2 }, (_, i) => [`page-${from + i}.md`, page()]);
  await repository.commit(author, `pages from ${from}`, Object.fromEntries(files));
}

// --- The promises ----------------------------------------------------------------------------------------------------

test('JSON lines: killed at random points and resumed, the root is that of one undisturbed import', async (context) => {
  const path = join(folder, 'notes.jsonl');
  await writeFile(path, jsonLines());
  const whole = await importAll('jsonl', path, '--datanet', 'whole');
  expect(whole.rejected).toEqual({ licence: LINES / 100, duplicate: LINES / 100 });
  expect(whole.unreadable).toHaveLength(LINES / 100);

  const { root } = await sealed('whole');
  const { accepted } = whole;
  for (const [whom, times] of [
    ['command', KILLS],
    ['server', Math.ceil(KILLS / 8)],
  ] as const) {
    const datanet = `killed-${whom}`;
    const args = ['jsonl', path, '--datanet', datanet];
    const midway = await importKilled(args, { times, whom }, { datanet, accepted });
    context.annotate(`${times} kills of the ${whom}, ${midway} midway`);
    expect(midway).toBeGreaterThan(0);
    expect(await importAll(...args)).toMatchObject({
      ...{ taken: whole.taken, accepted, rejected: whole.rejected },
    });
    const { records, root: resumed } = await sealed(datanet);
    expect({ records, root: resumed }).toEqual({ records: accepted, root }); // a handle has one party in all datanets
  }
}, 600_000);

test('git: killed in a first round and in a later one, the same records have the same owners', async (context) => {
  await commitFiles('Ada <ada@example.org>', 0);
  await commitFiles('Bob <bob@example.org>', FILES / 2);
  const argsTo = (datanet: string) => [
    'git',
    repository.folder,
    '--datanet',
    datanet,
    '--licence',
    'MIT',
  ];
  const killed = argsTo('git-killed');
  const times = Math.ceil(KILLS / 2);
  let midway = 0;
  for (const round of [1, 2]) {
    if (round === 2) await goOn();
    const whole = await importAll(...argsTo('git-whole'));
    expect(whole).toMatchObject({ round, accepted: round === 1 ? FILES : FILES / 2 });
    const of = { datanet: 'git-killed', accepted: whole.accepted };
    midway += await importKilled(killed, { times, whom: 'command' }, of);
    const resumed = await importAll(...killed);
    if (resumed.round === round) {
      expect(resumed).toMatchObject({ taken: whole.taken, accepted: whole.accepted, rejected: {} });
    } else {
      expect(resumed).toMatchObject({ round: round + 1, taken: 0 }); // a kill came after the end
    }
  }
  context.annotate(`${2 * times} kills of the command line, ${midway} midway`);
  expect(midway).toBeGreaterThan(0);
  expect(await rootWithoutNames('git-killed')).toBe(await rootWithoutNames('git-whole'));
  const [one, other] = [await sealed('git-whole'), await sealed('git-killed')];
  expect([other.records, other.information]).toEqual([one.records, one.information]);
}, 600_000);

/** Half the files are written anew by a third, and one is gone. */
async function goOn(): Promise<void> {
  await commitFiles('Cleo <cleo@example.org>', FILES / 4);
  await rm(join(repository.folder, 'page-0.md'));
  await repository.commit('Ada <ada@example.org>', 'one less', {});
}
