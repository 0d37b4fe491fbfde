/**
 * An n-gram model without an n: which tokens follow the longest end of a context that the documents contain.
 *
 * Source: Liu, Min, Zettlemoyer, Choi, Hajishirzi, "Infini-gram: Scaling Unbounded n-gram Language Models to a
 * Trillion Tokens", 2024. Counts are exact, nothing is sampled. Building takes linear time: fast enough for all
 * records of a snapshot once, and for a handful of retrieved ones at every request.
 */
import { find, narrow, type RankRange, type SuffixIndex, suffixIndex } from './matches.ts';

export type InfinityGram = { readonly index: SuffixIndex; readonly vocabSize: number };

export type NextTokens = {
  /** Tokens of the context that were matched; 0 means that the counts are those of single tokens. */
  readonly matchLength: number;
  /** How often each token follows, ascending by token. */
  readonly counts: ReadonlyMap<number, number>;
  /** The sum of the counts; 0 only where there are no documents. */
  readonly total: number;
};

/**
 * @param documents token ids, each in 0..vocabSize - 1
 * @param separatorId stands before each document and after the last; as a next token it means that the document ends
 */
export function buildInfinityGram(
  documents: readonly ArrayLike<number>[],
  { vocabSize, separatorId }: { readonly vocabSize: number; readonly separatorId: number },
): InfinityGram {
  const length = documents.reduce((sum, document) => sum + document.length + 1, 0);
  const stream = new Int32Array(documents.length === 0 ? 0 : length + 1);
  let at = 0;
  for (const document of documents) {
    stream[at] = separatorId;
    stream.set(document, at + 1);
    at += document.length + 1;
  }
  if (stream.length > 0) stream[at] = separatorId;
  return { index: suffixIndex(stream, vocabSize), vocabSize };
}

/**
 * Counts what follows the longest end of the context that is followed by at least `minCount` tokens.
 *
 * @param maxLength tokens of the context that are looked at, counted from its end
 */
export function nextTokens(
  gram: InfinityGram,
  context: readonly number[],
  {
    maxLength = 64,
    minCount = 1,
  }: { readonly maxLength?: number; readonly minCount?: number } = {},
): NextTokens {
  // An end that occurs makes every shorter end occur at least as often: the longest is found by halving.
  let matchLength = 0;
  let tooLong = Math.min(maxLength, context.length) + 1;
  while (tooLong - matchLength > 1) {
    const length = (matchLength + tooLong) >>> 1;
    const { from, to } = followed(gram, context, length);
    if (to - from >= minCount) matchLength = length;
    else tooLong = length;
  }
  const range = followed(gram, context, matchLength);
  return {
    matchLength,
    counts: countNext(gram, range, matchLength),
    total: range.to - range.from,
  };
}

/** The ranks where the last `length` tokens of the context stand and something follows them. */
function followed(
  { index, vocabSize }: InfinityGram,
  context: readonly number[],
  length: number,
): RankRange {
  const range = find(index, context, context.length - length);
  return narrow(index, range, length, 0, vocabSize);
}

/** Counts the tokens at `depth`: inside the range they are sorted, so each is one step. */
function countNext({ index }: InfinityGram, range: RankRange, depth: number): Map<number, number> {
  const counts = new Map<number, number>();
  for (let from = range.from; from < range.to; ) {
    const token = index.symbolAt(index.suffixAt(from) + depth);
    const { to } = narrow(index, { from, to: range.to }, depth, token, token + 1);
    counts.set(token, to - from);
    from = to;
  }
  return counts;
}
