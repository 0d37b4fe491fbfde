/**
 * Each row of the charge table (docs/concepts/money.md) at each point of an answer of three words: the client leaves, the
 * operator fails or the database does, with one hold a call and out of leases. What a gateway that dies charges is in
 * `leases.test.ts` and `budget/budget.test.ts`.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  ask,
  openTestGateway,
  price,
  serve,
  type TestGateway,
} from '../../test/harness/gateway.ts';
import type { OperatorCall } from '../../test/harness/operator.ts';
import type { Db } from '../platform/db.ts';
import type { Delivery } from './charge.ts';
import type { Gateway } from './index.ts';

const WORDS = ['one ', 'two ', 'three'];
const MONEY = 100_000n;

type Way = 'held' | 'leased';
type Fault = { readonly when: 'before' | 'after'; left: number };

let world: TestGateway;
let folder: string;
let gateways: Readonly<Record<Way, Gateway>>;
/** What befalls the gateways' next writes. */
let fault: Fault = { when: 'before', left: 0 };

/** A database whose writes are lost, or whose word of them is. */
const faulty = (db: Db): Db => {
  const befallen = async <T>(write: () => Promise<T>): Promise<T> => {
    if (fault.left-- <= 0) return write();
    if (fault.when === 'after') await write();
    throw new Error('Connection terminated unexpectedly'); // the driver's words
  };
  return {
    ...db,
    write: (statement) => befallen(() => db.write(statement)),
    transaction: (work) => befallen(() => db.transaction(work)),
  };
};

beforeAll(async () => {
  world = await openTestGateway();
  folder = await mkdtemp(join(tmpdir(), 'openledger-charges-'));
  const db = faulty(world.database.db);
  gateways = {
    held: world.openGateway({ db }),
    leased: world.openGateway({ db, leases: { folder } }),
  };
  await gateways.leased.recover();
});

afterAll(async () => {
  await gateways.leased.stop();
  for (const { sum } of await world.ledger.trialBalance()) expect(sum).toBe(0n);
  await world.end();
  await rm(folder, { recursive: true, force: true });
});

/** Says so many words; then `end` decides. */
const says = (words: number, end: (call: OperatorCall) => void | Promise<void>) =>
  world.operator.plays(async (call) => {
    for (const word of WORDS.slice(0, words)) {
      call.text(word);
      await pause(2); // apart, so that what breaks off does not overtake them
    }
    await pause(10);
    await end(call);
  });

const finishes = (call: OperatorCall) => call.finish({ prompt: 5, completion: 3 });

/** Asks once, reads so many words and leaves, or reads to the end. @returns how it ended and what was paid for it */
async function called(
  way: Way,
  { delivery, reads = Number.POSITIVE_INFINITY }: { delivery: Delivery; reads?: number },
) {
  const { caller, partyId } = await world.payer(MONEY);
  const request = ask({ openledger: { route: { attempts: 1 } } });
  const { events, leave, inferenceId } = await serve(gateways[way], caller, { request, delivery });
  let error: unknown;
  if (reads === 0) await leave();
  else {
    let words = 0;
    try {
      for await (const { kind } of events) {
        if (kind === 'end' || ++words >= reads) break;
      }
      for await (const _ of events); // what is left where nobody leaves
    } catch (caught) {
      error = caught;
    }
    await leave();
  }
  const found = await gateways[way].find(inferenceId).catch(() => undefined);
  if (found?.status === 'served') await gateways[way].capture(inferenceId);
  const [available, held] = await world.balancesOf(partyId);
  const lent = way === 'leased' ? held : 0n;
  if (way === 'held') expect(held).toBe(0n);
  return { status: found?.status, paid: MONEY - available - lent, error, found };
}

const ways = ['held', 'leased'] as const;
const deliveries = ['streamed', 'whole'] as const;
const rows = ways.flatMap((way) => deliveries.map((delivery) => ({ way, delivery })));

/** By our own count: two tokens of prompt, and a word a token. */
const forwarded = (words: number) => (words === 0 ? 0n : price(2, words));

test.each(rows)('$way, $delivery: a normal end costs what the operator counted', async (row) => {
  says(3, finishes);
  expect(await called(row.way, row)).toMatchObject({ status: 'served', paid: price(5, 3) });
});

test.each(
  ways.flatMap((way) => [0, 1, 2, 3].map((reads) => ({ way, reads }))),
)('$way: a client that leaves its stream after $reads words pays for them, by our count, and for nothing else', async ({
  way,
  reads,
}) => {
  says(3, async (call) => {
    await call.closed;
  });
  const { paid, status } = await called(way, { delivery: 'streamed', reads });
  expect(paid).toBe(forwarded(reads));
  expect(status).toBe(reads === 0 ? 'void' : 'served');
});

test.each(
  ways.map((way) => ({ way })),
)('$way: a client that leaves before its whole answer pays nothing', async ({ way }) => {
  says(3, async (call) => {
    await call.closed;
  });
  const { caller, partyId } = await world.payer(MONEY);
  const { events, leave } = await serve(gateways[way], caller, { delivery: 'whole' });
  const reading = events.next();
  await pause(20);
  await leave();
  await reading;
  const [available, held] = await world.balancesOf(partyId);
  expect(available + (way === 'leased' ? held : 0n)).toBe(MONEY);
});

test.each(
  rows.flatMap((row) => [0, 1, 2, 3].map((words) => ({ ...row, words }))),
)('$way, $delivery: an operator that breaks off after $words words is paid for what was forwarded', async ({
  words,
  ...row
}) => {
  says(words, (call) => call.destroy());
  const { paid, error } = await called(row.way, row);
  expect(paid).toBe(row.delivery === 'streamed' ? forwarded(words) : 0n);
  expect(error).toMatchObject({ code: 'operator_failed' });
});

test.each(
  rows.flatMap((row) => (['before', 'after'] as const).map((when) => ({ ...row, when }))),
)('$way, $delivery: a database that fails $when it has written the end is asked again, and the call is paid once', async ({
  when,
  ...row
}) => {
  says(3, (call) => {
    fault = { when, left: 1 };
    finishes(call);
  });
  expect(await called(row.way, row)).toMatchObject({ status: 'served', paid: price(5, 3) });
});

test.each(
  deliveries.map((delivery) => ({ delivery })),
)('held, $delivery: a database that fails before it has written the opening refuses the call, and nothing is held', async ({
  delivery,
}) => {
  says(3, finishes);
  const { caller, partyId } = await world.payer(MONEY);
  fault = { when: 'before', left: 1 };
  await expect(serve(gateways.held, caller, { delivery })).rejects.toThrow('Connection terminated');
  expect(world.operator.calls).toEqual([]);
  expect(await world.balancesOf(partyId)).toEqual([MONEY, 0n]);
});

test.each(
  (['before', 'after'] as const).map((when) => ({ when })),
)('leased, streamed: a database that fails $when it has written the opening is asked again, and the call is paid once', async ({
  when,
}) => {
  says(3, finishes);
  fault = { when, left: 1 };
  expect(await called('leased', { delivery: 'streamed' })).toMatchObject({
    ...{ status: 'served', paid: price(5, 3) },
  });
});

test.each(
  ways.map((way) => ({ way })),
)('$way: a database that fails when nothing was delivered leaves nothing held', async ({ way }) => {
  says(0, (call) => {
    fault = { when: 'before', left: 1 };
    call.destroy();
  });
  expect(await called(way, { delivery: 'whole' })).toMatchObject({ status: 'void', paid: 0n });
});
