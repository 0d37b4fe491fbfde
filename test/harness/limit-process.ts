/**
 * A gateway as a process of its own, whose one client asks many times at once, when the test lets go advisory lock 42.
 *
 * Arguments: database URL, the client's API key, how many calls. It says `ready`, then `served N`.
 */
import { tmpdir } from 'node:os';
import { createDatanets } from '../../server/datanets/index.ts';
import { createGateway } from '../../server/gateway/index.ts';
import { createGovernance } from '../../server/governance/index.ts';
import { type Caller, createIdentity } from '../../server/identity/index.ts';
import { createLedger } from '../../server/ledger/index.ts';
import { createModels } from '../../server/models/index.ts';
import { systemClock as clock } from '../../server/platform/clock.ts';
import { openDb } from '../../server/platform/db.ts';
import { silentLog as log } from '../../server/platform/log.ts';
import { enter } from '../../server/platform/presence.ts';
import { sql } from '../../server/platform/sql.ts';
import { freeAccess } from './access.ts';
import { read, serve } from './gateway.ts';

const [url, secret, count] = process.argv.slice(2);
const db = openDb(url);
const ledger = createLedger({ db, clock, log });
await ledger.start();
const governance = await createGovernance({ db, clock });
const identity = createIdentity({ db, clock });
const datanets = createDatanets({ db, clock, governance, identity });
const prices = { promptUnits: 1n, completionUnits: 1n };
const models = createModels({ db, datanets, clock, log, folder: tmpdir(), threads: 1, prices });
const access = freeAccess({ db, clock, log, governance, identity });
const presence = await enter(db);
const gateway = createGateway({
  ...{ db, ledger, datanets, governance, access, models, clock, log },
  ...{ allowPrivateOperators: true, presence, servedBy: presence.name },
});
const caller = (await identity.authenticate(secret)) as Caller;
process.stdout.write('ready\n');
await db.query(sql`select pg_advisory_lock_shared(42)`);
const outcomes = await Promise.allSettled(
  Array.from({ length: Number(count) }, async () => read(await serve(gateway, caller))),
);
const served = outcomes.filter(({ status }) => status === 'fulfilled').length;
process.stdout.write(`served ${served}\n`);
