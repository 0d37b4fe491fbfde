/** What this process has seen of operators: their health, what they have loaded, and how much may be retried. */
import type { Clock } from '../../platform/clock.ts';
import { afterFailure } from './after-failure.ts';
import {
  type Health,
  isOnTrial,
  isOpen,
  noteOutcome,
  type Outcome,
  trying,
  UNKNOWN,
} from './health.ts';
import type { Candidate, Standing } from './plan.ts';

type Named = Pick<Candidate, 'operator' | 'operatorModel'>;

export type Standings = {
  of(candidate: Named): Standing;
  /** It is being asked: where its circuit was open, others wait for how that ends. */
  begin(candidate: Named): void;
  spoke(candidate: Named, ms: number): void;
  failed(candidate: Named, error: unknown): void;
  /** It has been asked for its models and has these: where its circuit was open, a call may try it now. */
  answered(operator: string, models: readonly string[]): void;
  /** Takes one retry out of the budget. @returns false where there is none */
  mayRetry(): boolean;
  /** Of each operator's model that was asked. */
  list(): readonly (Named & Standing & { readonly isOpen: boolean })[];
};

/**
 * Retries are a fifth of all calls, and ten a second where there are few (as Finagle's budgets). In fifths: each call brings
 * one, a retry takes five.
 */
const [A_RETRY, A_SECOND, MOST] = [5, 50, 500];

export function createStandings(clock: Clock): Standings {
  const healths = new Map<string, Named & { health: Health }>();
  const models = new Map<string, ReadonlySet<string>>();
  const nowMs = () => clock.now().getTime();
  let budget = { fifths: A_SECOND, at: nowMs() };
  const refill = (calls: number): number => {
    const at = nowMs();
    const seconds = Math.max(0, at - budget.at) / 1000;
    budget = { fifths: Math.min(MOST, budget.fifths + seconds * A_SECOND + calls), at };
    return budget.fifths;
  };

  const healthOf = (named: Named): Health => healths.get(nameOf(named))?.health ?? UNKNOWN;
  const set = ({ operator, operatorModel }: Named, health: Health) =>
    healths.set(nameOf({ operator, operatorModel }), { operator, operatorModel, health });
  const note = (named: Named, outcome: Outcome) =>
    set(named, noteOutcome(healthOf(named), outcome, nowMs()));
  const standingOf = (named: Named): Standing => ({
    health: healthOf(named),
    isLoaded: models.get(named.operator)?.has(named.operatorModel),
  });

  return {
    of: standingOf,
    begin(candidate) {
      refill(1);
      const health = healthOf(candidate);
      if (isOnTrial(health) && !isOpen(health, nowMs())) set(candidate, trying(health, nowMs()));
    },
    spoke: (candidate, ms) => note(candidate, { kind: 'spoke', ms }),
    failed(candidate, error) {
      const { isOperators, retryAfterMs } = afterFailure(error);
      if (isOperators) note(candidate, { kind: 'failed', retryAfterMs });
    },
    answered(operator, names) {
      models.set(operator, new Set(names));
      for (const { health, ...one } of [...healths.values()]) {
        if (one.operator === operator && isOpen(health, nowMs()))
          set(one, { ...health, openUntil: 0 });
      }
    },
    mayRetry() {
      if (refill(0) < A_RETRY) return false;
      budget = { ...budget, fifths: budget.fifths - A_RETRY };
      return true;
    },
    list: () =>
      [...healths.values()].map((one) => ({
        ...{ operator: one.operator, operatorModel: one.operatorModel, ...standingOf(one) },
        isOpen: isOpen(one.health, nowMs()),
      })),
  };
}

const nameOf = ({ operator, operatorModel }: Named): string => `${operator}\n${operatorModel}`;
