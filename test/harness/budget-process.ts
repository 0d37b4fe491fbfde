/**
 * A gateway's budget alone, as a process of its own that can be killed: reserves, earns and captures as fast as it can, for
 * one payer, until it is told to stop, and prints what it promises. Its ledger writes in this process, its database does not.
 *
 * Arguments: database URL, folder, payer, what a request may cost, `serve` or `recover`.
 */
import { createBudget, openIntentLog } from '../../server/gateway/budget/budget.ts';
import { createLedger } from '../../server/ledger/index.ts';
import { systemClock as clock } from '../../server/platform/clock.ts';
import { openDb } from '../../server/platform/db.ts';
import { silentLog as log } from '../../server/platform/log.ts';
import { newId } from '../../server/platform/new-id.ts';

const [url, folder, payer, price, role] = process.argv.slice(2);
const say = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);
const db = openDb(url);
const ledger = createLedger({ db, clock, log });
await ledger.start();
const budget = createBudget({
  ...{ ledger, log: await openIntentLog(folder), clock, instance: 'gateway-1' },
  settings: { leaseMs: 60_000, graceMs: 1_000 },
});
const recovered = await budget.start();
say({ recovered: recovered.length });

async function client(): Promise<void> {
  for (;;) {
    const requestId = newId('inference', clock);
    const units = BigInt(price);
    const reservation = await budget.reserve({ requestId, payer, units });
    await reservation.durable();
    say({ opened: requestId });
    for (let earned = 1n; earned <= units / 2n; earned++) {
      say({ forwarded: requestId, earned: Number(earned) });
      reservation.progress(earned);
      await new Promise(setImmediate);
    }
    const ending = await reservation.capture(units / 2n);
    say({ ended: requestId, kind: ending.kind });
  }
}

if (role === 'serve') await Promise.all(Array.from({ length: 20 }, client));
await budget.stop();
await ledger.stop();
await db.close();
say({ stopped: true });
