/**
 * Vectors of texts with nothing to download: words and their character 4-grams, weighted by rarity, projected at random.
 *
 * A text is a vector of its words and of the 4-grams inside them, weighted by (1 + ln tf) * idf; its embedding is that
 * vector times a matrix of random signs, made of unit length. It keeps angles up to about 1 / sqrt(dimensions), so it finds word
 * forms and spellings that share letters (`token`, `tokens`); synonyms it does not know. Only the idf is learned.
 *
 * The matrix is not stored: a feature's row is made from its hash. As all of it is linear, a text's embedding is a sum over
 * its terms' vectors, so a segment of texts is embedded from its inverted index, each term once.
 *
 * Sources: Achlioptas, "Database-friendly random projections", 2003; Bingham, Mannila, "Random projection in dimensionality
 * reduction", 2001; feature hashing: Weinberger et al., 2009.
 */
import { type InvertedIndex, termFrequencies } from './inverted-index.ts';

export type ProjectedTerms = {
  readonly dimensions: number;
  /** Of unit length; all zero for a text without a word. */
  readonly embed: (text: string) => Float32Array;
  /** One row a document, each of unit length, [documents, dimensions]. It can be left and gone on with at each yield. */
  readonly embedIndex: (index: InvertedIndex) => Generator<void, Float32Array>;
};

const GRAM = 4;
/** Of a 4-gram beside a whole word. */
const GRAM_WEIGHT = 0.5;

/** Terms, or postings, after which others may have their turn: some milliseconds. */
const SLICE = 2048;

/** It can be left and gone on with at each yield. @param dimensions a multiple of 32 */
export function* learnProjectedTerms(
  indexes: readonly InvertedIndex[],
  { dimensions }: { readonly dimensions: number },
): Generator<void, ProjectedTerms> {
  const idfOf = yield* learnRarity(indexes);
  const termVector = (term: string): Float32Array => {
    const vector = new Float32Array(dimensions);
    for (const { feature, weight } of featuresOf(term)) {
      addSigns(vector, feature, weight * idfOf(feature));
    }
    return vector;
  };

  function embed(text: string): Float32Array {
    const embedding = new Float32Array(dimensions);
    for (const [term, frequency] of termFrequencies(text)) {
      addTimes(embedding, 0, termVector(term), 1 + Math.log(frequency));
    }
    return normalise(embedding);
  }

  function* embedIndex(index: InvertedIndex): Generator<void, Float32Array> {
    const { termOf, offsets, documents, frequencies, lengths } = index;
    const rows = new Float32Array(lengths.length * dimensions);
    let done = 0;
    for (const [term, t] of termOf) {
      const vector = termVector(term);
      for (let at = offsets[t]; at < offsets[t + 1]; at++) {
        if (++done % SLICE === 0) yield;
        addTimes(rows, documents[at] * dimensions, vector, 1 + Math.log(frequencies[at]));
      }
    }
    for (let from = 0; from < rows.length; from += dimensions) {
      normalise(rows.subarray(from, from + dimensions));
    }
    return rows;
  }

  return { dimensions, embed, embedIndex };
}

type Feature = { readonly feature: number; readonly weight: number };

/** Hashes of the word and of its 4-grams, its ends marked. */
function featuresOf(term: string): readonly Feature[] {
  const features: Feature[] = [{ feature: hash(`=${term}`), weight: 1 }];
  const padded = `<${term}>`;
  for (let i = 0; i + GRAM <= padded.length; i++) {
    features.push({ feature: hash(padded.slice(i, i + GRAM)), weight: GRAM_WEIGHT });
  }
  return features;
}

/**
 * ln(1 + documents / those that hold the feature); one that is not known counts as one that a single text holds.
 *
 * Of a 4-gram it is only known which words hold it, so the documents of these are added up: at most too many, never more than all.
 */
function* learnRarity(
  indexes: readonly InvertedIndex[],
): Generator<void, (feature: number) => number> {
  const found = new Map<number, number>();
  let size = 0;
  for (const { termOf, offsets, lengths } of indexes) {
    size += lengths.length;
    for (const [term, t] of termOf) {
      if (t % SLICE === 0) yield;
      const documents = offsets[t + 1] - offsets[t];
      for (const feature of new Set(featuresOf(term).map((one) => one.feature))) {
        found.set(feature, (found.get(feature) ?? 0) + documents);
      }
    }
  }
  const all = Math.max(1, size);
  return (feature) => Math.log(1 + all / Math.min(all, found.get(feature) ?? 1));
}

/** FNV-1a over UTF-16 units. */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h >>> 0;
}

/** Adds the feature's row of the matrix, +-weight in each dimension, by the bits of hashes of feature and place. */
function addSigns(vector: Float32Array, feature: number, weight: number): void {
  for (let i = 0; i < vector.length; i += 32) {
    const signs = mix(feature ^ Math.imul(i + 1, 0x9e3779b1));
    // Reckoned, not decided: a branch on random bits is guessed wrong half of the time.
    for (let j = 0; j < 32; j++) vector[i + j] += (((signs >>> j) & 1) * 2 - 1) * weight;
  }
}

/** The finalizer of MurmurHash3: every bit of the input changes half of the bits. */
function mix(word: number): number {
  let h = word;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

function addTimes(sum: Float32Array, from: number, vector: Float32Array, times: number): void {
  for (let i = 0; i < vector.length; i++) sum[from + i] += times * vector[i];
}

/** In place; zeros stay. */
export function normalise(vector: Float32Array): Float32Array {
  let squares = 0;
  for (let i = 0; i < vector.length; i++) squares += vector[i] * vector[i];
  const length = Math.sqrt(squares);
  if (length > 0) for (let i = 0; i < vector.length; i++) vector[i] /= length;
  return vector;
}
