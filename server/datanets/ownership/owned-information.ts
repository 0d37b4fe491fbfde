/** What content is worth: the information of tokens, summed by those who own them. Whole numbers only. */
import { type Claim, type EntitlementVector, entitlementOf } from '@openledger/protocol';
import { isUnpaid, type OwnedRun } from './ownership.ts';

/** Information of a record's tokens, in its order, each in 1/65,536 bits; 0 for symbols. */
export type TokenInformation = ArrayLike<number>;

/** What a record adds to a snapshot. */
export type Owned = {
  /** In 1/65,536 bits. */
  readonly information: bigint;
  /** Of that information. Empty where there is none. */
  readonly owners: EntitlementVector;
};

/**
 * Who is entitled to a record: the owners of its tokens, each token by its information.
 *
 * A record that says nothing is divided by its tokens. Empty for a record without tokens.
 */
export function entitlementByContent(
  runs: readonly OwnedRun[],
  information: TokenInformation,
): EntitlementVector {
  const { owners } = sumByOwners(runs, (place) => information[place]);
  return owners.length > 0 ? owners : entitlementByTokens(runs);
}

/** The same with each token counting alike. */
export const entitlementByTokens = (runs: readonly OwnedRun[]): EntitlementVector =>
  sumByOwners(runs, () => 1).owners;

/**
 * Prepares to count the owned information of the records of a snapshot, given one after the other.
 *
 * A text counts where it stands first among them. Where it stands again, in the same record or another, it adds nothing
 * for anybody, its owners included: so copies, splits and shells own no more than what they were made of. What is unpaid
 * counts nowhere.
 */
export function createOwnedInformation(): (
  runs: readonly OwnedRun[],
  information: TokenInformation,
) => Owned {
  let counted = new Uint8Array(1024); // per position: 1 once its information is counted
  return (runs, information) =>
    sumByOwners(runs, (place, origin, owners) => {
      if (isUnpaid(owners)) return 0;
      if (origin >= counted.length) {
        const larger = new Uint8Array(Math.max(2 * counted.length, origin + 1));
        larger.set(counted);
        counted = larger;
      }
      if (counted[origin]) return 0;
      counted[origin] = 1;
      return information[place];
    });
}

function sumByOwners(
  runs: readonly OwnedRun[],
  worthOf: (place: number, origin: number, owners: EntitlementVector) => number,
): Owned {
  const sums = new Map<EntitlementVector, number>(); // at most 10^6 tokens of 2^22 each: exact
  let place = 0;
  let information = 0;
  for (const { tokens, origin, owners } of runs) {
    let worth = 0;
    for (let i = 0; i < tokens; i++) worth += worthOf(place++, origin + i, owners);
    if (worth > 0) sums.set(owners, (sums.get(owners) ?? 0) + worth);
    information += worth;
  }
  const claims = [...sums].flatMap(([owners, worth]) =>
    owners.map(({ party, weight }): Claim => ({ party, weight: BigInt(worth) * weight })),
  );
  return { information: BigInt(information), owners: entitlementOf(claims) };
}
