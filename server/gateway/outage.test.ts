/** The database goes away under calls, and comes back. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OpenLedgerError } from '@openledger/protocol';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { until } from '../../cli/first-loop/wait.ts';
import {
  MODEL,
  openTestGateway,
  price,
  read,
  serve as serveOn,
  type TestGateway,
} from '../../test/harness/gateway.ts';
import { openSurface } from '../../test/harness/openai-surface.ts';
import type { Db } from '../platform/db.ts';
import type { Gateway } from './index.ts';

let world: TestGateway;
let folder: string;
let gateway: Gateway;
/** What becomes of what the gateway writes: done and answered, never begun, or done and not answered. */
let database: 'here' | 'away' | 'silent';
/** A call of which it takes no record. */
let unwanted: string | undefined;

beforeEach(async () => {
  world = await openTestGateway();
  folder = await mkdtemp(join(tmpdir(), 'openledger-outage-'));
  database = 'here';
  unwanted = undefined;
  const { db } = world.database;
  const befallen = async <T>(write: () => Promise<T>): Promise<T> => {
    if (database === 'away') throw Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
    const result = await write();
    if (database === 'silent') {
      database = 'here';
      throw new OpenLedgerError('unavailable', 'It is not known whether this was kept.');
    }
    return result;
  };
  const mortal: Db = {
    ...db,
    transaction: (work) => befallen(() => db.transaction(work)),
    write: (statement) =>
      befallen(() => {
        if (!unwanted || !JSON.stringify(statement.values).includes(unwanted))
          return db.write(statement);
        throw Object.assign(new Error('unwanted'), { code: '23514' });
      }),
  };
  const leases = { folder, settings: { idleMs: 50 } };
  gateway = world.openGateway({ db: mortal, leases });
  await gateway.recover();
});

afterEach(async () => {
  await gateway.stop();
  for (const { sum } of await world.ledger.trialBalance()) expect(sum).toBe(0n);
  await world.end();
  await rm(folder, { recursive: true, force: true });
});

const untilNothingIsHeld = (partyId: string) =>
  until(
    'an end of the lease',
    async () => {
      const [, held] = await world.balancesOf(partyId);
      return held === 0n ? (await world.balancesOf(partyId))[0] : undefined; // read after nothing is held
    },
    { everyMs: 50, withinMs: 5_000 },
  );

test.each([
  'away',
  'silent',
] as const)('a call that ends while the database is %s is recorded and paid once, when it is back', async (state) => {
  const { caller, partyId } = await world.payer(1_000n);
  world.operator.plays((call) => {
    call.text('Hello ');
    database = state;
    setTimeout(() => {
      database = 'here';
    }, 400);
    call.finish({ prompt: 5, completion: 1 });
  });
  const serving = await serveOn(gateway, caller);
  const { end } = await read(serving);
  expect(end).toMatchObject({ priceUnits: price(5, 1) });
  expect(await gateway.find(serving.inferenceId)).toMatchObject({
    ...{ status: 'served', output: 'Hello ', priceUnits: price(5, 1) },
  });
  await gateway.capture(serving.inferenceId);
  expect(await world.ledger.balance('clearing:fees')).toBe(price(5, 1));
  expect(await untilNothingIsHeld(partyId)).toBe(1_000n - price(5, 1));
});

test('a call that delivers nothing while the database is away is void when it is back', async () => {
  const { caller, partyId } = await world.payer(1_000n);
  world.operator.plays((call) => {
    database = 'away';
    setTimeout(() => {
      database = 'here';
    }, 400);
    call.destroy();
  });
  const serving = await serveOn(gateway, caller);
  await expect(read(serving)).rejects.toMatchObject({ code: 'operator_failed' });
  expect(await gateway.find(serving.inferenceId)).toMatchObject({ status: 'void' });
  expect(await untilNothingIsHeld(partyId)).toBe(1_000n);
});

test.each([
  'streamed',
  'whole',
] as const)('a call (%s) that begins and ends while the database is away is answered at once, and recorded and paid when it is back', async (delivery) => {
  const { caller, partyId } = await world.payer(1_000n);
  world.operator.plays((call) => {
    call.text('Hello ');
    call.finish({ prompt: 5, completion: 1 });
  });
  database = 'away';
  const serving = await serveOn(gateway, caller, { delivery });
  expect((await read(serving)).end).toMatchObject({ priceUnits: price(5, 1) });
  await expect(gateway.find(serving.inferenceId)).rejects.toMatchObject({ code: 'not_found' });
  database = 'here';
  await gateway.capture(serving.inferenceId);
  expect(await world.ledger.balance('clearing:fees')).toBe(price(5, 1));
  expect(await untilNothingIsHeld(partyId)).toBe(1_000n - price(5, 1));
});

test('a record that the database refuses is logged and the gateway’s loss; those beside it are kept', async () => {
  const { caller, partyId } = await world.payer(1_000n);
  world.operator.plays((call) => {
    call.text('Hello ');
    call.finish({ prompt: 5, completion: 1 });
  });
  database = 'away';
  const servings = await Promise.all(
    [1, 2, 3].map(() => serveOn(gateway, caller, { delivery: 'whole' })),
  );
  await Promise.all(servings.map(read));
  const [refused, ...others] = servings.map(({ inferenceId }) => inferenceId);
  unwanted = refused;
  database = 'here';
  for (const id of others) await gateway.capture(id);
  await expect(gateway.find(refused)).rejects.toMatchObject({ code: 'not_found' });
  expect(world.errors.join()).toContain('gateway.record_refused');
  expect(await untilNothingIsHeld(partyId)).toBe(1_000n - 2n * price(5, 1));
});

const asked = { messages: [{ role: 'user', content: 'Say it.' }], max_tokens: 10 };

test.each([
  ['/chat/completions', asked, { error: { type: 'server_error', code: 'unavailable' } }],
  ['/responses', { input: 'Say it.' }, { error: { type: 'server_error', code: 'unavailable' } }],
  ['/messages', asked, { type: 'error', error: { type: 'overloaded_error' } }],
  ['/embeddings', { input: 'Say it.' }, { error: { type: 'server_error', code: 'unavailable' } }],
])('who asks %s while the database is away is told to ask again, and nobody that it is our bug', async (path, order, said) => {
  const { secret } = await world.payer(1_000n, { limitUnits: 1_000n });
  const surface = await openSurface({ ...world, gateway });
  onTestFinished(() => surface.close());
  database = 'away';
  const answer = await fetch(`${surface.url}/v1${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: MODEL, ...order }),
  });
  database = 'here';
  expect(answer.status).toBe(503);
  expect(answer.headers.get('retry-after')).toBe('1');
  expect(await answer.json()).toMatchObject(said);
  expect([...surface.logged, ...world.errors]).toEqual([]);
});
