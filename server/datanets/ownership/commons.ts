/**
 * Which texts so many distinct parties brought that they are nobody's: windows, lines too short for a window, and tokens
 * that many claim within one group.
 *
 * All are named by where they stood first. Windows and tokens make spans, and a long span stays with whoever had it
 * first, or many hands could make any work common; a line is a span of its own. Within a group nobody was first, so there
 * what a crowd claims is common however long it is.
 */
import type { Place, TokenStore } from './token-store.ts';

export type CommonsRules = {
  readonly windowTokens: number;
  readonly commonsParties: number;
  readonly commonsTokens: number;
  readonly crowdParties: number;
};

export type Commons = {
  /** Counts who brings the windows and lines of a text. */
  readonly see: (store: TokenStore, place: Place, partyAt: (position: number) => number) => void;
  /** Takes note of how many parties of a group claim the token that stands first at `origin`. */
  readonly claimed: (origin: number, parties: number) => void;
  /** What is common by now counts as common from now on. */
  readonly close: () => void;
  /**
   * 1 for each token of a text that lies in a common span; undefined where nothing is common at all.
   *
   * @param origins per position
   */
  readonly tokensOf: (
    store: TokenStore,
    place: Place,
    origins: Int32Array,
  ) => Uint8Array | undefined;
};

/** @param partyAt who brought what begins at a position; undefined where that does not count */
export function createCommons(
  rules: CommonsRules,
  partyAt: (position: number) => number | undefined,
): Commons {
  const k = rules.windowTokens;
  const windows = createCount(rules.commonsParties, partyAt);
  const lines = createCount(rules.commonsParties, partyAt);
  const claims = new Map<number, number>(); // origin -> parties, where they are many
  const shared = new Set<number>();
  const crowded = new Set<number>();
  return {
    see: (store, place, partyOf) => {
      if (place.end - place.start >= k) {
        store.eachWindow(place, (at, first) => {
          if (first < at) windows.see(first, partyOf(at));
        });
      }
      store.eachShortLine(place, (at, first) => {
        if (first < at) lines.see(first, partyOf(at));
      });
    },
    claimed: (origin, parties) => {
      if (parties >= rules.commonsParties) claims.set(origin, parties);
    },
    close: () => {
      windows.close();
      lines.close();
      for (const [origin, parties] of claims) {
        (parties < rules.crowdParties ? shared : crowded).add(origin);
      }
      claims.clear();
    },
    tokensOf: (store, place, origins) => {
      if (windows.common.size + lines.common.size + shared.size + crowded.size === 0) return;
      const marks = new Uint8Array(place.end - place.start);
      const mark = (at: number, length: number) =>
        marks.fill(1, at - place.start, at - place.start + length);
      if (marks.length >= k) {
        store.eachWindow(place, (at, first) => {
          if (windows.common.has(first)) mark(at, k);
        });
      }
      const markAll = (common: ReadonlySet<number>) => {
        for (let i = 0; i < marks.length; i++)
          if (common.has(origins[place.start + i])) marks[i] = 1;
      };
      markAll(shared);
      clearLongRuns(marks, rules.commonsTokens);
      markAll(crowded);
      store.eachShortLine(place, (at, first, length) => {
        if (lines.common.has(first)) mark(at, length);
      });
      return marks;
    },
  };
}

function createCount(enough: number, partyAt: (position: number) => number | undefined) {
  const parties = new Map<number, number[]>(); // distinct ones, where there are more than the first
  const reached = new Set<number>();
  const common = new Set<number>();

  function see(first: number, party: number): void {
    if (reached.has(first)) return;
    let distinct = parties.get(first);
    if (!distinct) {
      const original = partyAt(first);
      if (original === party) return;
      distinct = original === undefined ? [] : [original];
      parties.set(first, distinct);
    }
    if (!distinct.includes(party)) distinct.push(party);
    if (distinct.length < enough) return;
    parties.delete(first);
    reached.add(first);
  }

  function close(): void {
    for (const first of reached) common.add(first);
  }
  return { see, close, common: common as ReadonlySet<number> };
}

function clearLongRuns(marks: Uint8Array, longest: number): void {
  for (let from = 0; from < marks.length; ) {
    let to = from + 1;
    while (to < marks.length && marks[to] === marks[from]) to += 1;
    if (to - from > longest) marks.fill(0, from, to);
    from = to;
  }
}
