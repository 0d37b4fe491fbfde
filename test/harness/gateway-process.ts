/**
 * A gateway that takes over from one that has died, as a process of its own, and dies while it does: just before it records
 * the first call that was left open, just after, or when the ledger has paid for it and nothing is written down of that.
 *
 * Arguments: database URL, the intents' folder, `recording`, `recorded` or `drawn`.
 */
import { createDatanets } from '../../server/datanets/index.ts';
import { createGateway } from '../../server/gateway/index.ts';
import { createGovernance } from '../../server/governance/index.ts';
import { createIdentity } from '../../server/identity/index.ts';
import { createLedger } from '../../server/ledger/index.ts';
import { createModels } from '../../server/models/index.ts';
import { systemClock as clock } from '../../server/platform/clock.ts';
import { type Db, openDb } from '../../server/platform/db.ts';
import { silentLog as log } from '../../server/platform/log.ts';
import { enter } from '../../server/platform/presence.ts';
import { freeAccess } from './access.ts';

const [url, folder, moment] = process.argv.slice(2);
const db = openDb(url);
const ledger = createLedger({ db, clock, log });
await ledger.start();
const governance = await createGovernance({ db, clock });
const identity = createIdentity({ db, clock });
const datanets = createDatanets({ db, clock, governance, identity });
const prices = { promptUnits: 1n, completionUnits: 1n };
const models = createModels({ db, datanets, clock, log, folder, threads: 1, prices });

function dieAt(here: string): void {
  if (moment === here) process.kill(process.pid, 'SIGKILL');
}
const mortalDb: Db = {
  ...db,
  async transaction(work) {
    dieAt('recording');
    const result = await db.transaction(work);
    dieAt('recorded');
    return result;
  },
};
const access = freeAccess({ db, clock, log, governance, identity });
const presence = await enter(db);
const gateway = createGateway({
  ...{
    governance,
    datanets,
    access,
    models,
    clock,
    log,
    db: mortalDb,
    presence,
    servedBy: presence.name,
    leases: { folder },
  },
  allowPrivateOperators: true,
  ledger: {
    ...ledger,
    async drawAll(wishes) {
      const answers = await ledger.drawAll(wishes);
      dieAt('drawn');
      return answers;
    },
  },
});
await gateway.recover();
process.stdout.write('It lives.\n');
