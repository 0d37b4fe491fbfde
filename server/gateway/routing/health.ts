/**
 * What an operator's last answers say of its next one. A pure fold: no clock, no timers.
 *
 * After three failures in a row its circuit opens: it is not asked for a while, twice as long each time; then one call tries.
 */

export type Health = {
  /** In a row. */
  readonly failures: number;
  /** Milliseconds since 1970; in the past where the circuit is closed. */
  readonly openUntil: number;
  /** Time to its first word, smoothed; undefined until it has spoken. */
  readonly firstWordMs: number | undefined;
};

export const UNKNOWN: Health = { failures: 0, openUntil: 0, firstWordMs: undefined };

export type Outcome =
  | { readonly kind: 'spoke'; readonly ms: number }
  | { readonly kind: 'failed'; readonly retryAfterMs: number | undefined };

/** How many failures in a row open the circuit. */
const MOST_FAILURES = 3;
const [SHORTEST_MS, LONGEST_MS] = [5000, 60_000];
/** Of the newest answer, among all that were before. */
const WEIGHT = 0.2;

export function noteOutcome(health: Health, outcome: Outcome, nowMs: number): Health {
  if (outcome.kind === 'spoke') {
    const { firstWordMs: before = outcome.ms } = health;
    return { failures: 0, openUntil: 0, firstWordMs: before + WEIGHT * (outcome.ms - before) };
  }
  const failures = health.failures + 1;
  const openMs =
    failures < MOST_FAILURES
      ? 0
      : Math.min(LONGEST_MS, SHORTEST_MS * 2 ** (failures - MOST_FAILURES));
  const asked = Math.min(LONGEST_MS, outcome.retryAfterMs ?? 0);
  return { ...health, failures, openUntil: nowMs + Math.max(openMs, asked) };
}

export const isOpen = ({ openUntil }: Health, nowMs: number): boolean => nowMs < openUntil;

/** The circuit was open, and one call may try: others wait until that one has ended or this time has passed again. */
export const trying = (health: Health, nowMs: number): Health => ({
  ...health,
  openUntil: nowMs + SHORTEST_MS,
});

/** Whether it failed too often to be trusted with more than one call. */
export const isOnTrial = ({ failures }: Health): boolean => failures >= MOST_FAILURES;
