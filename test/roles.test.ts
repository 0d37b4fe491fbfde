/** Two that serve and two that work, real processes on one database and one chain; some are killed. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { createClient } from '@openledger/sdk';
import OpenAI from 'openai';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { until } from '../cli/first-loop/wait.ts';
import { sql } from '../server/platform/sql.ts';
import {
  type Installation,
  MODEL,
  openInstallation,
  openShop,
  type Role,
} from './harness/installation.ts';
import { runRole } from './harness/processes.ts';

let installation: Installation;

beforeAll(async () => {
  installation = await openInstallation();
});
afterAll(() => installation.end());

type Headers = Readonly<Record<string, string>>;

test('any number serve and work on one database: keys, calls and receipts are everybody’s, and a kill ends only its own', async () => {
  const { start, operator, database } = installation;
  const [one, two, first, second] = await Promise.all([
    start('serve'),
    start('serve'),
    start('work'),
    start('work'),
  ]);
  expect([one, two].filter(({ ready }) => ready.adminKey)).toHaveLength(1);
  const { adminKey, visitor, ledger } = await openShop(installation, [one, two]);
  let isHesitant = true;
  operator.plays(async (call) => {
    const { messages } = call.body as { messages: { content: string }[] };
    call.text('Good day. ');
    if (isHesitant && messages[0].content === 'slow')
      await Promise.race([call.closed, pause(15_000)]);
    call.finish({ prompt: 1, completion: 3 });
  });
  const openAt = ({ ready }: Role) =>
    new OpenAI({ baseURL: `${ready.url}/v1`, apiKey: visitor.secret, maxRetries: 0 });
  const ask = (at: Role, content: string, headers: Headers = {}) =>
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

const open = () =>
  installation.database.db.query(sql`select id from gateway.inferences where status = 'held'`);

test('serving and working want what they share to be named', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'openledger-roles-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  for (const role of ['serve', 'work']) {
    const { status, complaint } = await runRole(role, { OPENLEDGER_DATA: folder }).ended;
    expect({ status, complaint }).toEqual({
      status: 1,
      complaint: `"${role}" runs beside other processes, which must share what it uses: set DATABASE_URL. "up" brings its own.\n`,
    });
  }
});
