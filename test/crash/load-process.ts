/**
 * A process that may be killed at any moment: it asks the ledger, writes to it where nobody else does, and says on stdout what
 * it was promised. Requests hold money, then capture a part, void, or are left to expire; a captured price is routed on.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Id } from '@openledger/protocol';
import { OpenLedgerError } from '@openledger/protocol';
import { createLedger } from '../../server/ledger/index.ts';
import { systemClock } from '../../server/platform/clock.ts';
import { openDb } from '../../server/platform/db.ts';
import { silentLog } from '../../server/platform/log.ts';
import { newId } from '../../server/platform/new-id.ts';
import { HELD, holdIdOf, PRICE, routeOf } from './request.ts';

const CLIENTS = 8;
const PAUSE_MS = 15;
const db = openDb(process.env.DATABASE_URL as string, { poolSize: 6 });
const ledger = createLedger({ db, clock: systemClock, log: silentLog });
let isStopping = false;
process.once('SIGTERM', () => {
  isStopping = true;
});

const say = (word: string, id: string): void => void process.stdout.write(`${word} ${id}\n`);

/** Asks again with the same id until there is an answer; what is answered with is final. */
async function ask<T>(wish: () => Promise<T>): Promise<T | 'refused'> {
  for (;;) {
    try {
      return await wish();
    } catch (error) {
      const isAnswer = error instanceof OpenLedgerError && error.code !== 'unavailable';
      if (isAnswer) return 'refused';
      await sleep(30);
    }
  }
}

async function serveOne(turn: number): Promise<void> {
  const requestId = newId('inference', systemClock);
  const holdId = holdIdOf(requestId);
  const payer = `payer-${turn % 50}`;
  const isLeft = turn % 10 === 0;
  const expiresAt = new Date(Date.now() + (isLeft ? 500 : 600_000));
  const accounts = { from: `${payer}:available`, to: `${payer}:held` };
  const why = { reason: 'crash', reference: requestId };
  const held = await ask(() =>
    ledger.hold({ ...why, ...accounts, holdId, amount: HELD, expiresAt }),
  );
  if (held === 'refused') return say('refused', requestId);
  say('held', requestId);
  if (isLeft) return;
  if (turn % 10 === 1) {
    const released = await ask(() => ledger.release({ ...why, holdId }));
    if (released !== 'refused') say('voided', requestId);
    return;
  }
  const postings = [{ to: 'clearing:fees', amount: PRICE }];
  const captured = await ask(() => ledger.capture({ ...why, holdId, postings }));
  if (captured === 'refused') return say('refused', requestId);
  say('captured', requestId);
  const routed = await ask(() => ledger.post(routeOf(requestId)));
  if (routed !== 'refused') say('routed', requestId);
}

async function sweep(): Promise<void> {
  while (!isStopping) {
    await ledger.expireHolds(new Date()).catch(() => {}); // the next round does
    await sleep(300);
  }
}

async function client(number: number): Promise<void> {
  for (let turn = number; !isStopping; turn += CLIENTS) {
    await serveOne(turn);
    await sleep(PAUSE_MS);
  }
}

async function beat(): Promise<void> {
  for (let wasWriting = false; !isStopping; await sleep(20)) {
    if (ledger.isWriting() === wasWriting) continue;
    wasWriting = !wasWriting;
    say(wasWriting ? 'writing' : 'asking', String(process.pid) as Id<'inference'>);
  }
}

await ask(() => ledger.start());
await Promise.all([
  beat(),
  sweep(),
  ...Array.from({ length: CLIENTS }, (_, number) => client(number)),
]);
await ledger.stop();
await db.close();
process.exit(0);
