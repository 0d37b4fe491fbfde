/** A price from its quote to its receipt, as anybody sees it: over HTTP, and offline. */
import { type Bundle, createClient, termsHash, verifyBundle } from '@openledger/sdk';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startTestApp, type TestApp } from './harness/app.ts';
import { startOperator, type TestOperator } from './harness/operator.ts';

const MODEL = 'canned/model';
const messages = [{ role: 'user', content: 'Say something.' }];

let app: TestApp;
let operator: TestOperator;

beforeAll(async () => {
  operator = await startOperator();
  operator.plays((call) => {
    call.text('A sentence that nobody has contributed.');
    call.finish({ prompt: 4, completion: 6 });
  });
  app = await startTestApp();
  const { admin } = app;
  await admin.settlement.faucet({ units: (100n * 10n ** 18n).toString() });
  await admin.gateway.registerOperator({ name: 'canned', baseUrl: operator.baseUrl });
  await admin.gateway.registerOperator({ name: 'second', baseUrl: operator.baseUrl });
  await admin.models.registerExternal({
    ...{ name: MODEL, operator: 'canned', operatorModel: 'm', maxTokens: 100 },
    ...{ promptUnits: '1000', completionUnits: '3000' },
  });
});

afterAll(async () => {
  await app?.end();
  await operator?.close();
});

const offer = (completionUnits: string) =>
  app.admin.gateway.offer({
    ...{ model: MODEL, operator: 'second', operatorModel: 'm' },
    ...{ promptUnits: '2000', completionUnits },
  });

const call = (openledger: object) =>
  fetch(`${app.baseUrl}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${app.adminKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: MODEL, messages, openledger }),
  });

test('who was quoted a price and insists on it pays just that, and his receipt shows the terms to anybody', async () => {
  await offer('4000');
  const { items } = await app.admin.gateway.quote({ body: { model: MODEL, messages } });
  expect(items.map((quote) => quote.operator)).toEqual(['canned', 'second']);
  const [, { terms, atMostUnits }] = items;
  const answer = await call({ terms: [terms] });
  expect(answer.status, await answer.clone().text()).toBe(200);
  const { openledger } = (await answer.json()) as { openledger: { receipt: `rct_${string}` } };

  const { bundle: text } = await vi.waitFor(
    () => app.admin.receipts.bundle({ receiptId: openledger.receipt }),
    { timeout: 15_000, interval: 100 },
  );
  const { logKeys, signers } = await app.admin.receipts.trust();
  const checks = verifyBundle(text, { logKeys, signers });
  expect(checks.filter(({ ok }) => !ok)).toEqual([]);
  expect(checks.find(({ check }) => check === 'price')?.detail).toContain('by the terms shown');
  const { receipt } = JSON.parse(text) as Bundle;
  expect(receipt.price).toEqual({
    ...{ asset: 'OPEN', units: `${4n * 2000n + 6n * 4000n}` },
    terms: { hash: terms, promptUnits: '2000', completionUnits: '4000' },
  });
  expect(BigInt(receipt.price.units)).toBeLessThanOrEqual(BigInt(atMostUnits));

  const anybody = createClient({ baseUrl: app.baseUrl });
  expect(termsHash(await anybody.gateway.getTerms({ terms }))).toBe(terms);
});

test('a price that has changed meanwhile is a conflict, which names the terms in force', async () => {
  await offer('4000');
  const { items } = await app.admin.gateway.listOffers({ model: MODEL });
  await offer('4001');
  const asked = operator.calls.length;
  const answer = await call({ terms: [items[1].terms] });
  expect(answer.status).toBe(409);
  const { error } = (await answer.json()) as { error: { details: { terms: { hash: string }[] } } };
  const now = await app.admin.gateway.listOffers({ model: MODEL });
  expect(error.details.terms.map(({ hash }) => hash)).toEqual(now.items.map(({ terms }) => terms));
  expect(operator.calls).toHaveLength(asked);

  const anybody = createClient({ baseUrl: app.baseUrl });
  const { items: then } = await anybody.gateway.listTerms({
    ...{ model: MODEL, at: items[1].since },
  });
  expect(then.map(({ hash }) => hash)).toEqual(items.map(({ terms }) => terms));
});

test('a body that is none is refused by the member that is wrong', async () => {
  await expect(
    app.admin.gateway.quote({ kind: 'embeddings', body: { model: MODEL, input: [] } }),
  ).rejects.toMatchObject({ code: 'invalid_input', details: { param: 'input' } });
  const answer = await call({ terms: ['not a hash'] });
  expect(answer.status).toBe(400);
});
