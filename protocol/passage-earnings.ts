/** What each passage of a receipt earned, and for whom. */
import { type Attributable, evidenceOfPart, partsOf, samplingOf } from './channels.ts';
import { COVERAGE_SCALE, type OwnersOf } from './coverage.ts';
import type { Evidence } from './evidence.ts';
import { isUnpaid } from './owner-map.ts';
import { PPM_ONE, type Shares, WEIGHT_ONE } from './split.ts';

export type PassageEarnings = {
  readonly units: bigint;
  /** Largest first; they sum to the units, but for rounding. */
  readonly parties: readonly { readonly party: string; readonly units: bigint }[];
};

/**
 * Divides what the trace measured of a data leg over the passages and the owners of their words, by information.
 *
 * A word counts in equal parts for its distinct owners, as in the coverage game; what an owner has of a word counts in equal
 * parts for those overlapping passages that name him for it. Each part of the leg that the trace divides is divided by the
 * passages in its own records. Rounded down: a passage is a way to look at a receipt, while credits are rounded once, over a
 * party's whole life.
 *
 * @param dataUnits the data leg
 * @returns in the order of the evidence; nothing for commons and for words that are nobody's
 */
export function passageEarnings(
  of: Attributable,
  dataUnits: bigint,
  ownersOf: OwnersOf,
): readonly PassageEarnings[] {
  const sums = of.evidence.spans.map(() => new Map<string, bigint>()); // party -> units, in 2^-64
  const factorOf = samplingOf(of);
  for (const part of partsOf(of)) {
    if (part.channel !== 'trace') continue;
    const evidence = evidenceOfPart(of, part.role);
    const worth = dataUnits * part.weight * BigInt(part.confidencePpm);
    const whole = BigInt(evidence.information.total) * COVERAGE_SCALE * BigInt(PPM_ONE);
    for (const [k, parties] of informationOf(evidence, ownersOf).entries()) {
      for (const [party, information] of parties) {
        const { numerator, denominator } = factorOf(party);
        const units = (worth * information * numerator) / (whole * denominator);
        sums[k].set(party, (sums[k].get(party) ?? 0n) + units);
      }
    }
  }
  return sums.map((fine) => ({
    units: [...fine.values()].reduce((sum, units) => sum + units, 0n) / WEIGHT_ONE,
    parties: [...fine]
      .map(([party, units]) => ({ party, units: units / WEIGHT_ONE }))
      .sort((a, b) => (a.units === b.units ? 0 : a.units > b.units ? -1 : 1)),
  }));
}

/** Of each passage, what each party has of its words, in 2^-128 of 1/65,536 bit. */
function informationOf(
  { spans }: Evidence,
  ownersOf: OwnersOf,
): readonly ReadonlyMap<string, bigint>[] {
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
  return spans.map((span, k) => {
    const parts = new Map<string, bigint>();
    for (const [i, owners] of named[k].entries()) {
      const counts = passagesOf.get(span.firstWord + i) ?? new Map<string, number>();
      const worth = BigInt(span.information[i]) * WEIGHT_ONE;
      for (const [key, shares] of owners) {
        const part = worth / BigInt(counts.size) / BigInt(counts.get(key) ?? 1);
        for (const { to, weight } of shares) parts.set(to, (parts.get(to) ?? 0n) + part * weight);
      }
    }
    return parts;
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
