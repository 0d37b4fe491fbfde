/**
 * Which texts so many distinct parties brought that they are nobody's: windows, and lines too short for a window.
 *
 * Both are named by where they stood first. Windows make spans, and a long span stays with whoever had it first, or many
 * hands could make any work common; a line is a span of its own.
 */
import type { Place, TokenStore } from './token-store.ts';

export type CommonsRules = {
  readonly windowTokens: number;
  readonly commonsParties: number;
  readonly commonsTokens: number;
};

export type Commons = {
  /** Counts who brings the windows and lines of a text. */
  readonly see: (store: TokenStore, place: Place, partyAt: (position: number) => number) => void;
  /** What is common by now counts as common from now on. */
  readonly close: () => void;
  /** 1 for each token of a text that lies in a common span; undefined where nothing is common at all. */
  readonly tokensOf: (store: TokenStore, place: Place) => Uint8Array | undefined;
};

/** @param partyAt who brought what begins at a position; undefined where that does not count */
export function createCommons(
  rules: CommonsRules,
  partyAt: (position: number) => number | undefined,
): Commons {
  const k = rules.windowTokens;
  const windows = createCount(rules.commonsParties, partyAt);
  const lines = createCount(rules.commonsParties, partyAt);
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
    close: () => {
      windows.close();
      lines.close();
    },
    tokensOf: (store, place) => {
      if (windows.common.size + lines.common.size === 0) return undefined;
      const marks = new Uint8Array(place.end - place.start);
      const mark = (at: number, length: number) =>
        marks.fill(1, at - place.start, at - place.start + length);
      if (marks.length >= k) {
        store.eachWindow(place, (at, first) => {
          if (windows.common.has(first)) mark(at, k);
        });
      }
      clearLongRuns(marks, rules.commonsTokens);
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
