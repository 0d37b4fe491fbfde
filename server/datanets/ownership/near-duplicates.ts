/**
 * Which texts are nearly those that came before, though no window of them is: words changed here and there.
 *
 * Candidates come from MinHash over 4-grams of tokens, and from 4-grams that stood first in the other text; then the
 * two are laid beside each other exactly. Equal 4-grams in the same order, with small gaps between them, are a disputed
 * span. 4-grams that stand in many texts count for nothing, so that templates do not make everything alike.
 *
 * It only proposes. What a window finds again is somebody's already and is not counted here.
 */
import { PPM_ONE } from '@openledger/protocol';
import { createMinHash } from '../../compute/minhash.ts';
import { createWindowTable } from '../../compute/window-table.ts';

export type NearDuplicateRules = {
  /** Tokens in a gram. */
  readonly gramTokens: number;
  /** A gram that stands so often is nobody's. */
  readonly commonGrams: number;
  /** Tokens between two equal grams of one span, at most. */
  readonly gapTokens: number;
  /** Disputed tokens that a window would not have found, at least; and how much of the text they are, in ppm. */
  readonly leastTokens: number;
  readonly leastPpm: number;
  /** k: copies of this length are found without proposals. */
  readonly windowTokens: number;
};

export const defaultNearDuplicateRules: NearDuplicateRules = {
  gramTokens: 4,
  commonGrams: 64,
  gapTokens: 8,
  leastTokens: 24,
  leastPpm: 250_000,
  windowTokens: 8,
};

/** From a token of a text up to another, which is not part of it. */
export type TokenSpan = readonly [from: number, to: number];

export type NearDuplicate = {
  /** Numbers of the texts, from 0. */
  readonly later: number;
  readonly earlier: number;
  /** Of the later text; disjoint and ascending. */
  readonly spans: readonly TokenSpan[];
  /** Disputed tokens that no window finds, of all of the later text's. */
  readonly similarityPpm: number;
};

/**
 * The most similar earlier text of each later one, where any is similar enough.
 *
 * @param texts in the order in which they came
 * @param mayDispute whether a pair is of interest: copies of oneself and inside one import are not
 */
export function findNearDuplicates(
  texts: readonly Int32Array[],
  mayDispute: (earlier: number, later: number) => boolean,
  rules: NearDuplicateRules = defaultNearDuplicateRules,
): readonly NearDuplicate[] {
  const grams = rareGrams(texts, rules);
  const best = new Map<number, NearDuplicate>();
  for (const [earlier, later] of candidates(grams, texts.length)) {
    if (!mayDispute(earlier, later)) continue;
    const found = compare(grams, { earlier, later, tokens: texts[later].length }, rules);
    if (!found) continue;
    const before = best.get(later);
    if (
      !before ||
      found.similarityPpm > before.similarityPpm ||
      (found.similarityPpm === before.similarityPpm && earlier < before.earlier)
    )
      best.set(later, found);
  }
  return [...best.values()].sort((a, b) => a.later - b.later);
}

/** Per text, the number of the gram at each position; -1 where it is common. The number says where it stood first. */
type Grams = {
  readonly of: (text: number) => Int32Array;
  /** The text in which a gram stood first. */
  readonly textAt: (gram: number) => number;
  /** Per token of a text: 1 where a window over it stood before. */
  readonly known: (text: number) => Uint8Array;
};

function rareGrams(
  texts: readonly Int32Array[],
  { gramTokens, commonGrams, windowTokens }: NearDuplicateRules,
): Grams {
  const starts = new Int32Array(texts.length + 1);
  for (const [i, { length }] of texts.entries()) starts[i + 1] = starts[i] + length;
  const symbols = new Int32Array(starts[texts.length]);
  for (const [i, text] of texts.entries()) symbols.set(text, starts[i]);
  const { firstOf } = createWindowTable({ symbols }, gramTokens);
  const { firstOf: firstWindow } = createWindowTable({ symbols }, windowTokens);
  const known = new Uint8Array(symbols.length);
  const grams = new Int32Array(symbols.length).fill(-1);
  const counts = new Uint8Array(symbols.length);
  for (let i = 0; i < texts.length; i++) {
    for (let at = starts[i]; at + gramTokens <= starts[i + 1]; at++) {
      const gram = firstOf(at);
      grams[at] = gram;
      if (counts[gram] < commonGrams) counts[gram] += 1;
    }
    for (let at = starts[i]; at + windowTokens <= starts[i + 1]; at++) {
      if (firstWindow(at) < at) known.fill(1, at, at + windowTokens);
    }
  }
  for (let at = 0; at < grams.length; at++) {
    if (grams[at] >= 0 && counts[grams[at]] >= commonGrams) grams[at] = -1;
  }
  return {
    of: (text) => grams.subarray(starts[text], starts[text + 1]),
    known: (text) => known.subarray(starts[text], starts[text + 1]),
    textAt: (gram) => {
      let low = 0;
      let high = texts.length - 1;
      while (low < high) {
        const middle = (low + high + 1) >>> 1;
        if (starts[middle] <= gram) low = middle;
        else high = middle - 1;
      }
      return low;
    },
  };
}

