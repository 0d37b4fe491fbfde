/**
 * Passages found by their words (BM25), or by words and vectors together.
 *
 * A passage's vector is its embedding plus the mean direction of its document's passages: a paragraph seldom repeats
 * what its document is about. The two rankings are fused by reciprocal rank.
 */
import { type Bm25, createBm25, type Hit } from '../compute/bm25.ts';
import { createIndexBuilder } from '../compute/inverted-index.ts';
import { nearest, type Vectors, vectorAt } from '../compute/nearest.ts';
import { type Embedder, learnProjectedTerms, normalise } from '../compute/projected-terms.ts';
import { diversify, fuseRanks } from '../compute/rank-fusion.ts';

export type Passage = {
  readonly text: string;
  /** Passages of one document share it. */
  readonly document: string;
};

export type PassageSearch = {
  readonly limit: number;
  /** `words`: only passages that hold a term of the query. */
  readonly mode: 'words' | 'hybrid';
  /** Passages for which this is false are passed over. */
  readonly filter?: (passage: number) => boolean;
  /** 0 to 1: how much being unlike the passages before counts against being near; `hybrid` only. */
  readonly diversity?: number;
};

export type HybridIndex = {
  /** Best first; `document` is the passage's number in the order given. */
  readonly search: (query: string, search: PassageSearch) => Promise<readonly Hit[]>;
};

/** Chosen on one half of the EIP queries of `retrieve-eips.test.ts`. */
const VECTOR_WEIGHT = 0.35;
const RANK_CONSTANT = 10;
const DIMENSIONS = 256;
/** How deep each ranking is read at least. */
const DEPTH = 100;
/** Texts from which the local embedder learns how rare a feature is. */
const SAMPLE = 20_000;
const BATCH = 64;

/** @param embedder absent: the local one, learned from these passages when it is first needed */
export function buildHybridIndex(
  passages: readonly Passage[],
  embedder: Embedder = learnFrom(passages),
): HybridIndex {
  const builder = createIndexBuilder();
  for (const { text } of passages) builder.add(text);
  const bm25: Bm25 = createBm25(builder.build());
  let embedded: Promise<Vectors> | undefined;

  return {
    async search(query, { limit, mode, filter, diversity = 0 }) {
      if (mode === 'words') return bm25.search(query, { limit, filter });
      embedded ??= embedPassages(passages, embedder);
      const vectors = await embedded;
      const [asked] = await embedder.embed([query]);
      const depth = { limit: Math.max(DEPTH, limit), filter };
      const rankings = [
        { hits: bm25.search(query, depth), weight: 1 },
        { hits: nearest(vectors, asked, depth), weight: VECTOR_WEIGHT },
      ];
      const similarity = (a: number, b: number) => dot(vectorAt(vectors, a), vectorAt(vectors, b));
      return diversify(fuseRanks(rankings, RANK_CONSTANT), { limit, diversity, similarity });
    },
  };
}

/** Learns at the first call: who searches by words alone waits for nothing. */
function learnFrom(passages: readonly Passage[]): Embedder {
  let learned: Embedder | undefined;
  const learn = () => {
    const step = Math.max(1, Math.ceil(passages.length / SAMPLE));
    const sample = passages.filter((_, i) => i % step === 0).map(({ text }) => text);
    return learnProjectedTerms(sample, { dimensions: DIMENSIONS });
  };
  return {
    name: 'projected-terms',
    dimensions: DIMENSIONS,
    embed: (texts) => {
      learned ??= learn();
      return learned.embed(texts);
    },
  };
}

async function embedPassages(
  passages: readonly Passage[],
  { dimensions, embed }: Embedder,
): Promise<Vectors> {
  const vectors: Vectors = { data: new Float32Array(passages.length * dimensions), dimensions };
  const means = new Map<string, Float32Array>();
  for (let from = 0; from < passages.length; from += BATCH) {
    const batch = passages.slice(from, from + BATCH);
    for (const [i, embedding] of (await embed(batch.map(({ text }) => text))).entries()) {
      vectors.data.set(embedding, (from + i) * dimensions);
      const mean = means.get(batch[i].document) ?? new Float32Array(dimensions);
      means.set(batch[i].document, addTo(mean, embedding));
    }
    await new Promise(setImmediate); // others are served meanwhile
  }
  for (const mean of means.values()) normalise(mean);
  for (const [i, { document }] of passages.entries()) {
    const vector = vectorAt(vectors, i);
    const mean = means.get(document);
    if (mean) normalise(addTo(vector, mean));
  }
  return vectors;
}

function addTo(sum: Float32Array, vector: Float32Array): Float32Array {
  for (let i = 0; i < sum.length; i++) sum[i] += vector[i];
  return sum;
}

const dot = (a: Float32Array, b: Float32Array): number =>
  a.reduce((sum, value, i) => sum + value * b[i], 0);
