/** The real process, killed and started again on the same folder: what was said stays said, and nothing stays behind. */
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fromHex, verifyConsistency } from '@openledger/protocol';
import { type Client, createClient, type Draft, firstFailure, verifyBundle } from '@openledger/sdk';
import type OpenAI from 'openai';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openAiOf } from '../cli/first-loop/calls.ts';
import { findPeople, type People } from '../cli/first-loop/people.ts';
import { until } from '../cli/first-loop/wait.ts';
import { uploadImport } from '../cli/importers/upload.ts';
import { type ServerProcess, startServer } from '../cli/server-process.ts';
import { createApp } from '../server/app.ts';
import { HOLD_TTL_MS } from '../server/gateway/hold.ts';
import { openChain } from '../server/platform/chain.ts';
import { readConfig } from '../server/platform/config.ts';
import { openDb } from '../server/platform/db.ts';
import { openKeys } from '../server/platform/keys.ts';
import { silentLog } from '../server/platform/log.ts';
import { startPostgres } from '../server/platform/postgres.ts';
import { sql } from '../server/platform/sql.ts';
import { gardenBooks } from './harness/garden.ts';
import { startOperator, type TestOperator } from './harness/operator.ts';
import { descendantsOf, type Process, runRole, stillRunning } from './harness/processes.ts';

const OPEN = 10n ** 18n;
const MODEL = 'elsewhere/echo';

let folder: string;
let operator: TestOperator;
let server: ServerProcess;
let admin: Client;
let adminKey: string;
let people: People;
const folders: string[] = [];

beforeAll(async () => {
  folder = await newFolder();
  operator = await startOperator();
  server = await startServer(environmentOf(folder));
  adminKey = server.ready.adminKey as string;
  admin = clientOf(adminKey);
  people = await findPeople(admin, server.ready.url);
  await people.visitor.client.settlement.faucet({ units: `${OPEN}` });
  await admin.gateway.registerOperator({ name: 'elsewhere', baseUrl: operator.baseUrl });
  await admin.models.registerExternal({
    ...{ name: MODEL, operator: 'elsewhere', operatorModel: 'echo', maxTokens: 1000 },
    ...{ promptUnits: '1000000000', completionUnits: '1000000000' },
  });
});
afterAll(async () => {
  await server.stop();
  await operator.close();
  for (const one of folders) await rm(one, { recursive: true, force: true });
});

/** Where others may look in: as root, PostgreSQL runs as nobody. */
async function newFolder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'openledger-restart-'));
  await chmod(made, 0o755);
  folders.push(made);
  return made;
}

const environmentOf = (data: string) => ({
  OPENLEDGER_DATA: data,
  OPENLEDGER_PORT: '0',
  OPENLEDGER_ENGINE_THREADS: '1',
  OPENLEDGER_DISPUTE_SECONDS: '1',
  OPENLEDGER_ROOT_WINDOW_SECONDS: '0',
});

const clientOf = (apiKey?: string) => createClient({ baseUrl: server.ready.url, apiKey });

/** The same port again, so that whoever was talking to it can go on. */
async function startAgain(): Promise<void> {
  server = await startServer({
    ...environmentOf(folder),
    OPENLEDGER_PORT: new URL(server.ready.url).port,
  });
  expect(server.ready.adminKey).toBeUndefined();
}

async function kill(): Promise<readonly Process[]> {
  const left = await descendantsOf(server.pid);
  process.kill(server.pid, 'SIGKILL');
  await server.exited;
  return left;
}

const isServer = ({ command }: Process) => /bin\/(postgres|anvil) /.test(command);