/** Grams that two texts have in common before they are laid beside each other. */
const LEAST_VOTES = 6;

function* candidates(
  grams: Grams,
  texts: number,
): Generator<readonly [earlier: number, later: number]> {
  const minhash = createMinHash();
  for (let text = 0; text < texts; text++) {
    const votes = new Map<number, number>();
    const rare = grams.of(text).filter((gram) => gram >= 0);
    minhash.add(rare);
    for (const gram of rare) {
      const other = grams.textAt(gram);
      if (other !== text) votes.set(other, (votes.get(other) ?? 0) + 1);
    }
    for (const [other, count] of votes) if (count >= LEAST_VOTES) yield [other, text];
  }
  yield* minhash.pairs();
}

function compare(
  grams: Grams,
  { earlier, later, tokens }: { earlier: number; later: number; tokens: number },
  rules: NearDuplicateRules,
): NearDuplicate | undefined {
  const chain = longestChain(grams.of(earlier), grams.of(later));
  const known = grams.known(later);
  const spans: [number, number][] = [];
  let fresh = 0;
  for (const segment of segments(chain, rules)) {
    const from = segment[0].there;
    const to = segment[segment.length - 1].there + rules.gramTokens;
    if (to - from < 2 * rules.windowTokens) continue;
    spans.push([from, to]);
    for (let at = from; at < to; at++) fresh += 1 - known[at];
  }
  const similarityPpm = Math.floor((fresh * PPM_ONE) / Math.max(1, tokens));
  if (fresh < rules.leastTokens || similarityPpm < rules.leastPpm) return undefined;
  return { earlier, later, spans, similarityPpm };
}

/** The same gram in the earlier text and in the later one. */
type Match = { readonly here: number; readonly there: number };

/** As many equal grams as possible in the order of both texts: a longest increasing subsequence, by patience. */
function longestChain(earlier: Int32Array, later: Int32Array): readonly Match[] {
  const places = new Map<number, number[]>();
  for (let here = earlier.length - 1; here >= 0; here--) {
    const gram = earlier[here];
    if (gram < 0) continue;
    const list = places.get(gram);
    if (list) list.push(here);
    else places.set(gram, [here]);
  }
  const matches: Match[] = [];
  const before: number[] = []; // per match, the one before it in the best chain that it ends
  const ends: number[] = []; // per length of a chain, the match that ends it earliest in the earlier text
  for (let there = 0; there < later.length; there++) {
    // Descending places, so that no chain takes two of one position.
    for (const here of places.get(later[there]) ?? []) {
      let low = 0;
      let high = ends.length;
      while (low < high) {
        const middle = (low + high) >>> 1;
        if (matches[ends[middle]].here < here) low = middle + 1;
        else high = middle;
      }
      before.push(low > 0 ? ends[low - 1] : -1);
      ends[low] = matches.push({ here, there }) - 1;
    }
  }
  const chain: Match[] = [];
  for (let at = ends.at(-1) ?? -1; at >= 0; at = before[at]) chain.push(matches[at]);
  return chain.reverse();
}

function* segments(
  chain: readonly Match[],
  { gramTokens, gapTokens }: NearDuplicateRules,
): Generator<readonly Match[]> {
  let segment: Match[] = [];
  for (const match of chain) {
    const last = segment.at(-1);
    const most = gramTokens + gapTokens;
    if (last && (match.here - last.here > most || match.there - last.there > most)) {
      yield segment;
      segment = [];
    }
    segment.push(match);
  }
  if (segment.length > 0) yield segment;
}
