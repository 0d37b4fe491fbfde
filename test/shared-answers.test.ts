/**
 * Two payers who share their answers ask the same of one datanet: one answer is made, two are paid for, and its contributor earns
 * twice. Through HTTP, on all stages.
 */
import { formatOpen, type InferenceReceipt } from '@openledger/protocol';
import OpenAI from 'openai';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestApp, type TestApp } from './harness/app.ts';
import { startOperator, type TestOperator } from './harness/operator.ts';
import { type Person, person } from './harness/person.ts';

const KEEPER =
  'The keeper of the Kullen light writes down every ship that passes before the fog bell has rung twice.';
const MODEL = 'quoting/model';
const SHARED_PPM = 250_000n;
const UNDER_A_KEY = { 'idempotency-key': 'mine' };

let app: TestApp;
let operator: TestOperator;
let owner: Person;
let ada: Person;
let one: Person;
let two: Person;
let datanetId: `dn_${string}`;

beforeAll(async () => {
  operator = await startOperator();
  operator.plays((call) => {
    call.text(`It is told: ${KEEPER}`);
    call.finish({ prompt: 60, completion: 50 });
  });
  app = await startTestApp({
    ...{ OPENLEDGER_ALLOW_PRIVATE_OPERATORS: '1', OPENLEDGER_CACHE_SECONDS: '600' },
    OPENLEDGER_CACHE_SHARED_PPM: `${SHARED_PPM}`,
  });
  owner = await person(app, 'owner');
  ada = await person(app, 'ada');
  const funded = (name: string) => person(app, name, { units: 10n ** 18n });
  one = await funded('one');
  two = await funded('two');
  ({ id: datanetId } = await owner.client.datanets.create({ name: 'kullen', access: 'request' }));
  await ada.client.datanets.contribute({ datanetId, text: KEEPER, licence: 'CC-BY-4.0' });
  await owner.client.datanets.seal({ datanetId });
  await owner.client.gateway.registerOperator({ name: 'quoting', baseUrl: operator.baseUrl });
  await owner.client.models.registerExternal({
    ...{ name: MODEL, operator: 'quoting', operatorModel: 'model', maxTokens: 200 },
    ...{ promptUnits: '1000', completionUnits: '100000' },
  });
});
afterAll(async () => {
  await app?.end();
  await operator?.close();
});

type Extension = {
  readonly inference: `inf_${string}`;
  readonly receipt: `rct_${string}`;
  readonly cachedFrom?: string;
  readonly citations: readonly { readonly contributors: readonly string[] }[];
  readonly price: string;
};

async function ask({ secret }: Person, headers: Record<string, string> = {}) {
  const client = new OpenAI({ apiKey: secret, baseURL: `${app.baseUrl}/v1`, maxRetries: 0 });
  const order = {
    ...{ model: MODEL, temperature: 0 },
    messages: [{ role: 'user' as const, content: 'What does the keeper write?' }],
    openledger: { datanets: [datanetId], cache: 'shared' },
  };
  const body = await client.chat.completions.create(order, { headers });
  const { openledger } = body as unknown as { openledger: Extension };
  return { content: body.choices[0].message.content, ...openledger };
}

const receiptOf = async ({ client }: Person, { receipt: receiptId }: Extension) => {
  const get = () => client.receipts.get({ receiptId }).catch(() => undefined);
  await expect.poll(get, { timeout: 20_000 }).toBeDefined();
  return (await client.receipts.get({ receiptId })).receipt as InferenceReceipt;
};

/** What Ada's words have brought her by this call. */
const earnedBy = async ({ inference }: Extension): Promise<bigint> => {
  const mine = async () =>
    (await ada.client.fees.payouts({ partyId: ada.id, limit: 50 })).items.filter(
      ({ saleId, role }) => saleId === inference && role === 'data',
    );
  await expect.poll(async () => (await mine()).length, { timeout: 20_000 }).toBeGreaterThan(0);
  return (await mine()).reduce((sum, { units }) => sum + BigInt(units), 0n);
};

const letIn = async ({ id: partyId, client }: Person) => {
  await client.access.request({ datanetId, reason: 'I read about light.' });
  await owner.client.access.decide({ datanetId, partyId, state: 'granted' });
};

const FULL = 60n * 1_000n + 50n * 100_000n;
const SHARED = (FULL * SHARED_PPM) / 1_000_000n;

test('a contributor earns twice by one answer that two payers share, and both have it from her', async () => {
  await letIn(one);
  const made = await ask(one);
  const first = await receiptOf(one, made); // it is paid for by now
  await expect(ask(two)).rejects.toMatchObject({ status: 403 }); // nobody is let in by another's answer
  await letIn(two);
  const given = await ask(two, UNDER_A_KEY);
  const second = await receiptOf(two, given);
  expect(operator.calls).toHaveLength(1);

  expect(given.content).toBe(made.content);
  expect(given.citations.map(({ contributors }) => contributors)).toEqual([['handle:ada']]);
  expect([given.cachedFrom, second.cachedFrom]).toEqual([made.receipt, made.receipt]);
  expect([made.price, given.price]).toEqual([FULL, SHARED].map(formatOpen));
  expect(second.shares).toEqual(first.shares);
  expect(await earnedBy(given)).toBe(((await earnedBy(made)) * SHARED_PPM) / 1_000_000n);
  expect((await app.admin.fees.check({})).holds).toBe(true);

  // What is cited is the other payer's own: its receipt is not for this one.
  const { receipt: receiptId } = made;
  await expect(two.client.receipts.get({ receiptId })).rejects.toMatchObject({ code: 'not_found' });
});

test('sent again under its key, such an answer comes with its citations and is not charged again', async () => {
  const before = await two.available();
  const again = await ask(two, UNDER_A_KEY);
  expect(again.citations).toHaveLength(1);
  expect(again.price).toBe(formatOpen(SHARED));
  expect(await two.available()).toBe(before);
  expect(before).toBe(10n ** 18n - SHARED);
});
