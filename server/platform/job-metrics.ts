/** Counts what is delivered of announcements, and how long it takes. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Announcement, Handlers } from './jobs.ts';
import { DURATIONS } from './metrics.ts';

export function countedJobs(handlers: Handlers, registry: Registry): Handlers {
  const registers = [registry];
  const running = new Gauge({
    name: 'openledger_jobs_running',
    help: 'Announcements being delivered in this process.',
    ...{ labelNames: ['job'], registers },
  });
  const jobs = new Counter({
    name: 'openledger_jobs_total',
    help: 'Announcements delivered in this process; failed ones are delivered again.',
    ...{ labelNames: ['job', 'outcome'], registers },
  });
  const seconds = new Histogram({
    name: 'openledger_job_duration_seconds',
    help: 'Time to deliver an announcement.',
    ...{ labelNames: ['job'], buckets: DURATIONS, registers },
  });
  const counted = (job: Announcement, handle: (payload: never) => Promise<void>) =>
    async function deliver(payload: never): Promise<void> {
      const from = performance.now();
      running.inc({ job });
      let outcome = 'failed';
      try {
        await handle(payload);
        outcome = 'done';
      } finally {
        running.dec({ job });
        jobs.inc({ job, outcome });
        seconds.observe({ job }, (performance.now() - from) / 1000);
      }
    };
  return Object.fromEntries(
    Object.entries(handlers).map(([job, handle]) => [job, counted(job as Announcement, handle)]),
  ) as Handlers;
}
