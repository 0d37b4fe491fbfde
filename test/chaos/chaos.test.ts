import { expect, test } from 'vitest';
import { runChaos } from './chaos.ts';
import { formatChaos } from './main.ts';

// Skipped: on the state of 2026-11-26 everything comes to rest (nothing held, lent, queued or in clearing), and the run then waits for ever for
// something of its own. It is the first point of issue 6 in docs/STATUS.md; `npm run chaos -- gateway` runs it.
test.skip('under kills and faults of every kind each call ends once, is charged for what was delivered, and nothing is left open', async () => {
  const report = await runChaos(
    { seconds: 15, seed: 1, gateways: 2, workers: 1, operators: 2, clients: 6 },
    () => {},
  );
  process.stdout.write(`${formatChaos(report)}\n`);
  expect(report.violations).toEqual([]);
  expect(report.totals.served).toBeGreaterThan(10);
  expect(report.kills.gateway + report.kills.operator).toBeGreaterThan(0);
}, 300_000);
