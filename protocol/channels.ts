/**
 * 'channels-1': from the evidence of all channels to shares.
 *
 * The data leg has up to three parts, after the kinds of snapshots behind an inference: base, adapter, context. What each
 * part weighs is told by a game on the output's log-likelihood, and within a part one channel divides:
 *
 *     share = weight of the part * (c * what the channel measured + the rest by the part's own prior)
 *
 * The game's players are adapter and context, and its worth is the output's log-likelihood; the bare base model has what
 * it gains over unigrams. Parts have their Shapley values, negative ones count as nothing. A gain too small to be more
 * than noise is no measurement: all of it goes by the prior. Without scores, parts weigh what the policy says.
 *
 * Whole numbers only, from scores that were rounded when they were measured (`channel-evidence.ts`).
 */
import type {
  ChannelEvidence,
  ChannelScores,
  ContextEvidence,
  InfluenceEvidence,
} from './channel-evidence.ts';
import type { Evidence } from './evidence.ts';
import type { FeePolicy } from './policy.ts';
import { type Factor, weightBySampling } from './sampling.ts';
import { COMMONS, type Measured, type SnapshotRole, snapshotRoles } from './shares.ts';
import { PPM_ONE, type Shares, WEIGHT_ONE } from './split.ts';

/** What a channel's evidence is: a causal measurement, text that is there, or what was agreed. */
export const channelKinds = {
  context: 'contributive',
  influence: 'contributive',
  trace: 'corroborative',
  prior: 'contractual',
} as const;
export type Channel = keyof typeof channelKinds;

/** A part of the data leg, and who divides it. */
export type ChannelPart = {
  readonly role: SnapshotRole;
  /** Of 2^64; the parts together are all of it. */
  readonly weight: bigint;
  readonly channel: Channel;
  /** How far the channel is trusted; the rest is the prior's. */
  readonly confidencePpm: number;
  readonly measurement: Measurement;
};

/** Each party's amount of a whole, which together they do not exceed; what is left is nobody's by this measurement. */
type Measurement = {
  readonly parties: readonly { readonly to: string; readonly amount: bigint }[];
  readonly whole: bigint;
};

/** All that shares follow from. */
export type Attributable = {
  readonly policy: Pick<FeePolicy, 'trace' | 'prior' | 'channels'>;
  readonly snapshots: readonly {
    readonly snapshot: string;
    readonly role: SnapshotRole;
    readonly pool: string;
  }[];
  readonly retrieved: readonly { readonly record: string }[];
  /** Of the trace. */
  readonly evidence: Evidence;
  /** Undefined where the engine cannot score. */
  readonly channels: ChannelEvidence | undefined;
  /** Plays the coverage game on evidence of the trace. */
  readonly measure: (evidence: Evidence) => Measured;
  /** A record's entitlement vector. */
  readonly ownersOf: (recordHash: string) => Shares;
};

/** @returns shares that sum to 2^64, sorted */
export function shareByChannels(of: Attributable): Shares {
  const provisional = blend(of, divisionsOf({ ...of, channels: undefined }));
  if (!of.channels?.scores) return provisional;
  const measured = blend(of, divisionsOf(of));
  return weightBySampling({ provisional, measured, ppm: of.channels.draw.ppm });
}

/** The parts of the data leg in the order of `snapshotRoles`, before any weighting by sampling. */
export const partsOf = (of: Attributable): readonly ChannelPart[] => divisionsOf(of);

/**
 * What weighting by sampling makes of what the parts give to a payee.
 *
 * A factor for each payee, since shares move away from the provisional ones; nobody has a share whom the parts give nothing.
 */
export function samplingOf(of: Attributable): (to: string) => Factor {
  const given = weightsOf(blend(of, divisionsOf(of)));
  const shares = weightsOf(shareByChannels(of));
  return (to) => ({ numerator: shares.get(to) ?? 0n, denominator: given.get(to) ?? 1n });
}

