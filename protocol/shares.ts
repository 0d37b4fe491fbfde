/** Share vectors on the wire, and what one channel says of an output. How channels become shares: `channels.ts`. */
import { z } from 'zod';
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

/** Covered information over all information that is not echo, rounded down; 0 where there is none. */
export const groundedPpm = ({ total, covered }: Pick<Measured, 'total' | 'covered'>): number =>
  total === 0n ? 0 : Number((covered * BigInt(PPM_ONE)) / total);

/** What part a snapshot had in an inference. */
export const snapshotRoles = ['adapter', 'base', 'context'] as const;
export type SnapshotRole = (typeof snapshotRoles)[number];
