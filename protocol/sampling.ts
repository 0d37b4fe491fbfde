/**
 * Which inferences are measured, where the policy's share of the price does not pay for measuring all of them.
 *
 * A measured inference then stands for those that were not: its shares are moved from the provisional ones by the
 * measured difference times 1/p (Horvitz and Thompson, 1952), as far as nobody's share becomes negative.
 */
import { type Draw, MOST_SHAPLEY_OWNERS } from './channel-evidence.ts';
import { sha256Hex } from './hash.ts';
import type { FeePolicy } from './policy.ts';
import { PPM_ONE, type Shares } from './split.ts';

/** Forward passes over prompt and output that all channels need, at most; 0 where there is nothing to tell apart. */
export function passesFor({
  hasAdapter,
  records,
  adapters,
}: {
  readonly hasAdapter: boolean;
  /** Of the ensemble for influence. */
  readonly adapters: number;
  /** Retrieved ones, each counted once: owners are no more than these. */
  readonly records: number;
}): number {
  if (!hasAdapter && records === 0) return 0;
  const byContext = records <= MOST_SHAPLEY_OWNERS ? 2 ** records : 2 * records + 2;
  if (!hasAdapter) return byContext;
  return byContext + (records > 0 ? 2 : 1) + adapters;
}

/** How likely an inference is measured, in ppm: certain, unless that would cost more than the policy's part of its price. */
export function samplingPpm(
  { channels: { scoring } }: Pick<FeePolicy, 'channels'>,
  {
    priceUnits,
    tokens,
    passes,
  }: {
    readonly priceUnits: bigint;
    /** Of prompt and answer together. */
    readonly tokens: number;
    readonly passes: number;
  },
): number {
  const cost = BigInt(passes) * BigInt(tokens) * BigInt(scoring.tokenUnits);
  const most = priceUnits * BigInt(scoring.pricePpm);
  return most >= cost * BigInt(PPM_ONE) ? PPM_ONE : Number(most / cost);
}

/** Whether the draw falls on an inference. The checkpoint was signed before anybody knew which they would be. */
export function isDrawn({ ppm, checkpoint }: Omit<Draw, 'passes'>, inferenceId: string): boolean {
  if (ppm === PPM_ONE) return true;
  if (!checkpoint) return false;
  const drawn = BigInt(`0x${sha256Hex(`${checkpoint.root} ${inferenceId}`).slice(0, 16)}`);
  return drawn * BigInt(PPM_ONE) < BigInt(ppm) * 2n ** 64n;
}

/** A measured vector, the one without measuring, and the probability p of measuring, above zero. */
type Sampled = {
  readonly provisional: Shares;
  readonly measured: Shares;
  readonly ppm: number;
};

export type Factor = { readonly numerator: bigint; readonly denominator: bigint };

/** min(1 / p, the largest factor of the difference that leaves nobody below zero). */
function samplingFactor({ provisional, measured, ppm }: Sampled): Factor {
  let factor = { numerator: BigInt(PPM_ONE), denominator: BigInt(ppm) };
  if (ppm === PPM_ONE) return factor;
  for (const { from, by } of changesOf(provisional, measured)) {
    if (by < 0n && from * factor.denominator < -by * factor.numerator) {
      factor = { numerator: from, denominator: -by };
    }
  }
  return factor;
}

/**
 * provisional + (measured - provisional) * the factor.
 *
 * Over draws the mean is the measured vector wherever the factor is 1/p, and lies between the two elsewhere. Rounded
 * downwards; the last payee by name takes what that leaves.
 */
export function weightBySampling(sampled: Sampled): Shares {
  if (sampled.ppm === PPM_ONE) return sampled.measured;
  const factor = samplingFactor(sampled);
  const changes = changesOf(sampled.provisional, sampled.measured);
  const moved = changes.map(({ to, from, by }) => ({
    to,
    weight: from + floorOf(by * factor.numerator, factor.denominator),
  }));
  const left = changes.reduce((sum, { from }) => sum + from, 0n) - sumOf(moved);
  return moved
    .map((one, i) => (i === moved.length - 1 ? { ...one, weight: one.weight + left } : one))
    .filter(({ weight }) => weight > 0n);
}

/** Payee by payee, by name. */
function changesOf(provisional: Shares, measured: Shares) {
  const before = new Map(provisional.map(({ to, weight }) => [to, weight]));
  const after = new Map(measured.map(({ to, weight }) => [to, weight]));
  return [...new Set([...before.keys(), ...after.keys()])].sort().map((to) => {
    const from = before.get(to) ?? 0n;
    return { to, from, by: (after.get(to) ?? 0n) - from };
  });
}

const floorOf = (numerator: bigint, denominator: bigint): bigint => {
  const quotient = numerator / denominator;
  return numerator % denominator < 0n ? quotient - 1n : quotient;
};

const sumOf = (shares: Shares): bigint => shares.reduce((sum, { weight }) => sum + weight, 0n);
