import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  ask,
  openTestGateway,
  price,
  read,
  serve,
  type TestGateway,
} from '../../test/harness/gateway.ts';

let world: TestGateway;

beforeAll(async () => {
  world = await openTestGateway();
});

afterAll(() => world.end());

const nothing = {
  ...{ calls: 0, served: 0, void: 0, failed: 0, failedPpm: 0, disconnected: 0 },
  ...{ promptTokens: 0, completionTokens: 0, chargedUnits: 0n, estimated: 0, estimatedPpm: 0 },
  overstated: 0,
  serveMs: undefined,
};

test('an operator that nobody has asked has a score of nothing, and one that nobody knows has none', async () => {
  expect(await world.gateway.scorecard('remote')).toEqual({ hour: nothing, day: nothing });
  await expect(world.gateway.scorecard('nobody')).rejects.toMatchObject({ code: 'not_found' });
});

test('a score counts how calls ended, what they cost, how long they took, and whose count it was', async () => {
  const { gateway, operator } = world;
  const { caller } = await world.payer(10n ** 9n);
  const asked = () => serve(gateway, caller);

  operator.plays((call) => {
    call.text('x');
    call.finish({ prompt: 5, completion: 1 });
  });
  await read(await asked());
  world.clock.pass(2 * 3_600_000); // the one above is of the day, and no more of the hour

  for (const ms of [100, 200, 300]) {
    operator.plays((call) => {
      call.text('x');
      world.clock.pass(ms);
      call.finish({ prompt: 5, completion: 1 });
    });
    await read(await asked());
  }
  operator.plays((call) => {
    call.text('x');
    call.finish(); // it does not say how many tokens
  });
  const { end } = await read(await asked());
  if (end?.kind !== 'end') throw new Error('There was no end.');

  operator.plays((call) => call.status(500));
  await expect(read(await asked())).rejects.toThrow();
  operator.plays((call) => {
    call.text('x');
    call.raw('data: {"choices": 7}\n\n');
  });
  await expect(read(await asked())).rejects.toThrow();
  operator.plays(async (call) => {
    call.text('x');
    await call.closed;
  });
  const left = await asked();
  await left.events.next();
  await left.leave();
  const unread = await serve(gateway, caller, { request: ask() });
  const open = (await gateway.scorecard('remote')).hour;
  expect(open).toMatchObject({ calls: 8, served: 6, void: 1 });
  await unread.leave();

  const { hour, day } = await gateway.scorecard('remote');
  expect(hour).toMatchObject({
    ...{ calls: 8, served: 6, void: 2, failed: 2, failedPpm: 250_000, disconnected: 2 },
    ...{ estimated: 3, estimatedPpm: 500_000 },
  });
  expect(hour.serveMs?.p50).toBeGreaterThanOrEqual(100);
  expect(hour.serveMs?.p95).toBeGreaterThanOrEqual(300);
  expect(hour.serveMs?.p95).toBeLessThan(3_600_000);
  expect(day).toMatchObject({ calls: 9, served: 7, void: 2 });
  expect(day.chargedUnits - hour.chargedUnits).toBe(price(5, 1));
  expect(day.promptTokens - hour.promptTokens).toBe(5);
  expect(day.completionTokens).toBe(7);
});

test('an answer given again is nobody’s work', async () => {
  const gateway = world.openGateway({
    cache: { seconds: 60, pricePpm: 100_000, sharedPricePpm: 500_000 },
  });
  const { caller } = await world.payer(10n ** 9n);
  world.operator.plays((call) => {
    call.text('x');
    call.finish({ prompt: 1, completion: 1 });
  });
  const before = (await gateway.scorecard('remote')).hour.calls;
  const request = ask({ temperature: 0 });
  const first = await serve(gateway, caller, { request });
  await read(first);
  await gateway.capture(first.inferenceId);
  const again = await serve(gateway, caller, { request });
  await read(again);
  expect(again.cachedFrom).toBeDefined();
  expect((await gateway.scorecard('remote')).hour.calls).toBe(before + 1);
});
