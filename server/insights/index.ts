/**
 * Insights: what the loop has done, in numbers, for the console and for Prometheus, and how calls go while they run.
 *
 * It promises that
 * - every number of the loop is counted from the stages' own records, through their doors; nothing is counted twice or kept here;
 * - asking often costs little: a count is shared by whoever asks within the same second;
 * - how this process does (calls, jobs, requests) is counted in memory, and told also while the database does not answer;
 * - what is told of a call holds no text of it, and labels are bounded.
 *
 * It does not write, and it names no party: rhythm, retention, concentration and policy replay come later.
 *
 * Tables: none.
 */
import type { Attributions } from '../attribution/index.ts';
import type { Fees } from '../fees/index.ts';
import type { Gateway } from '../gateway/index.ts';
import { type Clock, sleep } from '../platform/clock.ts';
import type { Metrics } from '../platform/metrics.ts';
import type { Settlement } from '../settlement/index.ts';
import type { Counts } from './counts.ts';
import { prometheusText } from './prometheus-text.ts';

export { type CallFacts, overheadMs } from './call-facts.ts';
export type { Counts } from './counts.ts';
export {
  type CallObservation,
  createCallObservation,
  type ObservedCall,
  outcomeOf,
} from './observe-calls.ts';

export type Insights = {
  counts(): Promise<Counts>;
  /** Prometheus' text format, version 0.0.4. */
  metrics(): Promise<string>;
};

export type InsightsHandles = {
  readonly gateway: Pick<Gateway, 'summary'>;
  readonly attributions: Pick<Attributions, 'summary'>;
  readonly fees: Pick<Fees, 'summary'>;
  readonly settlement: Pick<Settlement, 'summary'>;
  readonly jobsWaiting: () => Promise<Readonly<Record<string, number>>>;
  /** What this process counts in memory. */
  readonly metrics: Pick<Metrics, 'text'>;
  readonly clock: Clock;
};

const SHARED_MS = 1000;
/** A database that takes longer to count is left out of the metrics. */
const PATIENCE_MS = 2000;

export function createInsights(handles: InsightsHandles): Insights {
  let shared: { readonly counts: Promise<Counts>; readonly until: number } | undefined;
  const counts = (): Promise<Counts> => {
    const now = handles.clock.now().getTime();
    if (!shared || now >= shared.until) shared = { counts: count(handles), until: now + SHARED_MS };
    return shared.counts;
  };
  const counted = async () => prometheusText(await counts());
  return {
    counts,
    async metrics() {
      const own = await handles.metrics.text();
      return own + (await inTime(counted()));
    },
  };
}

async function inTime(text: Promise<string>): Promise<string> {
  const enough = new AbortController();
  const late = sleep(PATIENCE_MS, enough.signal).then(() => '');
  const first = await Promise.race([text.catch(() => ''), late]);
  enough.abort();
  return first;
}

async function count({
  gateway,
  attributions,
  fees,
  settlement,
  jobsWaiting,
}: InsightsHandles): Promise<Counts> {
  const [calls, attributed, routed, settled, waiting] = await Promise.all([
    gateway.summary(),
    attributions.summary(),
    fees.summary(),
    settlement.summary(),
    jobsWaiting(),
  ]);
  return {
    executions: calls.served,
    attributed: attributed.inferences,
    grounded: attributed.grounded,
    distributions: routed.inferences,
    feesUnits: routed.units,
    creditedUnits: routed.creditedUnits,
    partiesCredited: routed.partiesCredited,
    payouts: settled.payouts,
    paidUnits: settled.paidUnits,
    jobsWaiting: waiting,
    creditMs: routed.creditMs,
  };
}