const weightsOf = (shares: Shares): ReadonlyMap<string, bigint> =>
  new Map(shares.map(({ to, weight }) => [to, weight]));

/** The trace of one part: passages name only records of its snapshots, or those put into the prompt. */
export function evidenceOfPart(
  { evidence, snapshots, retrieved }: Pick<Attributable, 'evidence' | 'snapshots' | 'retrieved'>,
  role: SnapshotRole,
): Evidence {
  const learned = new Set(snapshots.filter((one) => one.role === role).map((one) => one.snapshot));
  const inPrompt = new Set(retrieved.map(({ record }) => record));
  return {
    ...evidence,
    spans: evidence.spans.map((span) => ({
      ...span,
      records: span.records.filter(({ record, snapshot }) =>
        role === 'context' ? inPrompt.has(record) : learned.has(snapshot),
      ),
    })),
  };
}

const NOTHING: Measurement = { parties: [], whole: 1n };

function divisionsOf(of: Attributable): readonly ChannelPart[] {
  const roles = snapshotRoles.filter((role) => of.snapshots.some((one) => one.role === role));
  const agreed = policyWeights(of.policy, roles);
  const scores = of.channels?.scores;
  const gains = scores && roles.map((role) => gainsOf(scores)[role]);
  if (gains && sumOf(gains) <= 2n * noiseOf(of)) {
    return agreed.map((part) => ({
      ...{ ...part, channel: 'prior', confidencePpm: 0, measurement: NOTHING },
    }));
  }
  const weights = gains ? gameWeights(of.policy, { agreed, gains }) : agreed;
  return weights.map((part) => ({ ...part, ...channelOf(of, part.role) }));
}

type Weighted = Pick<ChannelPart, 'role' | 'weight'>;

/** What the policy gives each part relative to the others there are; equally where it gives none of them anything. */
function policyWeights(
  { prior }: Pick<FeePolicy, 'prior'>,
  roles: readonly SnapshotRole[],
): readonly Weighted[] {
  const ppms = roles.map((role) => BigInt(prior[`${role}Ppm`]));
  const isVoid = ppms.every((ppm) => ppm === 0n);
  return apportion(
    WEIGHT_ONE,
    roles.map((role, i) => ({ role, weight: isVoid ? 1n : ppms[i] })),
  );
}

/** c * the game + (1 - c) * what was agreed. */
function gameWeights(
  { channels }: Pick<FeePolicy, 'channels'>,
  { agreed, gains }: { readonly agreed: readonly Weighted[]; readonly gains: readonly bigint[] },
): readonly Weighted[] {
  const trusted = BigInt(channels.confidencePpm.game);
  const whole = sumOf(gains) * BigInt(PPM_ONE);
  const measured = gains.map((gain) => (trusted * gain * WEIGHT_ONE) / whole);
  const rest = measured.reduce((left, weight) => left - weight, WEIGHT_ONE);
  return apportion(rest, agreed).map(({ role, weight }, i) => ({
    role,
    weight: weight + measured[i],
  }));
}

/**
 * What each part gained the output, in 2^-21 nats, negative gains as nothing: two orders in which two players can come
 * are why everything counts double.
 */
export function gainsOf({ game }: Pick<ChannelScores, 'game'>): Record<SnapshotRole, bigint> {
  const none = BigInt(game.none);
  const adapter = BigInt(game.adapter ?? game.none);
  const context = BigInt(game.context ?? game.none);
  const both = BigInt(game.both ?? game.adapter ?? game.context ?? game.none);
  return {
    base: positive(2n * (none - BigInt(game.unigram))),
    adapter: positive(adapter - none + (both - context)),
    context: positive(context - none + (both - adapter)),
  };
}

/** In 2^-20 nats, of the whole output. */
const noiseOf = ({ policy, channels }: Attributable): bigint =>
  BigInt(policy.channels.noisePerToken) * BigInt(channels?.scores?.tokens ?? 0);

