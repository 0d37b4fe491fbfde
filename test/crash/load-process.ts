/**
 * A gateway that may be killed at any moment: it asks the ledger, writes to it where nobody else does, and says on stdout what
 * it was promised, and only after it was. What is refused ends the process, and the run with it.
 *
 * It waits on stdin for its call: the mode, the database's URL, and the folder of the intents.
 */
import { text } from 'node:stream/consumers';
import { createLedger } from '../../server/ledger/index.ts';
import { sleep, systemClock } from '../../server/platform/clock.ts';
import { openDb } from '../../server/platform/db.ts';
import { silentLog } from '../../server/platform/log.ts';
import { newId } from '../../server/platform/new-id.ts';
import { ask } from './ask.ts';
import { type Mode, PAYERS, type Request } from './request.ts';
import { openBudget, serveLeased } from './serve-leased.ts';
import { serveStrict } from './serve-strict.ts';

type Call = { readonly mode: Mode; readonly url: string; readonly folder: string };

const CLIENTS = 8;
const PAUSE_MS = 30;
const call: Call = JSON.parse(await text(process.stdin));
const db = openDb(call.url, { poolSize: 6 });
const ledger = createLedger({ db, clock: systemClock, log: silentLog });
let isStopping = false;
process.once('SIGTERM', () => {
  isStopping = true;
});

async function sweep(): Promise<void> {
  while (!isStopping) {
    await ledger.expireHolds(new Date()).catch(() => {}); // the next round does
    await sleep(300);
  }
}

async function beat(): Promise<void> {
  for (let wasWriting = false; !isStopping; await sleep(20)) {
    if (ledger.isWriting() === wasWriting) continue;
    wasWriting = !wasWriting;
    process.stdout.write(wasWriting ? 'writing\n' : 'asking\n');
  }
}

async function serveAll(serve: (request: Request) => Promise<void>): Promise<void> {
  const client = async (number: number): Promise<void> => {
    for (let turn = number; !isStopping; turn += CLIENTS) {
      const payer = PAYERS[turn % PAYERS.length];
      await serve({ requestId: newId('inference', systemClock), payer, turn });
      await sleep(PAUSE_MS);
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, (_, number) => client(number)));
}

async function serve(): Promise<void> {
  if (call.mode === 'strict') return serveAll((request) => serveStrict(ledger, request));
  process.stdout.write('recovering\n');
  const budget = await openBudget(ledger, call.folder);
  await serveAll((request) => serveLeased({ ledger, budget }, request));
  await budget.stop();
}

await ask(() => ledger.start());
await Promise.all([beat(), sweep(), serve()]);
await ledger.stop();
await db.close();
process.exit(0);
