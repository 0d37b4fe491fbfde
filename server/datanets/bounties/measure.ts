/**
 * 'delta-1': what a refinement is worth, measured: how much better held-out questions find their documents with it.
 *
 * The score of passages is the mean nDCG@10 over the questions, in ppm. A question ranks passages by BM25, the best 200 of
 * them, equal ones by hash; a document stands where its best passage stands; place i from 1 is worth
 * floor(10^6 / log2(i + 1)). All sums are of whole numbers, each question's quotient is rounded down to a part in 10^9,
 * and their mean once more to ppm. The delta is the difference of two scores, so of nothing it is exactly 0.
 *
 * Source: Jarvelin, Kekalainen, "Cumulated gain-based evaluation of IR techniques", 2002.
 */
import { setImmediate } from 'node:timers/promises';
import { PPM_ONE } from '@openledger/protocol';
import { type Bm25Segment, createBm25, prepareSegment } from '../../compute/bm25.ts';
import { createIndexBuilder, MOST_DOCUMENTS } from '../../compute/inverted-index.ts';
import type { Passages } from './passages.ts';

export const MEASURE_VERSION = 'delta-1';

export type Question = {
  readonly question: string;
  /** The contributions that answer it. */
  readonly documents: readonly string[];
};

/** floor(10^6 / log2(place + 1)) for the first ten places. */
export const GAINS: readonly bigint[] = [
  1_000_000n,
  630_929n,
  500_000n,
  430_676n,
  386_852n,
  356_207n,
  333_333n,
  315_464n,
  301_029n,
  289_064n,
];

/** Passages that a question ranks. */
const DEPTH = 200;
const QUESTION_ONE = 10n ** 9n;
/** Steps between two of which others get their turn: a large datanet takes seconds. */
const STEPS_AT_ONCE = 200;

/** @param questions at least one, each with at least one document */
export async function scoreOf(passages: Passages, questions: readonly Question[]): Promise<number> {
  const rank = await ranking(passages);
  let sum = 0n;
  for (const [i, { question, documents }] of questions.entries()) {
    if (i % STEPS_AT_ONCE === STEPS_AT_ONCE - 1) await setImmediate();
    sum += gainOf(rank(question), new Set(documents));
  }
  return Number((sum * BigInt(PPM_ONE)) / (BigInt(questions.length) * QUESTION_ONE));
}

/** @returns a question's documents, best first, each once */
async function ranking(passages: Passages): Promise<(question: string) => readonly string[]> {
  const sorted = [...passages].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, passage]) => passage);
  const segments: Bm25Segment[] = [];
  let builder = createIndexBuilder();
  for (const [i, { text }] of sorted.entries()) {
    if (i % STEPS_AT_ONCE === STEPS_AT_ONCE - 1) await setImmediate();
    builder.add(text);
    if (builder.size() < MOST_DOCUMENTS && i < sorted.length - 1) continue;
    segments.push(prepareSegment(builder.build()));
    builder = createIndexBuilder();
  }
  const index = createBm25(segments);
  return (question) => {
    const found = index.search(question, { limit: DEPTH });
    return [...new Set(found.map(({ document }) => sorted[document].document))];
  };
}

function gainOf(ranked: readonly string[], relevant: ReadonlySet<string>): bigint {
  let gain = 0n;
  let ideal = 0n;
  for (const [place, worth] of GAINS.entries()) {
    if (relevant.has(ranked[place])) gain += worth;
    if (place < relevant.size) ideal += worth;
  }
  return (gain * QUESTION_ONE) / ideal;
}