/** The first channel that has something to say of a part. */
function channelOf(of: Attributable, role: SnapshotRole): Omit<ChannelPart, keyof Weighted> {
  const { confidencePpm } = of.policy.channels;
  const { context, influence } = of.channels?.scores ?? {};
  if (role === 'context' && context) {
    const measurement = measuredContext(context, of);
    if (measurement)
      return { channel: 'context', confidencePpm: confidencePpm.context, measurement };
  }
  const trusted = influence ? influenceConfidence(of.policy, influence) : 0;
  if (role === 'adapter' && influence && trusted > 0) {
    const measurement = measuredInfluence(influence, of);
    if (measurement) return { channel: 'influence', confidencePpm: trusted, measurement };
  }
  const measured = of.measure(evidenceOfPart(of, role));
  assertMeasured(measured);
  const { total, scale, parties } = measured;
  if (total === 0n || parties.length === 0)
    return { channel: 'prior', confidencePpm: 0, measurement: NOTHING };
  return {
    channel: 'trace',
    confidencePpm: of.policy.trace.confidencePpm,
    measurement: {
      parties: parties.map(({ party, information }) => ({ to: party, amount: information })),
      whole: total * scale,
    },
  };
}

/** More subset adapters tell more. */
const influenceConfidence = (
  { channels }: Pick<FeePolicy, 'channels'>,
  { adapters }: InfluenceEvidence,
): number =>
  channels.confidencePpm.influence.findLast((step) => step.adapters <= adapters)?.ppm ?? 0;

/** @throws Error for evidence that gives away more than it covers */
function assertMeasured({ total, covered, parties, scale }: Measured): void {
  if (scale < 1n) throw new Error('The scale of information is at least one.');
  if (covered < 0n || covered > total) throw new Error('More information covered than there is.');
  if (parties.some(({ information }) => information < 0n)) {
    throw new Error('A party has negative information.');
  }
  const given = parties.reduce((sum, { information }) => sum + information, 0n);
  if (given > covered * scale) throw new Error('Parties have more information than was covered.');
}

/** @returns undefined when the owners together gained no more than noise */
function measuredContext(context: ContextEvidence, of: Attributable): Measurement | undefined {
  const { values, scale } = ownerValues(context);
  const gains = values.map(positive);
  const sum = sumOf(gains);
  if (sum <= noiseOf(of) * scale) return undefined;
  return {
    parties: context.owners.flatMap(({ records }, i) =>
      of.ownersOf(records[0].record).map(({ to, weight }) => ({ to, amount: gains[i] * weight })),
    ),
    whole: sum * WEIGHT_ONE,
  };
}

/** What each owner is worth, in `scale`ths of 2^-20 nats. */
export function ownerValues({
  algorithm,
  owners,
  scores,
}: Pick<ContextEvidence, 'algorithm' | 'scores'> & { readonly owners: readonly unknown[] }): {
  readonly values: readonly bigint[];
  readonly scale: bigint;
} {
  const exact = scores.map(BigInt);
  if (algorithm === 'context-shapley-1') return shapley(exact);
  const [none, all, ...ends] = exact;
  const count = owners.length;
  const values = owners.map((_, i) => ends[i] - none + (all - ends[count + i]));
  return { values, scale: 2n };
}

/**
 * Shapley values, times n! (Shapley, 1953).
 *
 * @param worth of each coalition; player i is in coalition c where bit i of c is set
 */
export function shapley(worth: readonly bigint[]): {
  readonly values: readonly bigint[];
  readonly scale: bigint;
} {
  const players = Math.log2(worth.length);
  const factorial = [1n];
  for (let n = 1; n <= players; n++) factorial.push(factorial[n - 1] * BigInt(n));
  const values = Array.from({ length: players }, (_, player) => {
    let value = 0n;
    for (let coalition = 0; coalition < worth.length; coalition++) {
      if (coalition & (1 << player)) continue;
      const size = bitsOf(coalition);
      const orders = factorial[size] * factorial[players - size - 1];
      value += orders * (worth[coalition | (1 << player)] - worth[coalition]);
    }
    return value;
  });
  return { values, scale: factorial[players] };
}

