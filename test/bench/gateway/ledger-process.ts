/** Writes the ledger, and does nothing else: so that it costs neither the gateway nor the worker, and goes on while the worker rests. */
import { createLedger } from '../../../server/ledger/index.ts';
import { systemClock } from '../../../server/platform/clock.ts';
import { readConfig } from '../../../server/platform/config.ts';
import { openDb } from '../../../server/platform/db.ts';
import { silentLog } from '../../../server/platform/log.ts';
import { sayReady } from './process.ts';

const db = openDb(readConfig().DATABASE_URL as string);
const ledger = createLedger({ db, clock: systemClock, log: silentLog });
await ledger.start();
sayReady({ writing: ledger.isWriting() });
process.once('SIGTERM', async () => {
  await ledger.stop();
  await db.close();
  process.exit(0);
});
