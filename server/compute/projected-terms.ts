/**
 * An embedder with nothing to download: TF-IDF of words and character 4-grams, reduced by a random projection.
 *
 * A text is a vector of hashed words and of the 4-grams inside them, weighted by (1 + ln tf) * idf and of unit length;
 * its embedding is that vector times a fixed Gaussian matrix. It keeps angles up to about 1 / sqrt(dimensions), so it
 * finds word forms and spellings that share letters (`token`, `tokens`); synonyms it does not know. Only the idf is learned.
 *
 * Sources: random projection: Bingham, Mannila, "Random projection in dimensionality reduction", 2001; feature hashing:
 * Weinberger et al., "Feature hashing for large scale multitask learning", 2009.
 */
import { termFrequencies } from './inverted-index.ts';
import { createRandom } from './random.ts';

/** Rows of unit length, or zeros for a text that holds nothing known. */
export type Embedder = {
  readonly name: string;
  readonly dimensions: number;
  /** @returns one vector a text, [texts][dimensions] */
  readonly embed: (texts: readonly string[]) => Promise<readonly Float32Array[]>;
};

/** Hashed features; a power of two. */
const FEATURES = 2 ** 16;
const GRAM = 4;
/** Of a 4-gram beside a whole word. */
const GRAM_WEIGHT = 0.5;
const SEED = 1;

/** @param sample texts like those to be embedded, for the idf */
export function learnProjectedTerms(
  sample: Iterable<string>,
  { dimensions }: { readonly dimensions: number },
): Embedder {
  const idf = inverseFrequencies(sample);
  const projection = projectionOf(dimensions);
  return {
    name: `projected-terms-1/${dimensions}`,
    dimensions,
    embed: async (texts) => texts.map((text) => embedOne(text, idf, projection, dimensions)),
  };
}

const projections = new Map<number, Float32Array>();

/** The same for all embedders of that many dimensions. [FEATURES, dimensions] */
function projectionOf(dimensions: number): Float32Array {
  const known = projections.get(dimensions);
  if (known) return known;
  const random = createRandom(SEED);
  const projection = new Float32Array(FEATURES * dimensions).map(() => random.gaussian());
  projections.set(dimensions, projection);
  return projection;
}

function embedOne(
  text: string,
  idf: Float32Array,
  projection: Float32Array,
  dimensions: number,
): Float32Array {
  const embedding = new Float32Array(dimensions);
  for (const [feature, count] of countFeatures(text)) {
    const [from, value] = [feature * dimensions, count * idf[feature]];
    for (let j = 0; j < dimensions; j++) embedding[j] += value * projection[from + j];
  }
  return normalise(embedding);
}

/** Features of a text, each with 1 + ln tf. */
function countFeatures(text: string): Map<number, number> {
  const counts = new Map<number, number>();
  const count = (feature: string, by: number) => {
    const number = hash(feature);
    counts.set(number, (counts.get(number) ?? 0) + by);
  };
  for (const [term, frequency] of termFrequencies(text)) {
    const weight = 1 + Math.log(frequency);
    count(`=${term}`, weight);
    const padded = `<${term}>`;
    for (let i = 0; i + GRAM <= padded.length; i++) {
      count(padded.slice(i, i + GRAM), GRAM_WEIGHT * weight);
    }
  }
  return counts;
}

/** FNV-1a over UTF-16 units, its upper bits folded down. */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return ((h >>> 16) ^ h) & (FEATURES - 1);
}

/** A feature that the sample lacks counts as one that a single text holds. */
function inverseFrequencies(sample: Iterable<string>): Float32Array {
  const found = new Float32Array(FEATURES);
  let size = 0;
  for (const text of sample) {
    for (const feature of countFeatures(text).keys()) found[feature] += 1;
    size += 1;
  }
  return found.map((n) => Math.log(1 + size / Math.max(1, n)));
}

/** In place; zeros stay. */
export function normalise(vector: Float32Array): Float32Array {
  const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
  if (length > 0) for (let i = 0; i < vector.length; i++) vector[i] /= length;
  return vector;
}
