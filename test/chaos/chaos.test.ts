import { expect, test } from 'vitest';
import { runChaos } from './chaos.ts';
import { formatChaos } from './main.ts';

test('under kills and faults of every kind each call ends once, is charged for what was delivered, and nothing is left open', async () => {
  const report = await runChaos(
    { seconds: 15, seed: 1, gateways: 2, workers: 1, operators: 2, clients: 6 },
    () => {},
  );
  process.stdout.write(`${formatChaos(report)}\n`);
  expect(report.violations).toEqual([]);
  expect(report.totals.served).toBeGreaterThan(10);
  expect(report.kills.gateway + report.kills.operator).toBeGreaterThan(0);
}, 300_000);
