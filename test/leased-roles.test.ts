/** Three that serve out of leases and one that works, real processes that share a folder and a database; some are killed. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Id } from '@openledger/protocol';
import OpenAI from 'openai';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../cli/first-loop/wait.ts';
import { sql } from '../server/platform/sql.ts';
import {
  type Installation,
  MODEL,
  openInstallation,
  openShop,
  type Role,
} from './harness/installation.ts';

const UNITS = 1_000_000_000n;
const OPEN = 10n ** 18n;

let installation: Installation;

beforeAll(async () => {
  installation = await openInstallation();
});
afterAll(() => installation.end());

type Call = {
  readonly id: Id<'inference'>;
  readonly status: string;
  readonly finish_reason: string | null;
  readonly tokens: number;
  readonly price: string;
};

const calls = () =>
  installation.database.db.query<Call>(sql`
    select id, status, finish_reason, prompt_tokens + completion_tokens as tokens, price_units as price
    from gateway.inferences
    order by id`);

const folders = () => readdir(join(installation.chain.folder, 'intents'));

test('a gateway that is killed in the middle of a stream is paid for what it had forwarded, by whichever other is alive or starts, once', async () => {
  const { operator } = installation;
  const start = (role: 'serve' | 'work') => installation.start(role, { OPENLEDGER_LEASES: '1' });
  const serving = await Promise.all([start('serve'), start('serve'), start('serve')]);
  const working = await start('work');
  expect((await folders()).length).toBe(3);
  const { visitor, ledger } = await openShop(installation, serving);
  operator.plays(async (call) => {
    const { messages } = call.body as { messages: { content: string }[] };
    for (const word of ['one ', 'two ', 'three ']) call.text(word);
    if (messages[0].content === 'slow') await call.closed;
    call.finish({ prompt: 2, completion: 5 });
  });
  const openAt = ({ ready }: Role) =>
    new OpenAI({ baseURL: `${ready.url}/v1`, apiKey: visitor.secret, maxRetries: 0 });
  const ask = (at: Role) =>
    openAt(at).chat.completions.create({
      ...{ model: MODEL, messages: [{ role: 'user', content: 'quick' }] },
    });
  /** It has been read as far as the operator has spoken, and another word is waited for. */
  const brokenOff = async (at: Role) => {
    const stream = await openAt(at).chat.completions.create({
      ...{ model: MODEL, messages: [{ role: 'user', content: 'slow' }], stream: true },
    });
    const events = stream[Symbol.asyncIterator]();
    for (let words = 0; words < 3; ) {
      const { value } = await events.next();
      if (value.choices[0]?.delta.content) words += 1;
    }
    await pause(200); // what has left is written down right after
    at.signal('SIGKILL');
    await expect(events.next()).rejects.toThrow();
    await at.ended;
  };
  const untilServed = (count: number) =>
    until(
      `${count} served`,
      async () =>
        (await calls()).filter(({ status }) => status === 'served').length === count || undefined,
      { withinMs: 15_000 },
    );

  for (const one of [...serving, ...serving]) await ask(one);
  await brokenOff(serving[0]);
  await untilServed(7);
  await until('its folder to go', async () => (await folders()).length === 2 || undefined);
  await Promise.all(serving.slice(1).map(ask));
  await Promise.all(serving.slice(1).map(brokenOff));
  const late = await start('serve');
  await untilServed(11);
  await ask(late);
  await untilServed(12);

  const all = await calls();
  expect(all.map(({ status }) => status)).toEqual(Array.from({ length: 12 }, () => 'served'));
  for (const { finish_reason, tokens, price } of all) {
    expect(BigInt(price)).toBe(BigInt(tokens) * UNITS);
    if (finish_reason !== 'gateway_failed') expect(tokens).toBe(7);
    else expect([2, 3, 4]).toContain(tokens); // the last word before a death may be given away
  }
  expect(all.filter((call) => call.finish_reason === 'gateway_failed')).toHaveLength(3);
  const spent = all.reduce((sum, { price }) => sum + BigInt(price), 0n);
  await until(
    'all leases to be given back, and all fees to be routed',
    async () => {
      const held = await ledger.balances({ suffix: ':held' });
      const waiting = await installation.database.db.query(sql`select 1 from graphile_worker.jobs`);
      return (held.length === 0 && waiting.length === 0) || undefined;
    },
    { withinMs: 60_000 },
  );
  expect(await ledger.balance(`${visitor.partyId}:available`)).toBe(OPEN - spent);
  expect(await ledger.balance('clearing:fees')).toBe(0n);
  const captured = await installation.database.db.query(
    sql`select id from gateway.inferences where captured_at is not null`,
  );
  expect(captured).toHaveLength(all.length);
  for (const role of [late, working]) {
    role.signal('SIGTERM');
    expect(await role.ended).toMatchObject({ status: 0, complaint: '' });
  }
  expect(await folders()).toEqual([]);
  expect(await ledger.audit()).toMatchObject({ ok: true });
}, 180_000);
