import { expect, test } from 'vitest';
import { createInsights } from './index.ts';

const fees = {
  epoch: 1,
  inferences: 2,
  units: 25n * 10n ** 17n,
  dataUnits: 10n,
  creditedUnits: 1n,
  partiesCredited: 4,
  evidencePpm: 0,
  creditMs: { p50: 120, p99: 900 },
};
let asked = 0;
let now = 0;
let breaks = false;
const insights = createInsights({
  gateway: {
    async summary() {
      if (breaks) throw new Error('The database is gone.');
      return { served: ++asked, running: 0 };
    },
  },
  attributions: { summary: async () => ({ inferences: 2, grounded: 1, groundedPpm: 400_000 }) },
  fees: { summary: async () => fees },
  settlement: { summary: async () => ({ payouts: 1, paidUnits: 10n ** 18n }) },
  clock: { now: () => new Date(now) },
  jobsWaiting: async () => ({ 'fees.routed': 3 }),
  metrics: { text: async () => 'own 1\n' },
});

test('metrics are well-formed, in OPEN and without loss', async () => {
  const text = await insights.metrics();
  const line = /^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{[a-z]+="[^"]*"\})? -?\d+(\.\d+)?)$/;
  expect(text.endsWith('\n')).toBe(true);
  for (const each of text.trimEnd().split('\n')) expect(each).toMatch(line);
  expect(text).toContain('\nopenledger_fees_open 2.5\n');
  expect(text).toContain('\nopenledger_credited_open 0.000000000000000001\n');
  expect(text).toMatch(/^own 1\n/);
  expect(text).toContain('\nopenledger_jobs_waiting{job="fees.routed"} 3\n');
  expect(text).toContain('\nopenledger_credit_delay_seconds{quantile="0.99"} 0.9\n');
});

test('whoever asks within a second shares one count', async () => {
  now = 5000;
  const [a, b] = await Promise.all([insights.counts(), insights.counts()]);
  expect(b).toBe(a);
  now = 6000;
  expect((await insights.counts()).executions).toBe(a.executions + 1);
});

test('what the process counts itself is told also while the database does not answer', async () => {
  now = 10_000;
  breaks = true;
  expect(await insights.metrics()).toBe('own 1\n');
  breaks = false;
  now = 12_000;
  expect(await insights.metrics()).toContain('openledger_executions_total');
});
