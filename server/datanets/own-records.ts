/** Whose the records of a snapshot are, by their content: the datanet's texts resolved in the order of their acceptance. */
import {
  type EntitlementVector,
  informationIn,
  isWord,
  type OwnedWords,
  refinedEntitlement,
  sharedEntitlement,
  type UnigramTable,
} from '@openledger/protocol';
import { claimsTo } from './authorship.ts';
import type { DatanetLineage, SealedRecord } from './claims.ts';
import type { DisputedClaims } from './disputes/disputed-claims.ts';
import {
  createOwnedInformation,
  entitlementByContent,
  entitlementByTokens,
  type Owned,
} from './ownership/owned-information.ts';
import {
  type AcceptedRecord,
  createOwnership,
  isUnpaid,
  type OwnedRun,
  type Ownership,
  UNPAID,
} from './ownership/ownership.ts';
import type { TokenIds, TokenizedText } from './ownership/token-ids.ts';
import type { RecordTokens } from './read-tokens.ts';

/** A record whose owners follow from its text, and what it adds to the snapshot. */
export type OwnedRecord = SealedRecord & {
  /** ppm. */
  readonly quality: number;
  /** Of its words, in 1/65,536 bits. */
  readonly information: bigint;
  readonly owned: Owned;
  /** Whose each of its words is, its refiners' parts taken. */
  readonly map: readonly OwnedWords[];
};

/**
 * Resolves everything ever contributed, then the refined records that descend from it.
 *
 * Contributions of one import that were accepted one after the other, without a seal between them, have no order.
 * Refined text passes to its sources; each refiner keeps his part of what he refined.
 */
export function ownRecords(
  records: readonly SealedRecord[],
  {
    ids,
    textOf,
    table,
    ...accepted
  }: Accepted & { readonly ids: TokenIds; readonly table: UnigramTable },
): readonly OwnedRecord[] {
  const ownership = createOwnership();
  const numbers = acceptContributions(ownership, { textOf, ...accepted });
  const informationOf = tokenInformation(ids, table);
  const countOwned = createOwnedInformation();
  const mapOf = createOwnerMaps(ids);
  return records.map((record): OwnedRecord => {
    const text = textOf(record.hash);
    const number = numbers.get(record.hash);
    const runs =
      number === undefined
        ? runsOfRefined(text, ownersOfSources(record, numbers, ownership), ownership)
        : ownership.runsOf(number);
    const information = informationOf(text.tokens);
    const byContent = entitlementByContent(runs, information);
    const fresh = countOwned(runs, information);
    const owners = byContent.length > 0 ? refined(byContent, record) : record.owners;
    return {
      ...record,
      owners,
      quality: text.quality,
      information: BigInt(information.reduce((sum, one) => sum + one, 0)),
      owned: {
        information: fresh.information,
        owners: fresh.owners.length > 0 ? refined(fresh.owners, record) : owners,
      },
      map: mapOf(text, runs, record),
    };
  });
}

/** Everything that was ever contributed, and what was decided about it. */
type Accepted = {
  readonly lineage: DatanetLineage;
  readonly textOf: (recordHash: string) => RecordTokens;
  readonly claimsOf: DisputedClaims;
  /** When the datanet was sealed, the first time first. */
  readonly seals: readonly Date[];
};

/** @returns the number of each contribution's record */
function acceptContributions(
  ownership: Ownership,
  { lineage: { contributions, withdrawn }, textOf, claimsOf, seals }: Accepted,
): ReadonlyMap<string, number> {
  const numbers = new Map<string, number>();
  let closed = 0; // seals that came before the contributions taken in from here on
  let arrival: string | undefined;
  let group: AcceptedRecord[] = [];
  const acceptGroup = () => {
    if (group.length > 0) ownership.accept(group);
    group = [];
  };
  for (const [number, one] of contributions.entries()) {
    if (one.arrival !== arrival || one.acceptedAt > seals[closed]) acceptGroup();
    while (one.acceptedAt > seals[closed]) closed += 1;
    arrival = one.arrival;
    const text = textOf(one.hash);
    group.push(
      withdrawn.has(one.hash)
        ? claimed(text, UNPAID)
        : { ...text, claims: claimsOf(one.hash, claimsTo(text, one.owners, one.authorship)) },
    );
    numbers.set(one.hash, number);
  }
  acceptGroup();
  ownership.closeCommons();
  return numbers;
}

const claimed = (text: TokenizedText, owners: EntitlementVector): AcceptedRecord => ({
  ...text,
  claims: [{ tokens: text.tokens.length, owners }],
});

/** Scraps that a refinement left too short to be found again go with the text before them, or else after them. */
function runsOfRefined(
  text: TokenizedText,
  owners: EntitlementVector,
  ownership: Ownership,
): readonly OwnedRun[] {
  const start = ownership.size();
  const runs = ownership.runsOf(ownership.accept([claimed(text, owners)]));
  let nearest = runs.find(({ origin }) => origin < start)?.owners ?? owners;
  return runs.map((run) => {
    if (run.origin < start) nearest = run.owners;
    return { ...run, owners: nearest };
  });
}

/** For a refinement of which nothing can be found again: those who own the contributions that it was cut from. */
const ownersOfSources = (
  { descents }: SealedRecord,
  numbers: ReadonlyMap<string, number>,
  ownership: Ownership,
): EntitlementVector =>
  sharedEntitlement(
    descents.map(({ origin }) => entitlementByTokens(ownership.runsOf(numbers.get(origin)!))),
  );

/** What is left to the owners of a text once its refiners have their parts. */
const refined = (owners: EntitlementVector, { descents }: SealedRecord): EntitlementVector =>
  sharedEntitlement(descents.map(({ steps }) => steps.reduce(refinedEntitlement, owners)));

/**
 * Prepares to write down whose each word of a record is. What is nobody's stays so: refiners have no part in it.
 *
 * The same owners under the same refinements are answered by one vector, however many records have them.
 */
function createOwnerMaps({ tokens }: TokenIds) {
  const refinedBy = new Map<string, Map<EntitlementVector, EntitlementVector>>();
  const flags: boolean[] = [];
  const isWordAt = (id: number) => (flags[id] ??= isWord(tokens[id]));

  return (
    text: TokenizedText,
    runs: readonly OwnedRun[],
    record: SealedRecord,
  ): readonly OwnedWords[] => {
    const key = JSON.stringify(record.descents.map(({ steps }) => steps));
    const known = refinedBy.get(key) ?? new Map<EntitlementVector, EntitlementVector>();
    refinedBy.set(key, known);
    const map: { words: number; readonly owners: EntitlementVector }[] = [];
    let at = 0;
    for (const { tokens: length, owners: found } of runs) {
      let words = 0;
      for (let i = 0; i < length; i++) if (isWordAt(text.tokens[at++])) words += 1;
      const owners = known.get(found) ?? (isUnpaid(found) ? UNPAID : refined(found, record));
      known.set(found, owners);
      const last = map.at(-1);
      if (last?.owners === owners) last.words += words;
      else if (words > 0) map.push({ words, owners });
    }
    return map;
  };
}

/** Prepares the information of tokens under a table; symbols have none. */
function tokenInformation({ tokens }: TokenIds, table: UnigramTable) {
  const informationOf = informationIn(table);
  const known: number[] = [];
  return (text: Int32Array): Float64Array =>
    Float64Array.from(text, (id) => {
      known[id] ??= isWord(tokens[id]) ? informationOf(tokens[id]) : 0;
      return known[id];
    });
}
