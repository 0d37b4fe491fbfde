/**
 * One half of the server as a process that may be killed: `serve` or `work`, paid for out of leases, on a database and a chain
 * that others share. It has loaded its code when it is called, so that one that was killed is replaced at once.
 *
 * It waits on stdin for its call, and says in one line of JSON that it is there.
 */
import { text } from 'node:stream/consumers';
import { type AppHandles, startServing, startWorking } from '../../server/app.ts';
import { listen } from '../../server/http/listen.ts';
import { openChain } from '../../server/platform/chain.ts';
import { systemClock } from '../../server/platform/clock.ts';
import { readConfig } from '../../server/platform/config.ts';
import { openDb } from '../../server/platform/db.ts';
import { exclusively } from '../../server/platform/exclusively.ts';
import { openKeys } from '../../server/platform/keys.ts';
import { createLog } from '../../server/platform/log.ts';

export type ServerCall = {
  readonly role: 'serve' | 'work';
  readonly databaseUrl: string;
  readonly rpcUrl: string;
  /** The keys that all share. */
  readonly keys: string;
  /** This process's own, from one life to the next. */
  readonly folder: string;
  readonly port: number;
};

const call: ServerCall = JSON.parse(await text(process.stdin));
const { role, databaseUrl, rpcUrl, folder } = call;
/** Few connections each: many such processes share one PostgreSQL. */
const db = openDb(databaseUrl, { poolSize: 10 });
const log = createLog((line) => process.stderr.write(line));
const handles: AppHandles = {
  ...{ db, log, folder, clock: systemClock },
  config: readConfig({ OPENLEDGER_LEASES: '1', OPENLEDGER_ENGINE_THREADS: '1' }),
  keys: await openKeys(call.keys),
  chain: await openChain({
    ...{ rpcUrl, folder, confirmations: 0, log },
    exclusively: (name, work) => exclusively(db, name, work),
  }),
};

const stop = role === 'serve' ? await serve() : await work();
process.once('SIGTERM', async () => {
  await stop();
  await handles.chain.stop();
  await db.close();
  process.exit(0);
});
process.stdout.write('{"ready":true}\n');

async function serve(): Promise<() => Promise<void>> {
  const app = await startServing(handles);
  const listening = await listen(app.http, { host: '127.0.0.1', port: call.port });
  return async () => {
    await listening.close();
    await app.stop();
  };
}

async function work(): Promise<() => Promise<void>> {
  return (await startWorking(handles)).stop;
}
