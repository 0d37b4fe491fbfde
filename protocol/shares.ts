/**
 * From evidence to shares: blends what was measured with the prior into a share vector that sums to exactly 2^64.
 *
 * Whole numbers only, so that the server and every verifier get the same vector. Rounding is downwards for measured
 * parts; what it leaves goes to the prior, and within the prior to the last pool.
 */
import { z } from 'zod';
import type { FeePolicy } from './policy.ts';
import { faultOfShares, PPM_ONE, type Shares, WEIGHT_ONE } from './split.ts';

/** Paid where a prior has no pool and a pool has no members. */
export const COMMONS = 'treasury:commons';

/** A weight on the wire: a decimal string from 0 to 2^64. */
export const Weight = z
  .string()
  .regex(/^(0|[1-9][0-9]{0,19})$/, 'Expected a weight as a decimal string.')
  .refine((text) => BigInt(text) <= WEIGHT_ONE, 'A weight is at most 2^64.');

/** A share vector on the wire. */
export const ShareList = z
  .array(z.strictObject({ to: z.string().min(1).max(200), weight: Weight }))
  .superRefine((list, context) => {
    const fault = faultOfShares(list.map(({ to, weight }) => ({ to, weight: BigInt(weight) })));
    if (fault) context.addIssue(fault);
  });

export type ShareList = z.infer<typeof ShareList>;

export const formatShares = (shares: Shares): ShareList =>
  shares.map(({ to, weight }) => ({ to, weight: weight.toString() }));

export const parseShares = (list: ShareList): Shares =>
  list.map(({ to, weight }) => ({ to, weight: BigInt(weight) }));

/** What the evidence of one channel says about an output. */
export type Measured = {
  /** Information of the output's words that are not echo, in 1/65,536 bits. */
  readonly total: bigint;
  /** The part of it that some record covers. */
  readonly covered: bigint;
  /** What each party has of the covered part, in `scale`ths of 1/65,536 bit; together at most covered * scale. */
  readonly parties: readonly { readonly party: string; readonly information: bigint }[];
  readonly scale: bigint;
};

/** A pool's part of the prior, relative to the other pools. */
export type PriorPool = { readonly to: string; readonly weight: bigint };

export type Blend = { readonly shares: Shares; readonly groundedPpm: number };

/**
 * share = c * measured + the rest by the prior.
 *
 * A party's measured weight is floor(c * information / (scale * total) * 2^64). The prior divides what is left by the
 * pools' weights, downwards, the last pool taking the remainder. An output without information is all prior.
 *
 * @param confidencePpm c, how far the evidence is trusted
 * @param pools in any order; the same pool named twice counts with both weights
 */
export function blendShares({
  measured,
  confidencePpm,
  pools,
}: {
  readonly measured: Measured;
  readonly confidencePpm: number;
  readonly pools: readonly PriorPool[];
}): Blend {
  assertMeasured(measured);
  const weights = new Map<string, bigint>();
  const give = (to: string, weight: bigint) => weights.set(to, (weights.get(to) ?? 0n) + weight);

  let rest = WEIGHT_ONE;
  const whole = measured.total * measured.scale * BigInt(PPM_ONE);
  for (const { party, information } of measured.total > 0n ? sumByParty(measured.parties) : []) {
    const weight = (BigInt(confidencePpm) * information * WEIGHT_ONE) / whole;
    give(party, weight);
    rest -= weight;
  }
  for (const { to, weight } of divide(rest, pools)) give(to, weight);

  return {
    shares: [...weights]
      .filter(([, weight]) => weight > 0n)
      .map(([to, weight]) => ({ to, weight }))
      .sort(byName),
    groundedPpm: groundedPpm(measured),
  };
}

/** Covered information over all information that is not echo, rounded down; 0 where there is none. */
export const groundedPpm = ({ total, covered }: Pick<Measured, 'total' | 'covered'>): number =>
  total === 0n ? 0 : Number((covered * BigInt(PPM_ONE)) / total);

/** What part a snapshot had in an inference. */
export const snapshotRoles = ['adapter', 'base', 'context'] as const;
export type SnapshotRole = (typeof snapshotRoles)[number];

/**
 * The prior's pools: each kind of snapshot has its policy weight, divided equally among the snapshots of that kind.
 *
 * Weights are kept exact by multiplying with the other kinds' counts instead of dividing by one's own.
 */
export function priorPools(
  policy: Pick<FeePolicy, 'prior'>,
  snapshots: readonly { readonly role: SnapshotRole; readonly pool: string }[],
): readonly PriorPool[] {
  const kinds = snapshotRoles
    .map((role) => ({
      ppm: policy.prior[`${role}Ppm`],
      pools: [...new Set(snapshots.filter((one) => one.role === role).map(({ pool }) => pool))],
    }))
    .filter(({ ppm, pools }) => ppm > 0 && pools.length > 0);
  const product = kinds.reduce((all, { pools }) => all * BigInt(pools.length), 1n);
  return kinds.flatMap(({ ppm, pools }) =>
    pools.map((to) => ({ to, weight: (BigInt(ppm) * product) / BigInt(pools.length) })),
  );
}

/** Divides a weight over pools, downwards; the last by name takes the remainder, the commons all where no pool weighs. */
function divide(amount: bigint, pools: readonly PriorPool[]): readonly PriorPool[] {
  const sorted = pools.filter(({ weight }) => weight > 0n).sort(byName);
  if (sorted.length === 0) return [{ to: COMMONS, weight: amount }];
  const all = sorted.reduce((sum, { weight }) => sum + weight, 0n);
  let rest = amount;
  return sorted.map(({ to, weight }, i) => {
    const part = i === sorted.length - 1 ? rest : (amount * weight) / all;
    rest -= part;
    return { to, weight: part };
  });
}

/** One entry a party, so that a party named twice is rounded once. */
function sumByParty(parties: Measured['parties']): Measured['parties'] {
  const sums = new Map<string, bigint>();
  for (const { party, information } of parties) {
    sums.set(party, (sums.get(party) ?? 0n) + information);
  }
  return [...sums].map(([party, information]) => ({ party, information }));
}

const byName = (a: { readonly to: string }, b: { readonly to: string }): number =>
  a.to < b.to ? -1 : a.to > b.to ? 1 : 0;

function assertMeasured({ total, covered, parties, scale }: Measured): void {
  if (scale < 1n) throw new Error('The scale of information is at least one.');
  if (covered < 0n || covered > total) throw new Error('More information covered than there is.');
  if (parties.some(({ information }) => information < 0n)) {
    throw new Error('A party has negative information.');
  }
  const given = parties.reduce((sum, { information }) => sum + information, 0n);
  if (given > covered * scale) throw new Error('Parties have more information than was covered.');
}
