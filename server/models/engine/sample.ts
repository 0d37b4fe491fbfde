/**
 * Chooses the next token: the model's distribution, cut and cooled, mixed with counts from the texts themselves.
 *
 * p = (1 - lambda) * model + lambda * counts, lambda rising with the length of the match
 * (Liu et al., "Infini-gram: scaling unbounded n-gram language models to a trillion tokens", 2024, section 4).
 */
import type { NextTokens } from '../../compute/infinity-gram.ts';
import type { Random } from '../../compute/random.ts';

export type SamplingSettings = {
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
};

export type Choice = {
  readonly token: number;
  readonly logprob: number;
  /** The likeliest tokens, best first. */
  readonly top: readonly { readonly token: number; readonly logprob: number }[];
};

export const defaultSampling: SamplingSettings = { temperature: 0.4, topK: 40, topP: 0.92 };

/** How much the counts weigh: hardly before two tokens match, and never all. */
export function interpolationWeight(matchLength: number): number {
  if (matchLength < 2) return 0.3;
  return matchLength < 4 ? 0.7 : 0.85;
}

/**
 * @param logits one number a token, [V]
 * @param banned tokens that may not come, unless nothing else is left
 * @param alternatives how many of the likeliest to report
 */
export function sample(
  logits: Float32Array,
  {
    settings,
    continuation,
    banned,
    alternatives,
    random,
  }: {
    readonly settings: SamplingSettings;
    readonly continuation: NextTokens | undefined;
    readonly banned: ReadonlySet<number>;
    readonly alternatives: number;
    readonly random: Random;
  },
): Choice {
  const mixed = interpolate(modelDistribution(logits, settings), continuation);
  const allowed = [...mixed].filter(([token]) => !banned.has(token));
  const ranked = (allowed.length > 0 ? allowed : [...mixed]).sort(
    (a, b) => b[1] - a[1] || a[0] - b[0],
  );
  const [token, probability] =
    settings.temperature === 0 ? ranked[0] : draw(nucleus(ranked, settings.topP), random);
  return {
    token,
    logprob: Math.log(probability),
    top: ranked
      .slice(0, alternatives)
      .map(([other, p]) => ({ token: other, logprob: Math.log(p) })),
  };
}

type Weighted = readonly [token: number, probability: number];

function modelDistribution(
  logits: Float32Array,
  { temperature, topK }: SamplingSettings,
): Map<number, number> {
  const kept = largest(logits, topK);
  const cooled = temperature === 0 ? 1 : temperature;
  const peak = logits[kept[0]];
  const weights = kept.map((token) => Math.exp((logits[token] - peak) / cooled));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return new Map(kept.map((token, index) => [token, weights[index] / total]));
}

/** The k largest entries' indices, best first; equal ones in index order. */
function largest(logits: Float32Array, k: number): readonly number[] {
  const best: number[] = [];
  for (let token = 0; token < logits.length; token++) {
    if (best.length === k && logits[token] <= logits[best[k - 1]]) continue;
    let at = best.length;
    while (at > 0 && logits[best[at - 1]] < logits[token]) at--;
    best.splice(at, 0, token);
    if (best.length > k) best.pop();
  }
  return best;
}

function interpolate(
  model: ReadonlyMap<number, number>,
  continuation: NextTokens | undefined,
): ReadonlyMap<number, number> {
  if (!continuation || continuation.total === 0) return model;
  const lambda = interpolationWeight(continuation.matchLength);
  const mixed = new Map([...model].map(([token, p]) => [token, (1 - lambda) * p]));
  for (const [token, count] of continuation.counts) {
    mixed.set(token, (mixed.get(token) ?? 0) + (lambda * count) / continuation.total);
  }
  return mixed;
}

/** The likeliest tokens that together reach the probability p (Holtzman et al., 2020). */
function nucleus(ranked: readonly Weighted[], p: number): readonly Weighted[] {
  const total = ranked.reduce((sum, [, probability]) => sum + probability, 0);
  let reached = 0;
  const size = ranked.findIndex(([, probability]) => {
    reached += probability;
    return reached >= p * total;
  });
  return size < 0 ? ranked : ranked.slice(0, size + 1);
}

function draw(weighted: readonly Weighted[], random: Random): Weighted {
  let left = random.uniform() * weighted.reduce((sum, [, probability]) => sum + probability, 0);
  for (const entry of weighted) {
    left -= entry[1];
    if (left <= 0) return entry;
  }
  return weighted[weighted.length - 1];
}

/** Tokens that would complete an n-gram which stands in the text already: small models loop without this. */
export function repeating(
  tokens: readonly number[],
  { from, size }: { from: number; size: number },
): ReadonlySet<number> {
  const banned = new Set<number>();
  const tail = tokens.length - (size - 1);
  if (tail < from) return banned;
  for (let start = from; start + size <= tokens.length; start++) {
    let same = 0;
    while (same < size - 1 && tokens[start + same] === tokens[tail + same]) same++;
    if (same === size - 1) banned.add(tokens[start + size - 1]);
  }
  return banned;
}
