import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { countedJobs } from './job-metrics.ts';
import type { Handlers } from './jobs.ts';
import { boundedLabel, createMetrics } from './metrics.ts';

test('a label has no more values than it may, and keeps those it had first', () => {
  const label = boundedLabel(2);
  expect(['a', 'b', 'a', 'c', 'd', 'b'].map(label)).toEqual(['a', 'b', 'a', 'other', 'other', 'b']);
});

test('two servers in one process count for themselves, and tell of the same process', async () => {
  const [one, other] = [createMetrics(), createMetrics()];
  expect(one.registry).not.toBe(other.registry);
  for (const { text } of [one, other]) expect(await text()).toMatch(/^process_cpu_seconds_total /m);
});

test('deliveries are counted by how they ended, and a failure goes on to whoever delivers again', async () => {
  const registry = new Registry();
  let fails = false;
  const route = async () => {
    if (fails) throw new Error('Not now.');
  };
  const other = async () => {};
  const handlers: Handlers = {
    ...{ 'fees.routed': other, 'run.queued': other, 'read.paid': other },
    ...{ 'inference.served': other, 'inference.attributed': route },
  };
  const counted = countedJobs(handlers, registry);
  await counted['inference.attributed']({ inferenceId: 'inf_1' });
  fails = true;
  const failing = counted['inference.attributed']({ inferenceId: 'inf_1' });
  await expect(failing).rejects.toThrow('Not now.');
  const text = await registry.metrics();
  for (const line of [
    'openledger_jobs_total{job="inference.attributed",outcome="done"} 1',
    'openledger_jobs_total{job="inference.attributed",outcome="failed"} 1',
    'openledger_jobs_running{job="inference.attributed"} 0',
    'openledger_job_duration_seconds_count{job="inference.attributed"} 2',
  ]) {
    expect(text.split('\n')).toContain(line);
  }
});
