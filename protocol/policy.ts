/**
 * The fee policy: which part of a price goes to whom, and how evidence becomes shares.
 *
 * A canonical JSON document, named by its SHA-256. Every receipt cites that hash, so whoever holds the document can
 * recompute the split.
 */
import { z } from 'zod';
import { canonicalHash } from './canonical.ts';
import { Units } from './money.ts';
import { type Leg, PPM_ONE } from './split.ts';

/** A part per million. */
export const Ppm = z.number().int().min(0).max(PPM_ONE);

const sumToOne = (parts: readonly number[]) => parts.reduce((a, b) => a + b, 0) === PPM_ONE;

/** How one price is split over roles. The parts, with the three of the protocol, sum to 10^6 ppm. */
export const FeeSchedule = z
  .strictObject({
    dataPpm: Ppm,
    builderPpm: Ppm,
    /** What the base model's builder has of the builder's part when an adapter is served; of the price, not of the part. */
    baseFloorPpm: Ppm,
    operatorPpm: Ppm,
    protocol: z.strictObject({ stakersPpm: Ppm, treasuryPpm: Ppm, insurancePpm: Ppm }),
  })
  .refine(
    ({ dataPpm, builderPpm, operatorPpm, protocol }) =>
      sumToOne([dataPpm, builderPpm, operatorPpm, ...Object.values(protocol)]),
    'The parts of a schedule must sum to 1000000 ppm.',
  )
  .refine(
    ({ baseFloorPpm, builderPpm }) => baseFloorPpm <= builderPpm,
    "The base model's floor must fit into the builder's part.",
  );

export type FeeSchedule = z.infer<typeof FeeSchedule>;

export const FeePolicy = z.strictObject({
  version: z.literal('openledger-policy-1'),
  /** For an inference with registered data behind it: a model's snapshots, or retrieved records. */
  withData: FeeSchedule,
  /** For one without: no data leg, and its receipt says so. */
  withoutData: FeeSchedule.refine(
    ({ dataPpm }) => dataPpm === 0,
    'Without registered data there is no data leg.',
  ),
  /** For passages that are read for pay, without a model: the operator's part is the datanet's owner's. */
  reads: FeeSchedule.refine(({ builderPpm }) => builderPpm === 0, 'A read has no builder.'),
  trace: z.strictObject({
    algorithm: z.literal('trace-1'),
    /** The shortest passage, in words, that counts as evidence. */
    minWords: z.number().int().min(2).max(1000),
    /** The most records of one passage that share in it; the earliest are kept. */
    maxRecords: z.number().int().min(1).max(1000),
    /** How far the evidence is trusted; the rest of each share follows the prior. Verbatim is not causal: half at most. */
    confidencePpm: Ppm.max(500_000),
  }),
  /** The channels beside the trace: what an engine measured. */
  channels: z.strictObject({
    algorithm: z.literal('channels-1'),
    /** How far each measurement is trusted: what the game says of the parts, and who divides a part. */
    confidencePpm: z.strictObject({
      game: Ppm,
      context: Ppm,
      /** By how many subset adapters it is measured at least, ascending; with fewer it is not trusted at all. */
      influence: z
        .array(z.strictObject({ adapters: z.number().int().min(1), ppm: Ppm }))
        .refine(
          (steps) => steps.every((step, i) => i === 0 || steps[i - 1].adapters < step.adapters),
          'The steps of influence ascend.',
        ),
    }),
    /** A gain of log-likelihood up to this is noise, in 2^-20 nats for each token of the output. */
    noisePerToken: z
      .number()
      .int()
      .min(0)
      .max(2 ** 30),
    scoring: z.strictObject({
      /** The most that measuring may cost, of the price; beyond it inferences are sampled. */
      pricePpm: Ppm,
      /** What one token costs in one scoring pass. */
      tokenUnits: Units,
    }),
  }),
  /** What each kind of snapshot weighs in the prior, relative to the kinds an inference has. */
  prior: z
    .strictObject({ adapterPpm: Ppm, basePpm: Ppm, contextPpm: Ppm })
    .refine((parts) => Object.values(parts).some((ppm) => ppm > 0), 'The prior weighs nothing.'),
  /** What a refiner keeps of the refined record, by the kind of his work. */
  refinerShares: z.strictObject({
    clean: Ppm,
    chunk: Ppm,
    annotate: Ppm,
    translate: Ppm,
    qa: Ppm,
  }),
});

