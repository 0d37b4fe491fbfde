/**
 * Insights: what the loop has done, in numbers, for the console and for Prometheus.
 *
 * It promises that
 * - every number is counted from the stages' own records, through their doors; nothing is counted twice or kept here;
 * - asking often costs little: a count is shared by whoever asks within the same second.
 *
 * It does not write, and it names no party: rhythm, retention, concentration and policy replay come later.
 *
 * Tables: none.
 */
import type { Attributions } from '../attribution/index.ts';
import type { Fees } from '../fees/index.ts';
import type { Gateway } from '../gateway/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Settlement } from '../settlement/index.ts';
import type { Counts } from './counts.ts';
import { prometheusText } from './prometheus-text.ts';

export type { Counts } from './counts.ts';

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
  readonly clock: Clock;
};

const SHARED_MS = 1000;

export function createInsights(handles: InsightsHandles): Insights {
  let shared: { readonly counts: Promise<Counts>; readonly until: number } | undefined;
  const counts = (): Promise<Counts> => {
    const now = handles.clock.now().getTime();
    if (!shared || now >= shared.until) shared = { counts: count(handles), until: now + SHARED_MS };
    return shared.counts;
  };
  return { counts, metrics: async () => prometheusText(await counts()) };
}

async function count({
  gateway,
  attributions,
  fees,
  settlement,
}: InsightsHandles): Promise<Counts> {
  const [calls, attributed, routed, settled] = await Promise.all([
    gateway.summary(),
    attributions.summary(),
    fees.summary(),
    settlement.summary(),
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
    creditMs: routed.creditMs,
  };
}
