/** Requests out of a budget's leases, which last as long as an outage, so that some of them run out in one. */
import {
  type Budget,
  createBudget,
  type Ending,
  openIntentLog,
} from '../../server/gateway/budget/budget.ts';
import type { Ledger } from '../../server/ledger/index.ts';
import { systemClock as clock, sleep } from '../../server/platform/clock.ts';
import { ask } from './ask.ts';
import { EARNED, HELD, type Request, routeOf } from './request.ts';
import { say } from './said.ts';

const LEASES = { leaseMs: 1_500, graceMs: 300, idleMs: 1_000 };

/** Takes over what the process before this one left. The ledger may be away meanwhile: then it is begun again. */
export function openBudget(ledger: Ledger, folder: string): Promise<Budget> {
  return ask(async () => {
    const log = await openIntentLog(folder);
    try {
      const budget = createBudget({ ledger, log, clock, instance: 'crash', settings: LEASES });
      for (const { requestId, ending } of await budget.start()) sayEnding(requestId, ending);
      return budget;
    } catch (error) {
      await log.close();
      throw error;
    }
  });
}

/** It is voided, or captured for what it has earned when its last chunk is out or its lease is over. */
export async function serveLeased(
  { ledger, budget }: { readonly ledger: Ledger; readonly budget: Budget },
  { requestId, payer, turn }: Request,
): Promise<void> {
  const reservation = await ask(() => budget.reserve({ requestId, payer, units: HELD }));
  await reservation.durable();
  say('reserved', requestId);
  if (turn % 10 === 1) {
    await reservation.void();
    return say('voided', requestId);
  }
  let earned = 0n;
  for (const units of EARNED) {
    if (!reservation.isOpen()) break;
    reservation.progress(units);
    earned = units;
    await new Promise(setImmediate); // it is written down at the end of the turn
    say('earned', requestId, earned);
    await sleep(turn % 10 === 0 ? 150 : 3);
  }
  const ending = await reservation.capture(earned);
  sayEnding(requestId, ending);
  if (ending.kind !== 'captured') return;
  await ask(() => ledger.post(routeOf(requestId, ending.units)));
  say('routed', requestId);
}

function sayEnding(requestId: Request['requestId'], ending: Ending): void {
  say(ending.kind, requestId, ending.kind === 'captured' ? ending.units : 0n);
}