function bitsOf(coalition: number): number {
  let bits = 0;
  for (let rest = coalition; rest > 0; rest &= rest - 1) bits++;
  return bits;
}

/**
 * A group has its score of all groups' scores, a record its score of its group's; negative ones count as nothing.
 *
 * @returns undefined when the groups together gained no more than noise
 */
function measuredInfluence(
  { groups }: InfluenceEvidence,
  of: Attributable,
): Measurement | undefined {
  const gains = groups.map(({ score }) => positive(BigInt(score)));
  const sum = sumOf(gains);
  if (sum <= noiseOf(of)) return undefined;
  return {
    parties: groups.flatMap(({ records, rest }, i) => {
      const inGroup = records.reduce((all, { score }) => all + BigInt(score), BigInt(rest));
      return records.flatMap(({ record, score }) => {
        const part = (gains[i] * BigInt(score) * WEIGHT_ONE) / inGroup;
        return of.ownersOf(record).map(({ to, weight }) => ({ to, amount: part * weight }));
      });
    }),
    whole: sum * WEIGHT_ONE * WEIGHT_ONE,
  };
}

/** Measured parts are rounded down; what that leaves is the prior's. */
function blend(of: Attributable, divisions: readonly ChannelPart[]): Shares {
  const weights = new Map<string, bigint>();
  const give = (to: string, weight: bigint) => weights.set(to, (weights.get(to) ?? 0n) + weight);
  for (const { role, weight, confidencePpm, measurement } of divisions) {
    const whole = BigInt(PPM_ONE) * measurement.whole;
    let rest = weight;
    for (const [to, amount] of sumByParty(measurement.parties)) {
      const share = (weight * BigInt(confidencePpm) * amount) / whole;
      give(to, share);
      rest -= share;
    }
    for (const { to, weight } of apportion(rest, poolsOf(of, role))) give(to, weight);
  }
  return [...weights]
    .filter(([, weight]) => weight > 0n)
    .map(([to, weight]) => ({ to, weight }))
    .sort((a, b) => (a.to < b.to ? -1 : 1));
}

/** One entry a party, so that a party named twice is rounded once. */
function sumByParty(parties: Measurement['parties']): ReadonlyMap<string, bigint> {
  const sums = new Map<string, bigint>();
  for (const { to, amount } of parties) sums.set(to, (sums.get(to) ?? 0n) + amount);
  return sums;
}

/** The pools of a part's snapshots, alike; the commons where the policy gives that kind no prior. */
function poolsOf({ policy, snapshots }: Attributable, role: SnapshotRole) {
  const pools = new Set(snapshots.filter((one) => one.role === role).map(({ pool }) => pool));
  const names = policy.prior[`${role}Ppm`] > 0 ? [...pools].sort() : [COMMONS];
  return names.map((to) => ({ to, weight: 1n }));
}

/** Divides an amount by weights, each part rounded down; the last takes what that leaves. */
function apportion<T extends { readonly weight: bigint }>(
  amount: bigint,
  by: readonly T[],
): readonly T[] {
  const all = by.reduce((sum, { weight }) => sum + weight, 0n);
  let rest = amount;
  return by.map((one, i) => {
    const part = i === by.length - 1 ? rest : (amount * one.weight) / all;
    rest -= part;
    return { ...one, weight: part };
  });
}

const sumOf = (gains: readonly bigint[]): bigint => gains.reduce((sum, gain) => sum + gain, 0n);

const positive = (value: bigint): bigint => (value > 0n ? value : 0n);