test('a kill -9 under load loses no answer, and every call ends served and paid or void and free', async () => {
  operator.plays(async (call) => {
    const { messages } = call.body as { messages: { content: string }[] };
    if (messages[0].content === 'quick') {
      call.text('Done.');
      return call.finish({ prompt: 1, completion: 1 });
    }
    for (let gone = false; !gone; ) {
      call.text('word ');
      gone = await Promise.race([call.closed.then(() => true), pause(20, false)]);
    }
  });
  const openai = openAiOf({ visitor: people.visitor, baseUrl: server.ready.url });
  const slow = await Promise.all(Array.from({ length: 4 }, () => openStream(openai)));
  const answered: `rct_${string}`[] = [];
  const work = async () => {
    while (answered.length < 40) answered.push(await askQuickly(openai));
  };
  await Promise.all([work(), work(), work()]).catch(() => {});
  const underWay = Promise.allSettled([
    ...Array.from({ length: 3 }, () => askQuickly(openai)),
    ...slow.map(({ rest }) => rest()),
  ]);
  await pause(5);
  const left = await kill();
  for (const call of await underWay) {
    if (call.status === 'fulfilled' && call.value) answered.push(call.value);
  }
  expect((await stillRunning(left.filter(isServer))).length).toBeGreaterThanOrEqual(2);

  await startAgain();
  expect(await stillRunning(left)).toEqual([]);
  const { visitor } = people;
  for (const receiptId of answered) {
    await until(
      `the receipt ${receiptId}`,
      () => visitor.client.receipts.get({ receiptId }).catch(() => undefined),
      { withinMs: 20_000 },
    );
  }
  const trust = await admin.receipts.trust();
  const { bundle } = await visitor.client.receipts.bundle({ receiptId: answered[39] });
  expect(firstFailure(verifyBundle(bundle, trust))).toBeUndefined();
  const calls = await visitor.client.gateway.listInferences({ limit: 500 });
  const ofStatus = (wanted: string) => calls.items.filter(({ status }) => status === wanted);
  expect(ofStatus('held')).toEqual([]); // the next process ended them and gave their money back at once
  expect(ofStatus('void').length).toBeGreaterThanOrEqual(4);

  // A hold that was taken a moment before the kill has no call yet: it waits for its time.
  expect(await server.stop()).toBe(0);
  await withAppLater(HOLD_TTL_MS + 60_000, async (db) => {
    const open = sql`select id from gateway.inferences
      where status = 'held' or (status = 'served' and captured_at is null)`;
    await until('the sweep', async () => ((await db.query(open)).length === 0 ? true : undefined));
    await until('the holds', async () =>
      (await db.query(sql`select id from ledger.holds`)).length === 0 ? true : undefined,
    );
  });
  const audit = await runRole('audit', environmentOf(folder)).ended;
  expect(audit).toMatchObject({ status: 0, complaint: '' });
  expect(JSON.parse(audit.output)).toMatchObject({ ok: true });

  await startAgain();
  const ended = (await visitor.client.gateway.listInferences({ limit: 500 })).items;
  const served = ended.filter(({ status }) => status === 'served');
  expect(new Set(ended.map(({ status }) => status))).toEqual(new Set(['served', 'void']));
  expect(served.length).toBeGreaterThanOrEqual(answered.length);
  const paid = served.reduce((units, { priceUnits }) => units + BigInt(priceUnits), 0n);
  const { items } = await visitor.client.ledger.balances({});
  expect(items.map(({ account, amount }) => [account, amount])).toEqual([
    [`${visitor.partyId}:available`, `${OPEN - paid}`],
  ]);
  const { assets } = await admin.ledger.trialBalance();
  expect(assets.map(({ sum }) => sum)).toEqual(['0']);
  expect(assets[0].lines.find(({ name }) => name === 'clearing:fees')?.amount ?? '0').toBe('0');
});

test('a restart keeps parties, keys, models, balances, receipts, the log and the vault', async () => {
  const { visitor } = people;
  const look = async () => ({
    me: await visitor.client.identity.whoami(),
    models: await admin.models.list(),
    balances: await visitor.client.ledger.balances({}),
    books: await admin.ledger.trialBalance(),
    receipts: await visitor.client.receipts.list({ limit: 500 }),
    trust: await admin.receipts.trust(),
    vault: await admin.settlement.vault(),
    solvency: await admin.settlement.solvency(),
  });
  const before = await look();
  const first = await admin.receipts.checkpoint();
  expect(await server.stop()).toBe(0);
  await startAgain();
  expect(await look()).toEqual(before);
  expect(before.solvency.solvent).toBe(true);

  operator.plays((call) => {
    call.text('Hello again.');
    call.finish({ prompt: 1, completion: 2 });
  });
  const openai = openAiOf({ visitor, baseUrl: server.ready.url });
  const receiptId = await askQuickly(openai);
  await until('its receipt', () =>
    visitor.client.receipts.get({ receiptId }).catch(() => undefined),
  );
  const second = await until('a larger checkpoint', async () => {
    const head = await admin.receipts.checkpoint();
    return head.treeSize > first.treeSize ? head : undefined;
  });
  const sizes = { first: first.treeSize, second: second.treeSize };
  const { proof } = await admin.receipts.consistency(sizes);
  expect(
    verifyConsistency({
      ...sizes,
      firstRoot: fromHex(first.rootHash),
      secondRoot: fromHex(second.rootHash),
      proof: proof.map(fromHex),
    }),
  ).toBe(true);
});

