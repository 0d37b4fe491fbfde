/**
 * The texts a model may interpolate with: the records of its snapshots, as tokens, and the infinity-grams over them.
 *
 * Preferably the counts come from a few documents that fit the prompt, because what follows there makes sense here; where
 * those know nothing, from all documents.
 */
import { buildBm25 } from '../../compute/bm25.ts';
import {
  buildInfinityGram,
  type InfinityGram,
  type NextTokens,
  nextTokens,
} from '../../compute/infinity-gram.ts';
import type { Tokenizer } from '../../compute/tokenizer/tokenizer.ts';
import { type Corpus, textOf } from '../corpus.ts';

const NEAR_DOCUMENTS = 5;
/** Tokens of what was said that are looked for in the texts. */
export const LONGEST_MATCH = 24;

export type Datastore = {
  /**
   * The counts for one generation.
   *
   * @param retrieved hashes of records to stay near; records that are not in the datastore count by their texts
   */
  near(query: {
    readonly prompt: string;
    readonly retrieved: readonly string[];
    readonly texts: readonly string[];
  }): Continue;
  /** Log-probability of a token by how often it stands in all documents, none counting as never (add one), in nats. */
  unigram(token: number): number;
};

/** What followed the longest suffix of these tokens. */
export type Continue = (tokens: readonly number[]) => NextTokens | undefined;

export function createDatastore(corpora: readonly Corpus[], tokenizer: Tokenizer): Datastore {
  const documents = distinctDocuments(corpora).map((text) => ({
    text,
    tokens: tokenizer.encode(text),
  }));
  const documentOf = new Map<string, number>();
  let next = 0;
  for (const corpus of corpora) {
    for (const { records } of corpus.documents) {
      const known = records
        .map(({ hash }) => documentOf.get(hash))
        .find((index) => index !== undefined);
      const index = known ?? next++;
      for (const { hash } of records) if (!documentOf.has(hash)) documentOf.set(hash, index);
    }
  }
  const index = buildBm25(documents.map(({ text }) => text));
  const everywhere = infinityGramOf(
    documents.map(({ tokens }) => tokens),
    tokenizer,
  );
  const nearby = new Map<string, InfinityGram>();
  const counts = countTokens(documents, tokenizer);

  return {
    unigram: (token) => Math.log((counts.of[token] + 1) / (counts.total + tokenizer.vocabSize)),
    near({ prompt, retrieved, texts }) {
      const found = retrieved.map((hash) => documentOf.get(hash));
      const strangers = texts.filter((_, i) => found[i] === undefined);
      const known = found.filter((id) => id !== undefined);
      const chosen =
        retrieved.length > 0
          ? known
          : index.search(prompt, { limit: NEAR_DOCUMENTS }).map(({ document }) => document);
      const key = `${chosen.join()}|${strangers.join('\0')}`;
      const gram =
        nearby.get(key) ??
        infinityGramOf(
          [
            ...chosen.map((id) => documents[id].tokens),
            ...strangers.map((text) => tokenizer.encode(text)),
          ],
          tokenizer,
        );
      remember(nearby, key, gram);
      return (tokens) => longestMatch(gram, tokens) ?? longestMatch(everywhere, tokens);
    },
  };
}

function countTokens(
  documents: readonly { readonly tokens: ArrayLike<number> }[],
  { vocabSize }: Tokenizer,
): { readonly of: Float64Array; readonly total: number } {
  const of = new Float64Array(vocabSize);
  let total = 0;
  for (const { tokens } of documents) {
    for (let i = 0; i < tokens.length; i++) of[tokens[i]]++;
    total += tokens.length;
  }
  return { of, total };
}

/** The texts of documents, each once: a document in two snapshots is told by its first record. */
function distinctDocuments(corpora: readonly Corpus[]): readonly string[] {
  const seen = new Set<string>();
  const texts: string[] = [];
  for (const corpus of corpora) {
    for (const { records } of corpus.documents) {
      const isKnown = records.some(({ hash }) => seen.has(hash));
      for (const { hash } of records) seen.add(hash);
      if (!isKnown) texts.push(textOf({ records }));
    }
  }
  return texts;
}

const infinityGramOf = (
  documents: readonly (readonly number[])[],
  tokenizer: Tokenizer,
): InfinityGram =>
  buildInfinityGram(documents, { vocabSize: tokenizer.vocabSize, separatorId: tokenizer.bosId });

function longestMatch(gram: InfinityGram, tokens: readonly number[]): NextTokens | undefined {
  const next = nextTokens(gram, tokens, { maxLength: LONGEST_MATCH });
  return next.matchLength > 0 && next.total > 0 ? next : undefined;
}

/** Keeps the last few, so that the calls of one prompt share their index. */
function remember(cache: Map<string, InfinityGram>, key: string, gram: InfinityGram): void {
  cache.delete(key);
  cache.set(key, gram);
  if (cache.size > 64) cache.delete(cache.keys().next().value as string);
}
