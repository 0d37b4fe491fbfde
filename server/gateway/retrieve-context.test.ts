/** What of the records that were found is put into the prompt, and paid for. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ask, openTestGateway, read, serve, type TestGateway } from '../../test/harness/gateway.ts';
import { fitting } from './retrieve-context.ts';

let world: TestGateway;
beforeAll(async () => {
  world = await openTestGateway();
});
afterAll(() => world.end());

const words = (count: number, recordHash: string) => ({
  recordHash,
  text: Array(count).fill('word').join(' '),
});

test('records are taken best first while they fit, whole; the next is tried where one is too long', () => {
  const [nine, two, one] = [words(9, 'nine'), words(2, 'two'), words(1, 'one')];
  const found = [nine, two, one];
  expect(fitting(found, { records: 3, tokens: 12 })).toEqual([nine, two, one]);
  expect(fitting(found, { records: 3, tokens: 11 })).toEqual([nine, two]);
  expect(fitting(found, { records: 3, tokens: 10 })).toEqual([nine, one]);
  expect(fitting(found, { records: 3, tokens: 8 })).toEqual([two, one]);
  expect(fitting(found, { records: 1, tokens: 8 })).toEqual([two]);
  expect(fitting([nine, two], { records: 3, tokens: 1 })).toEqual([]);
});

test('symbols are counted, as in context packs, and a text that two datanets hold is taken once', () => {
  const record = { recordHash: 'x', text: 'Well, well!' };
  expect(fitting([record], { records: 3, tokens: 3 })).toEqual([]);
  expect(fitting([record, { ...record }], { records: 3, tokens: 100 })).toEqual([record]);
});

const LONG =
  'A lamp of the lamp keeper’s lamp room stood beside the lamp that the old lamp maker of Skagen had made for it in a hard winter.';
const SHORT = 'The lamp burns rape oil since the war.';
const READ_UNITS = 100n;

/** A datanet that is read for pay, with a long text that answers better and a short one. */
async function lamps() {
  const { partyId: ownerId } = await world.payer(0n);
  const { datanets } = world;
  const { id } = await datanets.create({
    ...{ name: `lamps-${ownerId}`, ownerId, access: 'paid', readUnits: READ_UNITS },
  });
  for (const text of [LONG, SHORT]) {
    await datanets.contribute({
      ...{ datanetId: id, partyId: ownerId, draft: { text, licence: 'CC0-1.0' } },
    });
  }
  await datanets.seal(id);
  world.operator.plays((call) => {
    call.text('Oil.');
    call.finish({ prompt: 5, completion: 1 });
  });
  return (tokens: number) =>
    ask({
      messages: [{ role: 'user', content: 'What lamp?' }],
      openledger: { datanets: [id], tokens, payUpTo: (2n * READ_UNITS).toString() },
    });
}

const systemTexts = () =>
  (world.operator.calls[0].body.messages as { role: string; content: string }[])
    .filter(({ role }) => role === 'system')
    .map(({ content }) => content);

test('only what is put into the prompt is paid for reading and recorded', async () => {
  const request = (await lamps())(10);
  const { caller } = await world.payer(10_000n);
  const serving = await serve(world.gateway, caller, { request });
  await read(serving);
  expect(systemTexts()).toEqual([SHORT]);
  const { retrieved } = await world.gateway.find(serving.inferenceId);
  expect(retrieved.map(({ recordHash }) => recordHash)).toEqual(
    serving.retrieved.map(({ recordHash }) => recordHash),
  );
  expect(retrieved).toHaveLength(1);
  const reads = await world.access.reads.list({ readerId: caller.partyId, limit: 9 });
  expect(reads.map(({ units, records }) => [units, records.length])).toEqual([[READ_UNITS, 1]]);
});

test('with room for both, both are put there, the better one first', async () => {
  const request = (await lamps())(100);
  const { caller } = await world.payer(10_000n);
  await read(await serve(world.gateway, caller, { request }));
  expect(systemTexts()).toEqual([`${LONG}\n\n${SHORT}`]);
});

test('where nothing fits, the call goes on without context, and nothing is paid for reading', async () => {
  const request = (await lamps())(2);
  const { caller } = await world.payer(10_000n);
  const serving = await serve(world.gateway, caller, { request });
  expect((await read(serving)).text).toBe('Oil.');
  expect([serving.retrieved, systemTexts()]).toEqual([[], []]);
  expect(await world.access.reads.list({ readerId: caller.partyId, limit: 9 })).toEqual([]);
});
