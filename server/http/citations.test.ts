/** Citations on every surface, whole and at the end of a stream; and an answer that is given although they cannot be told. */
import { sha256Hex } from '@openledger/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { MODEL, openTestGateway, type TestGateway } from '../../test/harness/gateway.ts';
import type { Gateway } from '../gateway/index.ts';
import { silentLog } from '../platform/log.ts';
import { openAiSurface } from './openai.ts';

const TEXT = 'The ferry to Hven leaves when the bell on the pier has been struck three times.';
const QUESTION = 'When does the ferry to Hven leave?';

let world: TestGateway;
let datanetId: string;
let secret: string;
beforeAll(async () => {
  world = await openTestGateway();
  const { partyId: ownerId } = await world.payer(0n);
  ({ id: datanetId } = await world.datanets.create({ name: 'ferries', ownerId }));
  await world.datanets.contribute({
    ...{ datanetId, partyId: ownerId, draft: { text: TEXT, licence: 'CC0-1.0' } },
  });
  await world.datanets.seal(datanetId as `dn_${string}`);
  ({ secret } = await world.payer(10n ** 6n));
});
afterAll(() => world.end());

async function post(path: string, body: object, gateway: Gateway = world.gateway) {
  world.operator.plays((call) => {
    call.text('Know that ');
    call.text(TEXT);
    call.finish({ prompt: 5, completion: 20 });
  });
  const surface = openAiSurface({
    ...{ ...world, gateway, log: silentLog, authenticate: world.identity.authenticate },
  });
  const response = await surface.request(path, {
    ...{ method: 'POST', headers: { authorization: `Bearer ${secret}` } },
    body: JSON.stringify({
      model: MODEL,
      max_tokens: 50,
      openledger: { datanets: [datanetId] },
      ...body,
    }),
  });
  return { status: response.status, text: await response.text() };
}

/** The last thing said that bears our member. */
const extensionIn = (text: string) =>
  text
    .split('\n')
    .map((line) => line.replace(/^data: /, ''))
    .filter((line) => line.startsWith('{') && line.includes('"openledger"'))
    .map((line) => JSON.parse(line).openledger)
    .at(-1);

const messages = [{ role: 'user', content: QUESTION }];

test.each([
  ['/chat/completions', { messages }],
  ['/completions', { prompt: QUESTION }],
  ['/messages', { messages }],
])('%s cites, whole and at the end of a stream', async (path, body) => {
  for (const stream of [false, true]) {
    const { status, text } = await post(path, { ...body, stream });
    expect(status, text).toBe(200);
    expect(extensionIn(text)).toMatchObject({
      citations: [
        {
          ...{ start: 10, end: 10 + TEXT.length - 1, text: TEXT.slice(0, -1) },
          ...{ record: sha256Hex(TEXT), recordStart: 0, recordEnd: TEXT.length - 1 },
        },
      ],
      groundedWordsPpm: Math.floor((16 * 1_000_000) / 18),
    });
  }
});

test('an answer whose citations cannot be told now is given all the same, without them', async () => {
  const policyInForce = () => Promise.reject(new Error('The database is gone.'));
  const gateway = world.openGateway({ governance: { policyInForce } });
  for (const stream of [false, true]) {
    const { text } = await post('/chat/completions', { messages, stream }, gateway);
    expect(text).toContain('"finish_reason":"stop"');
    expect(text).not.toContain('"error"');
    expect(extensionIn(text).retrieved).toHaveLength(1);
    expect(extensionIn(text)).not.toHaveProperty('citations');
  }
  expect(world.errors.map((line) => JSON.parse(line).event)).toEqual([
    'gateway.ground_failed',
    'gateway.ground_failed',
  ]);
});
