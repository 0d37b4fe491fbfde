/** Calls in Prometheus' numbers. Labels are names of the registry and our own codes, never what a client wrote. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { AttemptEnding } from '../gateway/index.ts';
import { boundedLabel, DURATIONS } from '../platform/metrics.ts';
import { type CallFacts, overheadMs } from './call-facts.ts';

export type CallMetrics = {
  started(): void;
  attempted(operator: string, end: AttemptEnding['kind']): void;
  ended(facts: CallFacts, outcome: string): void;
};

/** Each name of a model has some forty time series. */
const MOST_MODELS = 500;
const MOST_OPERATORS = 100;
/** A part of a millisecond is what a gateway should take. */
const OVERHEADS = [0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.5, 2];
const UNITS_PER_OPEN = 1e18;

export function createCallMetrics(registry: Registry): CallMetrics {
  const { calls, open, attempts, cached, tokens, charged } = counters(registry);
  const { duration, firstText, overhead } = histograms(registry);
  const modelLabel = boundedLabel(MOST_MODELS);
  const operatorLabel = boundedLabel(MOST_OPERATORS);
  return {
    started: () => open.inc(),
    attempted: (operator, outcome) => attempts.inc({ operator: operatorLabel(operator), outcome }),
    ended(facts, outcome) {
      const { routed, opened, end } = facts;
      const { surface } = facts.origin;
      open.dec();
      if (!routed) return calls.inc({ surface, model: 'none', operator: 'none', outcome });
      const model = modelLabel(routed.model);
      const operator = operatorLabel(routed.operator);
      calls.inc({ surface, model, operator, outcome });
      if (end?.kind !== 'served' && end?.kind !== 'void') return;
      duration.observe({ model, operator }, (facts.endedMs ?? 0) / 1000);
      overhead.observe({ delivery: routed.delivery }, overheadMs(facts) / 1000);
      if (facts.firstTextMs !== undefined) {
        firstText.observe({ model, operator }, facts.firstTextMs / 1000);
      }
      if (end.kind !== 'served') return;
      if (opened?.cachedFrom !== undefined) cached.inc({ model });
      tokens.inc({ model, operator, direction: 'in' }, end.usage.promptTokens);
      tokens.inc({ model, operator, direction: 'out' }, end.usage.completionTokens);
      charged.inc({ model, operator }, Number(end.priceUnits) / UNITS_PER_OPEN);
    },
  };
}

function counters(registry: Registry) {
  const registers = [registry];
  const routed = ['model', 'operator'] as const;
  return {
    calls: new Counter({
      name: 'openledger_calls_total',
      help: 'Calls by how they ended: served, replayed (an idempotency key was sent again), void (cost nothing), lost (recovery ends it), or refused:<code>.',
      ...{ labelNames: ['surface', ...routed, 'outcome'], registers },
    }),
    open: new Gauge({
      name: 'openledger_calls_open',
      help: 'Calls under way in this process.',
      registers,
    }),
    attempts: new Counter({
      name: 'openledger_operator_attempts_total',
      help: 'How often operators were asked: ended, stopped (by us or the client), or failed.',
      ...{ labelNames: ['operator', 'outcome'], registers },
    }),
    cached: new Counter({
      name: 'openledger_cache_hits_total',
      help: 'Served calls whose answer had been given before.',
      ...{ labelNames: ['model'], registers },
    }),
    tokens: new Counter({
      name: 'openledger_call_tokens_total',
      help: 'Tokens of served calls, as recorded.',
      ...{ labelNames: [...routed, 'direction'], registers },
    }),
    charged: new Counter({
      name: 'openledger_charged_open_total',
      help: 'Prices of served calls in OPEN, as floating point: for rates, not for books.',
      ...{ labelNames: routed, registers },
    }),
  };
}

function histograms(registry: Registry) {
  const registers = [registry];
  const labelNames = ['model', 'operator'];
  return {
    duration: new Histogram({
      name: 'openledger_call_duration_seconds',
      help: 'From the request to the end of the call, of served and void calls.',
      ...{ labelNames, buckets: DURATIONS, registers },
    }),
    firstText: new Histogram({
      name: 'openledger_call_first_token_seconds',
      help: 'From the request to the first text of the operator.',
      ...{ labelNames, buckets: DURATIONS, registers },
    }),
    overhead: new Histogram({
      name: 'openledger_call_overhead_seconds',
      help: 'Time not spent waiting for the operator: of whole answers until they end, of streams until their first text.',
      ...{ labelNames: ['delivery'], buckets: OVERHEADS, registers },
    }),
  };
}
