/** A process that posts as fast as it is answered, and says which transactions it was promised: `ledger-writer.ts URL`. */
import { createLedger } from '../../server/ledger/index.ts';
import { systemClock } from '../../server/platform/clock.ts';
import { openDb } from '../../server/platform/db.ts';
import { silentLog } from '../../server/platform/log.ts';
import { newId } from '../../server/platform/new-id.ts';

const CALLERS = 8;

const db = openDb(process.argv[2]);
const ledger = createLedger({ db, clock: systemClock, log: silentLog });
const say = (line: string) => void process.stdout.write(`${line}\n`);

async function keepPosting(caller: number): Promise<void> {
  for (;;) {
    const transactionId = newId('transaction', systemClock);
    const postings = [{ from: 'external:chain', to: `caller-${caller}:available`, amount: 1n }];
    try {
      await ledger.post({ transactionId, reason: 'test', postings });
    } catch (error) {
      return say(`refused ${(error as { code?: string }).code}`);
    }
    say(`done ${transactionId}`);
  }
}

await ledger.start();
say(ledger.isWriting() ? 'writing' : 'standing by');
await Promise.all(Array.from({ length: CALLERS }, (_, caller) => keepPosting(caller)));
