/** A hold a request: it is captured in part, voided, or left to expire. */
import type { Ledger } from '../../server/ledger/index.ts';
import { ask } from './ask.ts';
import { HELD, holdIdOf, PRICE, type Request, routeOf } from './request.ts';
import { say } from './said.ts';

export async function serveStrict(
  ledger: Ledger,
  { requestId, payer, turn }: Request,
): Promise<void> {
  const holdId = holdIdOf(requestId);
  const isLeft = turn % 10 === 0;
  const expiresAt = new Date(Date.now() + (isLeft ? 500 : 600_000));
  const accounts = { from: `${payer}:available`, to: `${payer}:held` };
  const why = { reason: 'crash', reference: requestId };
  await ask(() => ledger.hold({ ...why, ...accounts, holdId, amount: HELD, expiresAt }));
  say('held', requestId);
  if (isLeft) return;
  if (turn % 10 === 1) {
    await ask(() => ledger.release({ ...why, holdId }));
    return say('voided', requestId);
  }
  const postings = [{ to: 'clearing:fees', amount: PRICE }];
  await ask(() => ledger.capture({ ...why, holdId, postings }));
  say('captured', requestId, PRICE);
  await ask(() => ledger.post(routeOf(requestId, PRICE)));
  say('routed', requestId);
}
