/** Entitlement vectors by number, each distinct one once. */
import { type EntitlementVector, sharedEntitlement } from '@openledger/protocol';

export type Owners = {
  readonly claim: (vector: EntitlementVector) => number;
  /** All of them alike, whatever their order; the party is that of the first. */
  readonly share: (claims: readonly number[]) => number;
  readonly vectorOf: (owner: number) => EntitlementVector;
  /** A number for the party that has most of it: equal for equal parties. */
  readonly partyOf: (owner: number) => number;
};

export function createOwners(): Owners {
  /** Made when somebody asks: what thousands share is mostly common, and then nobody does. */
  const vectors: (EntitlementVector | (() => EntitlementVector))[] = [];
  const partyOf: number[] = [];
  const byKey = new Map<string, number>();
  const parties = new Map<string, number>();

  function intern(key: string, make: () => EntitlementVector, party: () => number): number {
    const known = byKey.get(key);
    if (known !== undefined) return known;
    byKey.set(key, vectors.length);
    partyOf.push(party());
    return vectors.push(make) - 1;
  }

  function numberOf(party: string): number {
    const known = parties.get(party) ?? parties.size;
    parties.set(party, known);
    return known;
  }

  function vectorOf(owner: number): EntitlementVector {
    const known = vectors[owner];
    if (typeof known !== 'function') return known;
    const made = known();
    vectors[owner] = made;
    return made;
  }

  const largest = (vector: EntitlementVector): string =>
    vector.reduce((most, one) => (one.weight > most.weight ? one : most)).party;

  return {
    claim: (vector) =>
      intern(
        vector.map(({ party, weight }) => `${party} ${weight}`).join(),
        () => vector,
        () => numberOf(largest(vector)),
      ),
    share: (claims) => {
      const distinct = [...new Set(claims)];
      if (distinct.length === 1) return distinct[0];
      return intern(
        `shared ${[...distinct].sort((a, b) => a - b).join()} by ${partyOf[claims[0]]}`,
        () => sharedEntitlement(distinct.map(vectorOf)),
        () => partyOf[claims[0]],
      );
    },
    vectorOf,
    partyOf: (owner) => partyOf[owner],
  };
}
