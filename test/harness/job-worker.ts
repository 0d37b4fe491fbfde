/** A process that delivers announcements and says so: `job-worker.ts URL MS`, where each takes so many milliseconds. */
import { sleep } from '../../server/platform/clock.ts';
import { openDb } from '../../server/platform/db.ts';
import { startJobs } from '../../server/platform/jobs.ts';
import { silentLog } from '../../server/platform/log.ts';

const [url, ms] = process.argv.slice(2);
const ignore = async () => {};
await startJobs(openDb(url), {
  log: silentLog,
  concurrency: 1,
  handlers: {
    'inference.served': async ({ inferenceId }) => {
      process.stdout.write(`begun ${inferenceId}\n`);
      await sleep(Number(ms));
      process.stdout.write(`done ${inferenceId}\n`);
    },
    'inference.attributed': ignore,
    'read.paid': ignore,
    'fees.routed': ignore,
    'run.queued': ignore,
  },
});
process.stdout.write('ready\n');
