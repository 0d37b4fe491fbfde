/** What is remembered of the operators that a call asks: their standings here, and in its record those that failed. */
import { OpenLedgerError } from '@openledger/protocol';
import type { FailedAttempt } from './inferences.ts';
import type { Said, Turns } from './routing/attempt-in-turn.ts';
import type { Candidate } from './routing/plan.ts';
import type { Standings } from './routing/standings.ts';

/** Undefined where nobody is asked. */
type Asked = { readonly candidate: Candidate | undefined };

type Noting = Pick<Turns<Asked, Said>, 'mayRetry' | 'onBegin' | 'onSpoke' | 'onFailed'>;

/** @param failures to which those that fail are added */
export const noteAttempts = (standings: Standings, failures: FailedAttempt[]): Noting => ({
  mayRetry: standings.mayRetry,
  onBegin: ({ candidate }) => candidate && standings.begin(candidate),
  onSpoke: ({ candidate }, ms) => candidate && standings.spoke(candidate, ms),
  onFailed({ candidate }, ms, error) {
    if (!candidate) return;
    standings.failed(candidate, error);
    const { operator } = candidate;
    failures.push({ operator, reason: reasonOf(error), ms: Math.round(ms) });
  },
});

/** What a scorecard counts; the sentence may quote the operator and stays out of it. */
function reasonOf(error: unknown): string {
  if (!(error instanceof OpenLedgerError)) return 'failed';
  const { operatorStatus } = error.details;
  return operatorStatus === undefined ? error.code : String(operatorStatus);
}
