/**
 * Whose each token of each accepted record is, by content.
 *
 * A window of k tokens resolves to its first accepted occurrence, through the owner map of the record that holds it. A
 * token belongs to the earliest token that the windows over it resolve to, its *origin*; without one, to itself.
 * Inside a group (one import) there is no order: tokens that equal windows lay on each other are one, and all who
 * claim one of them own it alike. What stands twice in one record is one text as well. Only where windows over one later
 * token lead to different texts of one group does the earlier position decide.
 *
 * Positions number the tokens of all records in the order of their acceptance. Memory grows by 30 to 45 bytes a token, by how full its arrays are;
 * a record costs one look-up a token, whatever was accepted before it.
 */
import { COMMONS, type EntitlementVector, WEIGHT_ONE } from '@openledger/protocol';
import { createCommons } from './commons.ts';
import { createOwners } from './owners.ts';
import { createTokenClasses, sharedOrigins } from './token-classes.ts';
import type { TokenizedText } from './token-ids.ts';
import { createTokenStore, type Place, withRoom } from './token-store.ts';

export type OwnershipRules = {
  /** k: tokens in a window. Shorter copies are not found, except of whole records. */
  readonly windowTokens: number;
  /** Text in the records of that many distinct parties belongs to the commons. */
  readonly commonsParties: number;
  /** The longest span, in tokens, that can belong to the commons. */
  readonly commonsTokens: number;
  /** Text that so many distinct parties claim within one group belongs to the commons, however long it is. */
  readonly crowdParties: number;
};

export const defaultOwnershipRules: OwnershipRules = {
  windowTokens: 8,
  commonsParties: 16,
  commonsTokens: 32,
  crowdParties: 256,
};

/** A claim to the next tokens of a record. */
export type ClaimRun = { readonly tokens: number; readonly owners: EntitlementVector };

export type AcceptedRecord = TokenizedText & {
  /** Who claims which tokens, as far as they are new; together all of them. */
  readonly claims: readonly ClaimRun[];
};

/** Tokens in a row, copied in a row, that have the same owners. */
export type OwnedRun = {
  readonly tokens: number;
  /** Position of the first token's origin; those of the others follow it. A new token's origin is its own position. */
  readonly origin: number;
  readonly owners: EntitlementVector;
};

/** The owner of what is common or withdrawn: it pays nobody, least of all a copier. */
export const UNPAID: EntitlementVector = [{ party: COMMONS, weight: WEIGHT_ONE }];

export const isUnpaid = (owners: EntitlementVector): boolean =>
  owners.every(({ party }) => party === COMMONS);

export type Ownership = {
  /** Takes in records without an order among them, after all before. @returns the number of the first, from 0 */
  readonly accept: (group: readonly AcceptedRecord[]) => number;
  /** What is common by now belongs to the commons from now on. */
  readonly closeCommons: () => void;
  /** A record's owner map, run-length encoded. */
  readonly runsOf: (record: number) => readonly OwnedRun[];
  /** Tokens taken in so far: the position of the next. */
  readonly size: () => number;
};

/** A record in the store. */
type Entry = Place & {
  /** At least half of it is new: it counts where parties are counted. */
  isNovel: boolean;
};

export function createOwnership(rules: OwnershipRules = defaultOwnershipRules): Ownership {
  const store = createTokenStore(rules.windowTokens);
  let origins = new Int32Array(1024); // per position
  let ownerAt = new Int32Array(1024); // per position: the claim to it, or all who share it where it is an origin
  const entries: Entry[] = [];
  const owners = createOwners();
  const commons = createCommons(rules, (position) =>
    entryAt(entries, position).isNovel ? owners.partyOf(ownerAt[position]) : undefined,
  );

  function append(record: AcceptedRecord): Entry {
    const entry = { ...store.append(record), isNovel: false };
    origins = withRoom(origins, entry.end);
    ownerAt = withRoom(ownerAt, entry.end);
    for (let at = entry.start; at < entry.end; at++) origins[at] = at;
    let at = entry.start;
    for (const claim of record.claims) {
      ownerAt.fill(owners.claim(claim.owners), at, at + claim.tokens);
      at += claim.tokens;
    }
    if (at !== entry.end) throw new Error('The claims are not to all tokens, or to more.');
    entries.push(entry);
    return entry;
  }

  function resolve(group: readonly Entry[], base: number): void {
    const classes = createTokenClasses(origins, base, store.size());
    for (const entry of group) {
      const length = Math.min(rules.windowTokens, entry.end - entry.start);
      let before = 0; // how far back the window before this one was found: where it goes on, one token is new
      store.eachWindow(entry, (at, first) => {
        const back = at - first;
        if (back > 0) {
          const from = back === before ? length - 1 : 0;
          for (let i = from; i < length; i++) classes.join(at + i, first + i);
        }
        before = back;
      });
    }
    classes.finish();
    for (const [origin, claims] of sharedOrigins(origins, ownerAt, base, store.size())) {
      ownerAt[origin] = owners.share(claims);
      commons.claimed(origin, new Set(claims.map(owners.partyOf)).size);
    }
  }

  function countParties(group: readonly Entry[], base: number): void {
    for (const entry of group) {
      let fresh = 0;
      for (let at = entry.start; at < entry.end; at++) if (origins[at] >= base) fresh += 1;
      entry.isNovel = 2 * fresh >= entry.end - entry.start;
    }
    for (const entry of group) {
      if (entry.isNovel) commons.see(store, entry, (at) => owners.partyOf(ownerAt[at]));
    }
  }

  function runsOf(entry: Entry): readonly OwnedRun[] {
    const common = commons.tokensOf(store, entry, origins);
    const ownerOf = (at: number) => (common?.[at - entry.start] ? -1 : ownerAt[origins[at]]);
    const runs: OwnedRun[] = [];
    for (let from = entry.start; from < entry.end; ) {
      const owner = ownerOf(from);
      const back = from - origins[from];
      let to = from + 1;
      while (to < entry.end && to - origins[to] === back && ownerOf(to) === owner) to += 1;
      const vector = owner < 0 ? UNPAID : owners.vectorOf(owner);
      runs.push({ tokens: to - from, origin: origins[from], owners: vector });
      from = to;
    }
    return runs;
  }

  return {
    accept: (group) => {
      const base = store.size();
      const added = group.map(append);
      resolve(added, base);
      countParties(added, base);
      return entries.length - added.length;
    },
    closeCommons: commons.close,
    runsOf: (record) => runsOf(entries[record]),
    size: store.size,
  };
}

/** The entry that holds a position. */
function entryAt(entries: readonly Entry[], position: number): Entry {
  let low = 0;
  let high = entries.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (entries[middle].end > position) high = middle;
    else low = middle + 1;
  }
  return entries[low];
}
