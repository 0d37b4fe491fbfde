import { expect, test } from 'vitest';
import { formatCounts } from './main.ts';
import { runCrash } from './run-crash.ts';

test('40 kills of gateway, writer, backend and postmaster lose nothing, double nothing, and leave nothing open', async () => {
  const counts = await runCrash({ cycles: 40, tell: () => {} });
  process.stdout.write(`${formatCounts(counts)}\n`);
  expect(counts).toMatchObject({
    kills: { gateway: 10, writer: 10, backend: 10, postmaster: 10 },
    ...{ lost: 0, duplicated: 0, undecided: 0, sum: 0n, clearing: 0n, audit: 'ok' },
  });
  expect(counts.acknowledged).toBeGreaterThan(400);
}, 300_000);