test('an import goes on when the server that was killed under it comes back, and takes no line twice', async () => {
  const { client } = people.curator;
  const { id: datanetId } = await client.datanets.create({ name: 'animals' });
  async function* drafts(): AsyncGenerator<Draft> {
    for (let i = 0; i < 1200; i++) {
      yield {
        text: `Of the animal number ${i} this sentence says what it eats and where it sleeps.`,
        licence: 'MIT',
      };
    }
  }
  let killed: Promise<unknown> | undefined;
  const report = await uploadImport(client, {
    ...{ datanetId, name: 'animals', drafts },
    onProgress: () => {
      killed ??= kill().then(startAgain);
    },
  });
  await killed;
  expect(report).toMatchObject({ taken: 1200, accepted: 1200, rejected: {} });
  const { items } = await client.datanets.list({ name: 'animals' });
  expect(items[0].records).toBe(1200);
});

test('a training run that was stopped, and then killed, is finished by the next process', async () => {
  const { curator, builder } = people;
  const { id: datanetId } = await curator.client.datanets.create({ name: 'garden' });
  await curator.client.datanets.contributeMany({ datanetId }, { body: gardenBooks() });
  const { id: snapshot } = await curator.client.datanets.seal({ datanetId });
  const { runId } = await builder.client.models.train({
    recipe: {
      ...{ kind: 'base', name: 'garden', snapshot, steps: 600 },
      ...{ width: 32, layers: 1, heads: 2, contextLength: 64, vocabulary: 300 },
    },
  });
  const stepsOf = async () => {
    const run = await builder.client.models.getRun({ runId });
    return run.status === 'running' && run.progress && run.progress.step > 0 ? run : undefined;
  };
  await until('the first steps', stepsOf, { everyMs: 20 });
  const left = await descendantsOf(server.pid);
  const stoppedAt = Date.now();
  expect(await server.stop()).toBe(0);
  expect(Date.now() - stoppedAt).toBeLessThan(10_000);
  expect(await stillRunning(left)).toEqual([]);

  await startAgain();
  expect((await builder.client.models.getRun({ runId })).status).toBe('running');
  await until('more steps', stepsOf, { everyMs: 20 });
  await kill();
  await startAgain();
  const run = await until('the end of the run', async () => {
    const now = await builder.client.models.getRun({ runId });
    return now.status === 'done' || now.status === 'failed' ? now : undefined;
  });
  expect(run).toMatchObject({ status: 'done' });
  expect((await admin.models.list()).items.map(({ name }) => name)).toEqual([MODEL, 'garden']);
});

test('a folder in use is refused to a second process, and the first goes on', async () => {
  for (const role of ['up', 'audit']) {
    const second = await runRole(role, environmentOf(folder)).ended;
    expect(second.status).toBe(1);
    expect(second.complaint).toBe(
      `The database in ${join(folder, 'postgres')} is in use by process ${server.pid}.\n`,
    );
  }
  expect((await people.visitor.client.identity.whoami()).party.id).toBe(people.visitor.partyId);
});

test('SIGTERM ends everything that was started, with status 0', async () => {
  const openai = openAiOf({ visitor: people.visitor, baseUrl: server.ready.url });
  await openai.chat.completions.create({
    ...{ model: 'garden', max_tokens: 5 },
    messages: [{ role: 'user', content: 'The tomato' }],
  });
  const left = await descendantsOf(server.pid);
  for (const name of [/bin\/postgres /, /bin\/anvil /, /engine-process/]) {
    expect(left.some(({ command }) => name.test(command))).toBe(true);
  }
  expect(await server.stop()).toBe(0);
  expect(await stillRunning(left)).toEqual([]);
  await startAgain();
});

test('a start that fails or is broken off leaves no process behind', async () => {
  const occupied = createServer();
  await new Promise<void>((resolve) => occupied.listen(0, '127.0.0.1', resolve));
  const { port } = occupied.address() as AddressInfo;
  const data = await newFolder();
  const failing = runRole('up', { ...environmentOf(data), OPENLEDGER_PORT: `${port}` });
  const seen = watch(failing.pid);
  const { status, complaint } = await failing.ended;
  occupied.close();
  expect(status).toBe(1);
  expect(complaint).toContain('EADDRINUSE');
  expect((await seen.stop()).some(isServer)).toBe(true);
  await untilGone(seen.all());

  for (const program of [/bin\/postgres /, /bin\/anvil /]) {
    const broken = runRole('up', environmentOf(data));
    const started = await until(
      'its child',
      async () => {
        const found = (await descendantsOf(broken.pid)).filter(isServer);
        return found.some(({ command }) => program.test(command)) ? found : undefined;
      },
      { everyMs: 5 },
    );
    broken.signal('SIGTERM');
    expect((await broken.ended).status).toBe(0);
    await untilGone(started);
  }
});

