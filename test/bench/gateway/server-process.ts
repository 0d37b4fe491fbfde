/**
 * `serve` or `work`, as server/main.ts starts them.
 *
 * Arguments: the role, and the folder of what is this process's alone. Asked for `memory`, it collects its garbage first.
 */
import { join } from 'node:path';
import { startServing, startWorking } from '../../../server/app.ts';
import { listen } from '../../../server/http/listen.ts';
import { openChain } from '../../../server/platform/chain.ts';
import { systemClock } from '../../../server/platform/clock.ts';
import { readConfig } from '../../../server/platform/config.ts';
import { openDb } from '../../../server/platform/db.ts';
import { exclusively } from '../../../server/platform/exclusively.ts';
import { openKeys } from '../../../server/platform/keys.ts';
import { silentLog } from '../../../server/platform/log.ts';
import { sayReady } from './process.ts';

const [role, folder] = process.argv.slice(2);
const config = readConfig();
const db = openDb(config.DATABASE_URL as string, { poolSize: 20 });
const chain = await openChain({
  ...{ rpcUrl: config.CHAIN_RPC_URL, folder: join(folder, 'chain'), log: silentLog },
  confirmations: 0,
  exclusively: (name, work) => exclusively(db, name, work),
});
const keys = await openKeys(join(config.OPENLEDGER_DATA, 'keys'));
const handles = { config, db, chain, keys, folder, clock: systemClock, log: silentLog };

process.on('message', (message) => {
  if (message !== 'memory') return;
  globalThis.gc?.();
  process.send?.(process.memoryUsage());
});
const stop = role === 'serve' ? await serve() : await work();
process.once('SIGTERM', () => stop().then(() => process.exit(0)));

async function serve(): Promise<() => Promise<void>> {
  const app = await startServing(handles);
  const listening = await listen(app.http, { host: '127.0.0.1', port: 0 });
  sayReady({ url: listening.url, adminKey: await app.ensureAdminKey() });
  return async () => {
    await listening.close();
    await app.stop();
    await db.close();
  };
}

async function work(): Promise<() => Promise<void>> {
  const working = await startWorking(handles);
  sayReady({ working: true });
  return async () => {
    await working.stop();
    await db.close();
  };
}
