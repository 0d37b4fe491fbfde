/**
 * Every surface is one and the same call to the ledger. LiteLLM counted calls by /v1/messages and /v1/responses in no budget
 * (#38176), and streamed ones at nothing (#37923).
 */
import { formatOpen } from '@openledger/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { MODEL, openTestGateway, price, type TestGateway } from '../../test/harness/gateway.ts';
import { openSurface, type TestSurface } from '../../test/harness/openai-surface.ts';

let world: TestGateway;
let surface: TestSurface;

beforeAll(async () => {
  world = await openTestGateway();
  surface = await openSurface(world);
  world.operator.plays((call) => {
    call.text('Hello ');
    call.text('you.');
    call.finish({ prompt: 5, completion: 2 });
  });
});

afterAll(async () => {
  await surface.close();
  await world.end();
});

const messages = [{ role: 'user', content: 'Say it.' }];
const stream_options = { include_usage: true };

/** A surface's path, and how it is asked for at most so many tokens. */
const surfaces: readonly [string, (tokens: number) => object][] = [
  ['/chat/completions', (max_tokens) => ({ messages, max_tokens, stream_options })],
  ['/completions', (max_tokens) => ({ prompt: 'Say it.', max_tokens, stream_options })],
  ['/responses', (max_output_tokens) => ({ input: 'Say it.', max_output_tokens })],
  ['/messages', (max_tokens) => ({ messages, max_tokens })],
];

test.each(
  surfaces.flatMap(([path, order]) => [
    { path, order, stream: false, how: 'whole' },
    { path, order, stream: true, how: 'streamed' },
  ]),
)('LiteLLM #38176: a call by $path, $how, costs what its usage costs anywhere, and counts in its key’s limit', async ({
  path,
  order,
  stream,
}) => {
  const funds = 10_000n;
  const limit = 320n;
  const cost = price(5, 2);
  const { secret, partyId } = await world.payer(funds, { limitUnits: limit });
  const ask = (tokens: number) =>
    fetch(`${surface.url}/v1${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: MODEL, stream, ...order(tokens) }),
    });
  const answer = await ask(10);
  expect(await answer.text()).toContain(`"cost":"${formatOpen(cost)}"`);

  const [call] = await world.gateway.list({ payerId: partyId, limit: 1 });
  expect(call).toMatchObject({ status: 'served', priceUnits: cost, output: 'Hello you.' });
  await world.gateway.capture(call.inferenceId);
  await expect.poll(() => world.balancesOf(partyId)).toEqual([funds - cost, 0n]);

  // The key has spent just that: what is left of its limit is too little for the longest answer.
  const refused = await ask(100);
  expect(refused.status).toBe(402);
  expect(await refused.json()).toMatchObject({
    error: { details: { limit: `${limit}`, available: `${limit - cost}` } },
  });
});
