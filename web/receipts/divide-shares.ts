/** A share vector divided into what evidence gave and what the prior gave. */
import { type InferenceReceipt, PPM_ONE, parseShares, WEIGHT_ONE } from '@openledger/protocol';

export type Payee = {
  /** A party, a pool or the commons. */
  readonly to: string;
  /** Rounded down. */
  readonly units: bigint;
};

export type DividedShares = {
  readonly evidencePpm: number;
  /** Parties that evidence names, the largest first. */
  readonly parties: readonly Payee[];
  /** Pools: everybody in a snapshot, by information and quality. */
  readonly prior: readonly Payee[];
};

export function divideShares(receipt: Pick<InferenceReceipt, 'shares' | 'legs'>): DividedShares {
  const data = BigInt(receipt.legs.find(({ role }) => role === 'data')?.units ?? 0);
  const shares = parseShares(receipt.shares);
  const isParty = ({ to }: { readonly to: string }) => to.startsWith('pty_');
  const payees = (list: typeof shares) =>
    list
      .map(({ to, weight }) => ({ to, units: (data * weight) / WEIGHT_ONE }))
      .sort((a, b) => (a.units < b.units ? 1 : a.units > b.units ? -1 : 0));
  const measured = shares.filter(isParty).reduce((sum, { weight }) => sum + weight, 0n);
  return {
    evidencePpm: Number((measured * BigInt(PPM_ONE)) / WEIGHT_ONE),
    parties: payees(shares.filter(isParty)),
    prior: payees(shares.filter((share) => !isParty(share))),
  };
}
