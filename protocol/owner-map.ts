/**
 * Owner maps: whose each word of a sealed record is.
 *
 * Words (`words-1`, symbols left out, as they say nothing) in a row with the same owners make a run. A record's map is hashed
 * into its leaf, so a quoted word is paid to the owners of that very word, whatever else its record holds. What is common or
 * withdrawn belongs to the commons alone, and pays nobody.
 */
import { z } from 'zod';
import { canonicalHash } from './canonical.ts';
import { COMMONS } from './shares.ts';
import {
  EntitlementList,
  type EntitlementVector,
  entitlementHash,
  formatEntitlement,
  parseEntitlement,
  sharesOf,
} from './snapshot.ts';
import type { Shares } from './split.ts';
import { firstAtLeast } from './words.ts';

/** Words in a row, and whose they are. */
export type OwnedWords = { readonly words: number; readonly owners: EntitlementVector };

/** An owner map on the wire. */
export const OwnerMap = z.array(
  z.strictObject({ words: z.number().int().min(1), owners: EntitlementList }),
);
export type OwnerMap = z.output<typeof OwnerMap>;

export const formatOwnerMap = (map: readonly OwnedWords[]): OwnerMap =>
  map.map(({ words, owners }) => ({ words, owners: formatEntitlement(owners) }));

export const parseOwnerMap = (map: OwnerMap): readonly OwnedWords[] =>
  map.map(({ words, owners }) => ({ words, owners: parseEntitlement(owners) }));

/** SHA-256 of the canonical list of runs, each as [words, hash of its owners' vector]: `map` of a leaf. */
export const ownerMapHash = (runs: readonly (readonly [words: number, owners: string])[]): string =>
  canonicalHash(runs.map(([words, owners]) => [words, owners]));

/** The same of a map whose vectors are at hand. */
export const hashOwnerMap = (map: readonly OwnedWords[]): string =>
  ownerMapHash(map.map(({ words, owners }) => [words, entitlementHash(owners)]));

/** How many words a map tells of. */
export const wordsIn = (map: readonly { readonly words: number }[]): number =>
  map.reduce((sum, { words }) => sum + words, 0);

/** Nobody's: common, or withdrawn. Owners that are not known are not nobody: an empty list is a fault elsewhere. */
export const isUnpaid = (owners: Shares): boolean =>
  owners.length > 0 && owners.every(({ to }) => to === COMMONS);

/**
 * Prepares a map to be asked whose a word is, by its number from 0; the words of one run are answered by one list.
 *
 * @throws RangeError for a word that the record does not have
 */
export function ownersByWord(map: readonly OwnedWords[]): (word: number) => Shares {
  const ends: number[] = [];
  const owners: Shares[] = [];
  const known = new Map<EntitlementVector, Shares>();
  let end = 0;
  for (const run of map) {
    end += run.words;
    ends.push(end);
    const shares = known.get(run.owners) ?? sharesOf(run.owners);
    known.set(run.owners, shares);
    owners.push(shares);
  }
  return (word) => {
    if (word < 0 || word >= end) throw new RangeError(`The record has no word ${word}.`);
    return owners[firstAtLeast(ends, word + 1)];
  };
}
