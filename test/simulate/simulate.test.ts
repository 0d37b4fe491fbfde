import { execFile } from 'node:child_process';
import { setImmediate as breathe } from 'node:timers/promises';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { mutants } from './mutants.mjs';
import { simulate } from './simulate.ts';

const SEEDS = 500;

test(`keeps every promise in ${SEEDS} simulated lives`, { timeout: 300_000 }, async () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    expect(await simulate(seed)).toMatchObject({ seed, fault: undefined });
    await breathe(); // the runner has to hear that we are alive
  }
});

test('one seed is one life, to the last event', async () => {
  const told: string[] = [];
  const first = await simulate(7, (line) => told.push(line));
  const second = await simulate(7);
  expect(second).toEqual(first);
  expect(told.length).toBeGreaterThan(10);
  expect((await simulate(8)).traceHash).not.toBe(first.traceHash);
});

test('replays a failing seed to the same fault', { timeout: 120_000 }, async () => {
  const [first, second] = [
    await lifeOf('answers-before-durable', '--seed', '1'),
    await lifeOf('answers-before-durable', '--seed', '1'),
  ];
  expect(first).toContain('was answered and is not durable');
  expect(second).toBe(first);
});

test.concurrent.each(mutants)('finds a ledger that $name', { timeout: 300_000 }, async ({
  name,
}) => {
  const told = await lifeOf(name, '--seeds', '1000');
  const [, seed] = told.match(/Seed (\d+) fails: /) ?? [];
  expect(Number(seed), told).toBeGreaterThan(0);
  process.stdout.write(`${name}: seed ${seed}\n`);
});

/** What the simulator prints of a source with a known bug in it, which it has to find. */
async function lifeOf(mutant: string, ...words: readonly string[]): Promise<string> {
  const script = ['scripts/simulate.mjs', '--mutant', mutant, ...words];
  const died = await promisify(execFile)(process.execPath, script, { maxBuffer: 1 << 26 }).then(
    () => undefined,
    (error: { code: number; stdout: string }) => error,
  );
  expect(died?.code, `${mutant} is not found`).toBe(1);
  return died!.stdout;
}