test('DATABASE_URL takes another PostgreSQL, and makes none of its own', async () => {
  const elsewhere = await startPostgres(join(await newFolder(), 'postgres'));
  const data = await newFolder();
  const environment = { ...environmentOf(data), DATABASE_URL: elsewhere.url };
  try {
    const first = await startServer(environment);
    expect(first.ready.database).toBe('external');
    const client = createClient({ baseUrl: first.ready.url, apiKey: first.ready.adminKey });
    const { party } = await client.identity.whoami();
    expect(
      (await descendantsOf(first.pid)).some(({ command }) => /bin\/postgres /.test(command)),
    ).toBe(false);
    expect(await first.stop()).toBe(0);
    expect(existsSync(join(data, 'postgres'))).toBe(false);

    const second = await startServer(environment);
    expect(second.ready.adminKey).toBeUndefined();
    const again = createClient({ baseUrl: second.ready.url, apiKey: first.ready.adminKey });
    expect((await again.identity.whoami()).party).toEqual(party);
    expect(await second.stop()).toBe(0);
    const audit = await runRole('audit', environment).ended;
    expect(audit).toMatchObject({ status: 0, complaint: '' });
  } finally {
    await elsewhere.stop();
  }
});

test('an audit of an empty folder says that there is no database, and makes none', async () => {
  const empty = await newFolder();
  const { status, output, complaint } = await runRole('audit', environmentOf(empty)).ended;
  expect({ status, output }).toEqual({ status: 1, output: '' });
  expect(complaint).toBe(`There is no database in ${join(empty, 'postgres')}.\n`);
  expect(await readdir(empty)).toEqual([]);
});

type Extended = { readonly openledger: { readonly receipt: `rct_${string}` } };

async function askQuickly(openai: OpenAI): Promise<`rct_${string}`> {
  const completion = await openai.chat.completions.create({
    ...{ model: MODEL, max_tokens: 10 },
    messages: [{ role: 'user', content: 'quick' }],
  });
  return (completion as unknown as Extended).openledger.receipt;
}

/** A call whose answer has begun and does not end by itself. */
async function openStream(openai: OpenAI): Promise<{ rest(): Promise<undefined> }> {
  const stream = await openai.chat.completions.create({
    ...{ model: MODEL, max_tokens: 1000, stream: true },
    messages: [{ role: 'user', content: 'slow' }],
  });
  const chunks = stream[Symbol.asyncIterator]();
  await chunks.next();
  return {
    async rest() {
      while (!(await chunks.next()).done);
      return undefined;
    },
  };
}

/** The whole app in this process on the same folder, some time later. */
async function withAppLater(
  ms: number,
  work: (db: ReturnType<typeof openDb>) => Promise<void>,
): Promise<void> {
  const postgres = await startPostgres(join(folder, 'postgres'));
  const db = openDb(postgres.url);
  const chain = await openChain({
    folder: join(folder, 'chain'),
    confirmations: 0,
    log: silentLog,
  });
  const app = await createApp({
    ...{ db, chain, folder, log: silentLog, config: readConfig(environmentOf(folder)) },
    keys: await openKeys(join(folder, 'keys')),
    clock: { now: () => new Date(Date.now() + ms) },
  });
  await work(db);
  await app.stop();
  await chain.stop();
  await db.close();
  await postgres.stop();
}

/** PostgreSQL takes a moment to write all it has. */
const untilGone = (processes: readonly Process[]) =>
  until(
    'the end of its children',
    async () => ((await stillRunning(processes)).length === 0 ? true : undefined),
    { everyMs: 50, withinMs: 5000 },
  );

/** Notes every process that descends from one while it lives. */
function watch(pid: number) {
  const seen = new Map<number, Process>();
  let watching = true;
  const watched = (async () => {
    while (watching) {
      for (const one of await descendantsOf(pid)) seen.set(one.pid, one);
      await pause(20);
    }
  })();
  const all = () => [...seen.values()];
  return {
    all,
    async stop() {
      watching = false;
      await watched;
      return all();
    },
  };
}
