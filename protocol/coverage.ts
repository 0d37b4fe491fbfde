/**
 * The coverage game: what the words of an output are worth, and whose they are.
 *
 * Each word outside the echoes carries its information. A word that spans cover is shared in equal parts by the
 * distinct entitlements of the records in those spans: two records that pay the same parties in the same proportions
 * count once, so copying a record under the same owners gains nothing. An entitlement's part goes to its parties by
 * weight. A word that only commons cover is grounded but pays nobody. Symbols carry nothing.
 *
 * In the game where a set of owners is worth the information it covers, equal parts are the Shapley value.
 * Whole numbers only; see `COVERAGE_SCALE` for how thirds stay exact.
 */
import type { Measured } from './shares.ts';
import { type Shares, WEIGHT_ONE } from './split.ts';
import type { Span, TextRange, Trace } from './trace.ts';
import { cutWords, tokenAt } from './words.ts';

/**
 * Parties' parts are counted in 2^-128 of 1/65,536 bit: 2^-64 for the equal parts, times 2^-64 for the weights.
 *
 * An information of `i` shared by `n` entitlements is floor(i * 2^64 / n) for each; the units left over go one each to
 * the first entitlements by key. The second factor needs no rounding, because weights sum to 2^64.
 */
export const COVERAGE_SCALE = WEIGHT_ONE * WEIGHT_ONE;

/** All amounts are in 1/65,536 bits, except `parties`, which are in 1/`scale` of that. */
export type Coverage = Measured & {
  /** The part of `covered` that only commons cover; it pays nobody. */
  readonly commons: bigint;
  /** Information of the words in echoes; in neither `total` nor `covered`. */
  readonly echo: bigint;
};

/** A word of an output and what it says, in 1/65,536 bits. */
export type InformedWord = TextRange & { readonly information: number };

/**
 * @param information of one word, in 1/65,536 bits (`informationIn`)
 * @param ownersOf a record's entitlement vector, weights summing to 2^64
 */
export const coverage = (
  output: string,
  trace: Trace,
  {
    information,
    ownersOf,
  }: {
    readonly information: (word: string) => number;
    readonly ownersOf: (recordHash: string) => Shares;
  },
): Coverage => coverWords(informedWords(output, information), trace, ownersOf);

/**
 * The same for words whose information is known already, as a receipt's evidence states it.
 *
 * @param words ascending and apart; their offsets, and those of the spans and echoes, may count anything alike
 */
export function coverWords(
  words: Iterable<InformedWord>,
  trace: Pick<Trace, 'spans' | 'echoes'>,
  ownersOf: (recordHash: string) => Shares,
): Coverage {
  const entitlements = new Map<string, Shares>();
  const keysOf = trace.spans.map((span) => entitlementKeys(span, ownersOf, entitlements));
  const earned = new Map<string, bigint>(); // entitlement key -> information, in 2^-64 of a unit
  let [total, covered, commons, echo] = [0n, 0n, 0n, 0n];

  let first = 0; // spans before this one end before the word
  let nextEcho = 0;
  for (const word of words) {
    const worth = BigInt(word.information);
    while (trace.echoes[nextEcho]?.end <= word.start) nextEcho++;
    if (nextEcho < trace.echoes.length && covers(trace.echoes[nextEcho], word)) {
      echo += worth;
      continue;
    }
    total += worth;
    while (trace.spans[first]?.end <= word.start) first++;
    const keys = new Set<string>();
    let isCovered = false;
    for (let k = first; k < trace.spans.length && covers(trace.spans[k], word); k++) {
      isCovered = true;
      for (const key of keysOf[k]) keys.add(key);
    }
    if (!isCovered) continue;
    covered += worth;
    if (keys.size === 0) commons += worth;
    shareEqually(worth, keys, earned);
  }
  return {
    total,
    covered,
    commons,
    echo,
    scale: COVERAGE_SCALE,
    parties: partiesOf(earned, entitlements),
  };
}

/** The words of an output, symbols left out. */
export function* informedWords(
  output: string,
  information: (word: string) => number,
): Generator<InformedWord> {
  const words = cutWords(output);
  for (let i = 0; i < words.count; i++) {
    if (!words.wordFlags[i]) continue;
    const [start, end] = [words.starts[i], words.ends[i]];
    yield { start, end, information: information(tokenAt(words, i)) };
  }
}

const covers = (range: TextRange, word: TextRange): boolean =>
  range.start <= word.start && word.end <= range.end;

/** The distinct entitlements of a span's records. */
function entitlementKeys(
  span: Span,
  ownersOf: (recordHash: string) => Shares,
  entitlements: Map<string, Shares>,
): ReadonlySet<string> {
  const keys = new Set<string>();
  for (const { hash } of span.records) {
    const owners = ownersOf(hash);
    const key = entitlementKey(owners);
    entitlements.set(key, owners);
    keys.add(key);
  }
  return keys;
}

/** One text for one vector, whatever the order of its parties. @throws Error unless the weights sum to 2^64 */
function entitlementKey(owners: Shares): string {
  const sum = owners.reduce((all, { weight }) => all + weight, 0n);
  if (sum !== WEIGHT_ONE || owners.some(({ weight }) => weight < 0n)) {
    throw new Error('The weights of an entitlement sum to 2^64.');
  }
  return JSON.stringify(
    owners
      .filter(({ weight }) => weight > 0n)
      .map(({ to, weight }) => [to, weight.toString()])
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

function shareEqually(worth: bigint, keys: ReadonlySet<string>, earned: Map<string, bigint>): void {
  const count = BigInt(keys.size);
  if (count === 0n) return;
  const part = (worth * WEIGHT_ONE) / count;
  let rest = (worth * WEIGHT_ONE) % count;
  for (const key of [...keys].sort()) {
    earned.set(key, (earned.get(key) ?? 0n) + part + (rest > 0n ? 1n : 0n));
    if (rest > 0n) rest -= 1n;
  }
}

/** Divides what each entitlement earned among its parties; sorted by party. */
function partiesOf(
  earned: ReadonlyMap<string, bigint>,
  entitlements: ReadonlyMap<string, Shares>,
): Measured['parties'] {
  const sums = new Map<string, bigint>();
  for (const [key, amount] of earned) {
    for (const { to, weight } of entitlements.get(key) ?? []) {
      sums.set(to, (sums.get(to) ?? 0n) + amount * weight);
    }
  }
  return [...sums]
    .filter(([, information]) => information > 0n)
    .map(([party, information]) => ({ party, information }))
    .sort((a, b) => (a.party < b.party ? -1 : 1));
}
