/** In which order operators are asked for an answer: a pure value, decided before anybody is asked. */
import type { NamedTerms } from '@openledger/protocol';
import type { Model } from '../../models/index.ts';
import type { Pricing } from '../price.ts';
import { type Health, isOpen } from './health.ts';

/** An operator that could serve a model, and on what terms. */
export type Candidate = {
  readonly model: Model;
  readonly operator: string;
  readonly operatorModel: string;
  readonly terms: NamedTerms;
  /** What the terms ask for. */
  readonly pricing: Pricing;
  /** Its part of the calls among others of its tier; 0: only when it is the last. */
  readonly weight: number;
  /** Lower is asked first; a model to fall back to comes after all tiers of the one before. */
  readonly tier: number;
  readonly stakeUnits: bigint;
};

/** What the client wishes. */
export type Route = {
  readonly by: 'weight' | 'price' | 'latency' | 'stake';
  /** Operators' names; undefined: any. */
  readonly only: readonly string[] | undefined;
  readonly without: readonly string[];
  /** By the hashes of their terms; undefined: any. */
  readonly terms: readonly string[] | undefined;
  readonly attempts: number;
  /** After so long without a word the next operator is asked beside the first; undefined: never. */
  readonly hedgeAfterMs: number | undefined;
};

export const DEFAULT_ROUTE: Route = {
  ...{ by: 'weight', only: undefined, without: [], terms: undefined },
  ...{ attempts: 3, hedgeAfterMs: undefined },
};

/** What is known of an operator's model at the moment of the plan. */
export type Standing = {
  readonly health: Health;
  /** Whether the operator has it in memory; undefined: not known. */
  readonly isLoaded: boolean | undefined;
};

export type PlannedAttempt<C> = {
  readonly candidate: C;
  /** How long to wait before it, after the one before has failed. */
  readonly pauseMs: number;
};

type PlanFacts<C> = {
  readonly route: Route;
  readonly standingOf: (candidate: C) => Standing;
  readonly nowMs: number;
  /** In [0, 1). */
  readonly random: () => number;
};

/**
 * Every operator once, in order of tier and then of the client's wish; then again, with growing pauses, up to the attempts
 * asked for. One whose circuit is open comes only where all are, the one that closes first before the others.
 *
 * @returns empty where the client's wish leaves nobody
 */
export function planAttempts<C extends Candidate>(
  candidates: readonly C[],
  { route, standingOf, nowMs, random }: PlanFacts<C>,
): readonly PlannedAttempt<C>[] {
  const agreed = wishedBy(route, candidates).filter(
    ({ terms }) => route.terms?.includes(terms.hash) ?? true,
  );
  const ranked = agreed.map((candidate) => {
    const standing = standingOf(candidate);
    return { candidate, standing, rank: rankOf(candidate, standing, { route, random }) };
  });
  const usable = ranked.filter(({ standing }) => !isOpen(standing.health, nowMs));
  const order =
    usable.length > 0
      ? usable.sort((a, b) => a.candidate.tier - b.candidate.tier || a.rank - b.rank)
      : ranked.sort((a, b) => a.standing.health.openUntil - b.standing.health.openUntil);
  if (order.length === 0) return [];
  return Array.from({ length: route.attempts }, (_, index) => {
    const round = Math.floor(index / order.length);
    const { candidate } = order[index % order.length];
    return { candidate, pauseMs: round === 0 ? 0 : pauseOf(round, random) };
  });
}

/** Those the client names, on whatever terms. */
export const wishedBy = <C extends Candidate>(
  { only, without }: Pick<Route, 'only' | 'without'>,
  candidates: readonly C[],
): readonly C[] =>
  candidates.filter(
    ({ operator }) => (only?.includes(operator) ?? true) && !without.includes(operator),
  );

/** Lower is earlier. */
function rankOf(
  { weight, pricing, stakeUnits }: Candidate,
  { health, isLoaded }: Standing,
  { route, random }: Pick<PlanFacts<never>, 'route' | 'random'>,
): number {
  if (route.by === 'price') return Number(3n * pricing.promptUnits + pricing.completionUnits);
  if (route.by === 'stake') return -Number(stakeUnits);
  if (route.by === 'latency') return health.firstWordMs ?? 0; // who is not known yet is tried
  const trusted = weight * (isLoaded === false ? NOT_LOADED : 1) * 0.5 ** health.failures;
  // Weighted order without replacement (Efraimidis and Spirakis 2006): an exponential of rate `trusted` for each.
  return trusted === 0 ? Number.POSITIVE_INFINITY : -Math.log(1 - random()) / trusted;
}

/** A model that has to be loaded first is worth a quarter of one that is there. */
const NOT_LOADED = 0.25;

const [FIRST_PAUSE_MS, LONGEST_PAUSE_MS] = [100, 2000];

/** Doubling, with half of it left to chance, so that those who failed together do not come back together. */
const pauseOf = (round: number, random: () => number): number =>
  Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (round - 1)) * (0.5 + random() / 2);
