/** Texts of records as numbers: each is read and cut once, and only a page of them is in memory as text. */
import { createCopyFinder, isWord, type UnigramTable, WORDS_VERSION } from '@openledger/protocol';
import type { Reader } from '../platform/db.ts';
import { sql } from '../platform/sql.ts';
import type { TokenIds, TokenizedText } from './ownership/token-ids.ts';

/** Texts held in memory at a time. */
const PAGE = 500;

export type RecordTokens = TokenizedText & { readonly quality: number };

/** By hash. Withdrawn records still have their texts: nobody inherits them. */
export async function readTokens(
  reader: Reader,
  {
    datanetId,
    records,
    ids,
  }: {
    readonly datanetId: string;
    readonly records: Iterable<{ readonly hash: string }>;
    readonly ids: TokenIds;
  },
): Promise<ReadonlyMap<string, RecordTokens>> {
  const hashes = [...new Set(Array.from(records, ({ hash }) => hash))];
  const found = new Map<string, RecordTokens>();
  for (let start = 0; start < hashes.length; start += PAGE) {
    const rows = await reader.query<{ hash: string; text: string; quality: number }>(sql`
      select hash, text, quality
      from datanets.records
      where datanet_id = ${datanetId} and hash = any(${hashes.slice(start, start + PAGE)}::text[])`);
    for (const { hash, text, quality } of rows) {
      found.set(hash, { ...ids.tokenize(text), quality });
    }
  }
  return found;
}

/** How often each word stands in the texts, as `unigramTable` counts: what is copied once. @param texts in their order */
export function countWords(
  { tokens }: TokenIds,
  texts: Iterable<Pick<TokenizedText, 'tokens'>>,
): UnigramTable {
  const copiedIn = createCopyFinder();
  const seen = new Float64Array(tokens.length);
  for (const text of texts) {
    const copied = copiedIn(text.tokens);
    for (const [i, id] of text.tokens.entries()) if (!copied[i]) seen[id] += 1;
  }
  const counts = new Map<string, number>();
  let total = 0;
  for (const [id, count] of seen.entries()) {
    if (count === 0 || !isWord(tokens[id])) continue;
    counts.set(tokens[id], count);
    total += count;
  }
  return { words: WORDS_VERSION, total, counts };
}
