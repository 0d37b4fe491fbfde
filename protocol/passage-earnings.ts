/** What each passage of a receipt earned, and for whom. */
import type { OwnersOf } from './coverage.ts';
import type { Evidence } from './evidence.ts';
import { isUnpaid } from './owner-map.ts';
import { PPM_ONE, type Shares, WEIGHT_ONE } from './split.ts';

export type PassageEarnings = {
  readonly units: bigint;
  /** Largest first; they sum to the units, but for rounding. */
  readonly parties: readonly { readonly party: string; readonly units: bigint }[];
};

/**
 * Divides the measured part of a data leg over the passages and the owners of their words, by information.
 *
 * A word counts in equal parts for its distinct owners, as in the coverage game; what an owner has of a word counts in equal
 * parts for those overlapping passages that name him for it. Rounded down: a passage is a way to look at a receipt, while
 * credits are rounded once, over a party's whole life.
 *
 * @param dataUnits the data leg
 * @returns in the order of the evidence; nothing for commons and for words that are nobody's
 */
export function passageEarnings(
  { spans, information, confidencePpm }: Evidence,
  dataUnits: bigint,
  ownersOf: OwnersOf,
): readonly PassageEarnings[] {
  const keyOf = ownerKeys();
  const passagesOf = new Map<number, Map<string, number>>(); // word -> owners -> how many passages name them
  const named = spans.map(({ firstWord, words, records }) =>
    Array.from({ length: words }, (_, i) => {
      const owners = new Map<string, Shares>();
      for (const { record, firstWord: from } of records) {
        const found = ownersOf(record, from + i);
        if (!isUnpaid(found)) owners.set(keyOf(found), found);
      }
      const counts = passagesOf.get(firstWord + i) ?? new Map<string, number>();
      for (const key of owners.keys()) counts.set(key, (counts.get(key) ?? 0) + 1);
      passagesOf.set(firstWord + i, counts);
      return owners;
    }),
  );
  const whole = BigInt(information.total) * BigInt(PPM_ONE) * WEIGHT_ONE * WEIGHT_ONE;
  return spans.map((span, k) => {
    const parts = new Map<string, bigint>(); // party -> information in 2^-128
    for (const [i, owners] of named[k].entries()) {
      const counts = passagesOf.get(span.firstWord + i) ?? new Map<string, number>();
      const worth = BigInt(span.information[i]) * WEIGHT_ONE;
      for (const [key, shares] of owners) {
        const part = worth / BigInt(counts.size) / BigInt(counts.get(key) ?? 1);
        for (const { to, weight } of shares) parts.set(to, (parts.get(to) ?? 0n) + part * weight);
      }
    }
    const unitsOf = (part: bigint) =>
      whole === 0n ? 0n : (dataUnits * BigInt(confidencePpm) * part) / whole;
    const parties = [...parts]
      .map(([party, part]) => ({ party, units: unitsOf(part) }))
      .sort((a, b) => (a.units === b.units ? 0 : a.units > b.units ? -1 : 1));
    return { units: unitsOf([...parts.values()].reduce((a, b) => a + b, 0n)), parties };
  });
}

/** One text for one vector, each list once. */
function ownerKeys(): (owners: Shares) => string {
  const known = new Map<Shares, string>();
  return (owners) => {
    const key =
      known.get(owners) ??
      owners
        .map(({ to, weight }) => `${to} ${weight}`)
        .sort()
        .join();
    known.set(owners, key);
    return key;
  };
}