export type FeePolicy = z.infer<typeof FeePolicy>;

/**
 * The policy that is in force until governance decides otherwise. Trace and influence are trusted as far as the published
 * calibration says (`docs/calibration.md`), and no further: `test/calibrate/policy.test.ts`.
 */
export const defaultPolicy: FeePolicy = {
  version: 'openledger-policy-1',
  withData: {
    dataPpm: 500_000,
    builderPpm: 200_000,
    baseFloorPpm: 80_000,
    operatorPpm: 200_000,
    protocol: { stakersPpm: 50_000, treasuryPpm: 30_000, insurancePpm: 20_000 },
  },
  withoutData: {
    dataPpm: 0,
    builderPpm: 200_000,
    baseFloorPpm: 80_000,
    operatorPpm: 700_000,
    protocol: { stakersPpm: 50_000, treasuryPpm: 30_000, insurancePpm: 20_000 },
  },
  reads: {
    dataPpm: 800_000,
    builderPpm: 0,
    baseFloorPpm: 0,
    operatorPpm: 100_000,
    protocol: { stakersPpm: 50_000, treasuryPpm: 30_000, insurancePpm: 20_000 },
  },
  trace: { algorithm: 'trace-1', minWords: 8, maxRecords: 64, confidencePpm: 343_000 },
  channels: {
    algorithm: 'channels-1',
    confidencePpm: {
      game: 500_000,
      context: 500_000,
      influence: [
        { adapters: 16, ppm: 336_000 },
        { adapters: 32, ppm: 458_000 },
        { adapters: 64, ppm: 499_000 },
      ],
    },
    noisePerToken: 10_486, // a hundredth of a nat
    scoring: { pricePpm: 100_000, tokenUnits: '500000000000' },
  },
  prior: { adapterPpm: 500_000, basePpm: 500_000, contextPpm: 500_000 },
  refinerShares: {
    clean: 20_000,
    chunk: 10_000,
    annotate: 100_000,
    translate: 300_000,
    qa: 300_000,
  },
};

/** SHA-256 of the policy's canonical document, lower-case hex: the name by which receipts cite it. */
export const policyHash = (policy: FeePolicy): string => canonicalHash(policy);

/** Who a price can go to. `data` is the control account from which contributors are credited. */
export const feeRoles = [
  'data',
  'builder',
  'base',
  'operator',
  'stakers',
  'treasury',
  'insurance',
] as const;

export type FeeRole = (typeof feeRoles)[number];

/** The leg that takes what rounding leaves over. */
export const REMAINDER_ROLE = 'treasury' satisfies FeeRole;

/**
 * The legs of a price by role, in the order of `feeRoles`; a role without a part is left out, the treasury never is.
 *
 * @param facts.hasData whether registered data stands behind the inference
 * @param facts.hasAdapter whether an adapter was served, so that the base model's builder has his floor
 */
export function feeLegs(
  policy: FeePolicy,
  facts: { readonly hasData: boolean; readonly hasAdapter: boolean },
): readonly (Leg & { readonly to: FeeRole })[] {
  const schedule = facts.hasData ? policy.withData : policy.withoutData;
  return legsOf(schedule, facts.hasAdapter ? schedule.baseFloorPpm : 0);
}

/** The legs of what is paid for reading: those who own the passages, the datanet's owner, the protocol. */
export const readLegs = ({ reads }: FeePolicy): ReturnType<typeof feeLegs> => legsOf(reads, 0);

function legsOf(schedule: FeeSchedule, basePpm: number): ReturnType<typeof feeLegs> {
  const parts: Record<FeeRole, number> = {
    data: schedule.dataPpm,
    builder: schedule.builderPpm - basePpm,
    base: basePpm,
    operator: schedule.operatorPpm,
    stakers: schedule.protocol.stakersPpm,
    treasury: schedule.protocol.treasuryPpm,
    insurance: schedule.protocol.insurancePpm,
  };
  return feeRoles
    .map((to) => ({ to, ppm: parts[to] }))
    .filter(({ to, ppm }) => ppm > 0 || to === REMAINDER_ROLE);
}
