/** Two that serve and two that work, real processes on one database and one chain; some are killed. */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { createClient } from '@openledger/sdk';
import OpenAI from 'openai';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findPeople } from '../cli/first-loop/people.ts';
import { until } from '../cli/first-loop/wait.ts';
import { createLedger } from '../server/ledger/index.ts';
import { systemClock } from '../server/platform/clock.ts';
import { silentLog } from '../server/platform/log.ts';
import { newId } from '../server/platform/new-id.ts';
import { sql } from '../server/platform/sql.ts';
import { startTestChain, type TestChain } from './harness/chain.ts';
import { startOperator, type TestOperator } from './harness/operator.ts';
import { createTestDatabase, type TestDatabase } from './harness/postgres.ts';
import { type RunningRole, runRole } from './harness/processes.ts';

const OPEN = 10n ** 18n;
const MODEL = 'elsewhere/echo';

let folder: string;
let chain: TestChain;
let database: TestDatabase;
let operator: TestOperator;
const running: RunningRole[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'openledger-roles-'));
  await chmod(folder, 0o755);
  [chain, database, operator] = [
    await startTestChain(),
    await createTestDatabase(),
    await startOperator(),
  ];
  for (const role of ['deployer', 'publisher', 'guardian', 'relayer', 'faucet']) {
    await chain.chain.fund(await chain.keys.chainSigner(role));
  }
});
afterAll(async () => {
  for (const role of running) role.signal('SIGKILL');
  await Promise.all(running.map(({ ended }) => ended));
  await operator.close();
  await chain.end();
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

type Headers = Readonly<Record<string, string>>;
type Ready = { readonly url: string; readonly adminKey?: string; readonly working?: boolean };

async function start(role: 'serve' | 'work'): Promise<RunningRole & { readonly ready: Ready }> {
  const started = runRole(role, {
    OPENLEDGER_DATA: chain.folder, // the keys are in it
    OPENLEDGER_PORT: '0',
    OPENLEDGER_CHAIN_CONFIRMATIONS: '0',
    OPENLEDGER_DISPUTE_SECONDS: '1',
    OPENLEDGER_ROOT_WINDOW_SECONDS: '0',
    DATABASE_URL: database.url,
    CHAIN_RPC_URL: chain.chain.rpcUrl,
  });
  running.push(started);
  const line = await Promise.race([
    until('its first line', async () => started.output().split('\n').slice(0, -1)[0], {
      withinMs: 90_000,
    }),
    started.ended.then(({ complaint }) => Promise.reject(new Error(complaint))),
  ]);
  return { ...started, ready: JSON.parse(line) };
}

test('any number serve and work on one database: keys, calls and receipts are everybody’s, and a kill ends only its own', async () => {
  const [one, two, first, second] = await Promise.all([
    start('serve'),
    start('serve'),
    start('work'),
    start('work'),
  ]);
  const adminKey = (one.ready.adminKey ?? two.ready.adminKey) as string;
  expect([one, two].filter(({ ready }) => ready.adminKey)).toHaveLength(1);
  const admin = createClient({ baseUrl: one.ready.url, apiKey: adminKey });
  const { visitor } = await findPeople(admin, one.ready.url);
  const ledger = createLedger({ db: database.db, clock: systemClock, log: silentLog });
  await ledger.start();
  await ledger.post({
    transactionId: newId('transaction', systemClock),
    reason: 'test',
    postings: [{ from: 'external:chain', to: `${visitor.partyId}:available`, amount: OPEN }],
  });
  await ledger.stop();
  await admin.gateway.registerOperator({ name: 'elsewhere', baseUrl: operator.baseUrl });
  await admin.models.registerExternal({
    ...{ name: MODEL, operator: 'elsewhere', operatorModel: 'echo', maxTokens: 1000 },
    ...{ promptUnits: '1000000000', completionUnits: '1000000000' },
  });
  let isHesitant = true;
  operator.plays(async (call) => {
    const { messages } = call.body as { messages: { content: string }[] };
    call.text('Good day. ');
    if (isHesitant && messages[0].content === 'slow')
      await Promise.race([call.closed, pause(15_000)]);
    call.finish({ prompt: 1, completion: 3 });
  });
  const openAt = ({ ready }: { readonly ready: Ready }) =>
    new OpenAI({ baseURL: `${ready.url}/v1`, apiKey: visitor.secret, maxRetries: 0 });
  const ask = (at: { readonly ready: Ready }, content: string, headers: Headers = {}) =>
    openAt(at).chat.completions.create(
      { model: MODEL, messages: [{ role: 'user', content }] },
      { headers },
    );
  const receiptOf = (answer: unknown) =>
    (answer as { openledger: { receipt: `rct_${string}` } }).openledger.receipt;
  const untilReceipt = (receiptId: `rct_${string}`, withinMs = 20_000) =>
    until(
      'a receipt',
      () =>
        createClient({ baseUrl: two.ready.url, apiKey: adminKey })
          .receipts.get({ receiptId })
          .catch(() => undefined),
      { withinMs },
    );
  const quick = await Promise.all([ask(one, 'a'), ask(two, 'b'), ask(one, 'c'), ask(two, 'd')]);
  for (const answer of quick) await untilReceipt(receiptOf(answer));

  const key = { 'Idempotency-Key': 'lost' };
  const lost = ask(one, 'slow', key).catch(() => 'lost');
  const kept = ask(two, 'slow');
  await until('both calls', async () => (await open()).length === 2 || undefined);
  await expect(ask(two, 'slow', key)).rejects.toMatchObject({ status: 409 });
  for (const killed of [one, first]) killed.signal('SIGKILL');
  expect(await lost).toBe('lost');
  await until(
    'the end of the dead one’s call',
    async () => (await open()).length === 1 || undefined,
    {
      withinMs: 15_000,
    },
  );
  isHesitant = false;
  const again = await ask(two, 'slow', key); // what the dead one had begun is made anew, once
  expect(await ask(two, 'slow', key)).toEqual(again);
  await untilReceipt(receiptOf(again));
  await untilReceipt(receiptOf(await kept), 30_000); // the living one's call was left alone, and its receipt came by the other worker

  for (const role of [two, second]) {
    role.signal('SIGTERM');
    expect(await role.ended).toMatchObject({ status: 0, complaint: '' });
  }
  const statuses = await database.db.query<{ status: string; count: string }>(sql`
    select status, count(*) as count
    from gateway.inferences
    group by status
    order by status`);
  expect(statuses).toEqual([
    { status: 'served', count: '6' },
    { status: 'void', count: '1' },
  ]);
  expect(await ledger.audit()).toMatchObject({ ok: true });
  expect(await ledger.balances({ suffix: ':held' })).toEqual([]);
}, 180_000);

const open = () => database.db.query(sql`select id from gateway.inferences where status = 'held'`);

test('serving and working want what they share to be named', async () => {
  for (const role of ['serve', 'work']) {
    const { status, complaint } = await runRole(role, { OPENLEDGER_DATA: folder }).ended;
    expect({ status, complaint }).toEqual({
      status: 1,
      complaint: `"${role}" runs beside other processes, which must share what it uses: set DATABASE_URL. "up" brings its own.\n`,
    });
  }
});
