/**
 * The coverage game: what the words of an output are worth, and whose they are.
 *
 * Each word outside the echoes carries its information. A word that spans cover is shared in equal parts by the
 * distinct entitlements to that very word in the records of those spans: two records in which it pays the same parties
 * in the same proportions count once, so copying it under the same owners gains nothing, whatever stands around it. An
 * entitlement's part goes to its parties by weight. A word that only commons cover, or that is nobody's in its
 * records, is grounded but pays nobody. Symbols carry nothing.
 *
 * In the game where a set of owners is worth the information it covers, equal parts are the Shapley value.
 * Whole numbers only; see `COVERAGE_SCALE` for how thirds stay exact.
 */
import { isUnpaid } from './owner-map.ts';
import type { Measured } from './shares.ts';
import { type Shares, WEIGHT_ONE } from './split.ts';
import type { TextRange, Trace } from './trace.ts';
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
  /** The part of `covered` that is commons, or nobody's in its records; it pays nobody. */
  readonly commons: bigint;
  /** Information of the words in echoes; in neither `total` nor `covered`. */
  readonly echo: bigint;
};

/**
 * The entitlement vector to one word of a record, weights summing to 2^64. Words are numbered from 0 through the record,
 * symbols left out. Who returns the same array for the same vector is looked up faster.
 */
export type OwnersOf = (recordHash: string, word: number) => Shares;

/** A passage, and the number of its first word in each record that holds it. */
export type PlacedSpan = TextRange & {
  readonly records: readonly { readonly hash: string; readonly firstWord: number }[];
};

/** A word of an output and what it says, in 1/65,536 bits. */
export type InformedWord = TextRange & { readonly information: number };

/**
 * @param information of one word, in 1/65,536 bits (`informationIn`)
 * @param firstWordOf the number of the record's word that begins at an offset
 */
export const coverage = (
  output: string,
  trace: Trace,
  {
    information,
    firstWordOf,
    ownersOf,
  }: {
    readonly information: (word: string) => number;
    readonly firstWordOf: (recordHash: string, start: number) => number;
    readonly ownersOf: OwnersOf;
  },
): Coverage => {
  const spans = trace.spans.map(({ start, end, records }) => ({
    ...{ start, end },
    records: records.map(({ hash, start }) => ({ hash, firstWord: firstWordOf(hash, start) })),
  }));
  return coverWords(informedWords(output, information), { spans, echoes: trace.echoes }, ownersOf);
};

/**
 * The same for words whose information is known already, as a receipt's evidence states it.
 *
 * @param words ascending and apart, all that spans hold; their offsets, and those of the spans and echoes, may count
 *   anything alike
 */
export function coverWords(
  words: Iterable<InformedWord>,
  trace: { readonly spans: readonly PlacedSpan[]; readonly echoes: Trace['echoes'] },
  ownersOf: OwnersOf,
): Coverage {
  const entitlements = new Map<string, Shares>();
  const keyOf = entitlementKeys(entitlements);
  const passed = trace.spans.map(() => 0); // words of each span that came before
  const earned = new Map<string, bigint>(); // entitlement key -> information, in 2^-64 of a unit
  let [total, covered, commons, echo] = [0n, 0n, 0n, 0n];

  let first = 0; // spans before this one end before the word
  let nextEcho = 0;
  for (const word of words) {
    const worth = BigInt(word.information);
    while (trace.echoes[nextEcho]?.end <= word.start) nextEcho++;
    while (trace.spans[first]?.end <= word.start) first++;
    const keys = new Set<string>();
    let last = first;
    for (; last < trace.spans.length && covers(trace.spans[last], word); last++) {
      const place = passed[last]++;
      for (const { hash, firstWord } of trace.spans[last].records) {
        const owners = ownersOf(hash, firstWord + place);
        if (!isUnpaid(owners)) keys.add(keyOf(owners));
      }
    }
    if (nextEcho < trace.echoes.length && covers(trace.echoes[nextEcho], word)) {
      echo += worth;
      continue;
    }
    total += worth;
    if (last === first) continue;
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

/** Names vectors by what they say, each array once; notes which vector a name stands for. */
function entitlementKeys(entitlements: Map<string, Shares>): (owners: Shares) => string {
  const known = new Map<Shares, string>();
  return (owners) => {
    const before = known.get(owners);
    if (before !== undefined) return before;
    const key = entitlementKey(owners);
    known.set(owners, key);
    entitlements.set(key, owners);
    return key;
  };
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
