import { expect, test } from 'vitest';
import { formatReplay } from './main.ts';
import { replay } from './replay.ts';
import { readTrace, syntheticTrace, traceIsHere } from './trace.ts';

const play = async (plan: Pick<Parameters<typeof replay>[0], 'rows' | 'fail'>) => {
  const report = await replay({ ...plan, seed: 1, speed: undefined });
  process.stdout.write(`${formatReplay(report)}\n`);
  return report;
};

test.skipIf(!traceIsHere())(
  'the first 600 requests of a real hour are charged to the token and to the unit (skipped: the trace is not in ../shared)',
  async () => {
    const { recorded, expected, violations } = await play({
      ...{ rows: readTrace().slice(0, 600), fail: 0 },
    });
    expect(violations).toEqual([]);
    expect(recorded).toEqual(expected);
  },
  300_000,
);

test('requests of which some fail, at the operator or because the client leaves, are charged for what was delivered', async () => {
  const rows = traceIsHere() ? readTrace().slice(600, 1_000) : syntheticTrace(200, 1);
  const { kinds, attempts, recorded, violations } = await play({ rows, fail: 0.15 });
  expect(violations).toEqual([]);
  expect(recorded.calls).toBe(rows.length);
  for (const kind of ['whole', 'broken', 'left'] as const) expect(kinds[kind]).toBeGreaterThan(0);
  expect(attempts).toBeGreaterThan(recorded.calls); // what failed before the first byte is tried again
}, 300_000);

test('requests like those of a real hour are charged to the token and to the unit', async () => {
  const { recorded, expected, violations } = await play({ rows: syntheticTrace(200, 2), fail: 0 });
  expect(violations).toEqual([]);
  expect(recorded).toEqual(expected);
}, 300_000);
