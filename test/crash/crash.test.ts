import { expect, test } from 'vitest';
import { formatReport } from './main.ts';
import { runCrash } from './run-crash.ts';

test('40 kills of gateways, writer, backend and postmaster lose nothing, double nothing, and leave nothing open', async () => {
  const report = await runCrash({ cycles: 40, tell: () => {} });
  process.stdout.write(`${formatReport(report)}\n`);
  const kept = { lost: 0, duplicated: 0, undecided: 0 };
  expect(report).toMatchObject({
    kills: { gateway: 8, writer: 8, recovering: 8, backend: 8, postmaster: 8 },
    ...{ strict: kept, leased: kept, sum: 0n, held: 0n, clearing: 0n, audit: 'ok' },
  });
  expect(report.strict.acknowledged).toBeGreaterThan(400);
  expect(report.leased.acknowledged).toBeGreaterThan(400);
  expect(report.leased.captured).toBeGreaterThan(100);
}, 300_000);
