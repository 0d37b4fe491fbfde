/**
 * Trains a byte-level BPE tokenizer: starts from single bytes and joins the most frequent pair of neighbours, again
 * and again (Sennrich, Haddow, Birch, "Neural Machine Translation of Rare Words with Subword Units", 2016).
 *
 * Counts are kept, not taken anew: a join changes only the pieces of text that hold the pair. The result depends on
 * nothing but how often each piece occurs: between equally frequent pairs, the smaller bytes are joined first.
 */
import { utf8 } from '@openledger/protocol';
import { type Before, popHeap, pushHeap } from '../heap.ts';
import { byteLetters } from './byte-letters.ts';
import type { TokenizerFile } from './tokenizer.ts';

/** The first ids, in this order. `<|bos|>` stands before each document and so parts one from the next. */
const SPECIAL_TOKENS = ['<|bos|>', '<|eos|>', '<|pad|>'] as const;

/**
 * Where text is cut before anything is joined: words and symbols with the space before them, short numbers, line ends,
 * other white space. Every code point falls into one piece; lengths are bounded, so no text is slow to encode.
 */
const PIECES =
  ' ?[\\p{L}\\p{M}]{1,48}| ?\\p{N}{1,2}| ?[^\\s\\p{L}\\p{M}\\p{N}]{1,12}|\\n{1,16}|[^\\S\\n]{1,32}(?!\\S)|[^\\S\\n]{1,32}';

/** A pair of neighbouring symbols and how often it occurred when it was pushed. */
type Candidate = { readonly left: number; readonly right: number; readonly count: number };

type Piece = { symbols: number[]; readonly count: number };

/**
 * @param vocabularySize ids wanted, special tokens and the 256 bytes included; small texts may yield fewer
 * @returns the content of a Hugging Face `tokenizer.json`
 */
export function trainTokenizer(
  texts: Iterable<string>,
  { vocabularySize }: { readonly vocabularySize: number },
): TokenizerFile {
  const joins = learnJoins(countPieces(texts), vocabularySize - SPECIAL_TOKENS.length - 256);
  const letters = [...byteLetters];
  const merges = joins.map(([left, right]) => {
    letters.push(letters[left] + letters[right]);
    return [letters[left], letters[right]] as const;
  });
  const tokens = [...SPECIAL_TOKENS, ...letters];
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: SPECIAL_TOKENS.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: null,
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        { type: 'Split', pattern: { Regex: PIECES }, behavior: 'Isolated', invert: false },
        { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false },
      ],
    },
    post_processor: null,
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges,
    },
  };
}

/** The distinct pieces as bytes, with how often each occurs. */
function countPieces(texts: Iterable<string>): Piece[] {
  const pattern = new RegExp(PIECES, 'gu');
  const counts = new Map<string, number>();
  for (const text of texts) {
    for (const piece of text.match(pattern) ?? []) counts.set(piece, (counts.get(piece) ?? 0) + 1);
  }
  return Array.from(counts, ([piece, count]) => ({ symbols: [...utf8(piece)], count }));
}

/** @returns at most `most` pairs, each of symbols that exist by then: bytes are 0..255, the n-th join makes 256 + n */
function learnJoins(pieces: readonly Piece[], most: number): [left: number, right: number][] {
  const bytes = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte));
  const before: Before<Candidate> = (a, b) => {
    if (a.count !== b.count) return a.count > b.count;
    if (a.left !== b.left) return bytes[a.left] < bytes[b.left];
    return bytes[a.right] < bytes[b.right];
  };
  const pairs = countPairs(pieces);
  const heap: Candidate[] = [];
  for (const [key, { count }] of pairs) pushHeap(heap, { ...pairOf(key), count }, before);

  const joins: [number, number][] = [];
  while (joins.length < most) {
    const best = popHeap(heap, before);
    if (best === undefined) break;
    const count = pairs.get(keyOf(best.left, best.right))?.count ?? 0;
    if (count < 2) continue;
    if (count !== best.count) {
      pushHeap(heap, { ...best, count }, before); // it has changed since it was pushed
      continue;
    }
    const joined = 256 + joins.length;
    bytes.push(bytes[best.left] + bytes[best.right]);
    joins.push([best.left, best.right]);
    for (const key of joinEverywhere(pieces, pairs, best, joined)) {
      pushHeap(heap, { ...pairOf(key), count: pairs.get(key)?.count ?? 0 }, before);
    }
  }
  return joins;
}

/** How often a pair occurs, and the pieces it may be found in. */
type Pair = { count: number; readonly pieces: Set<number> };

function countPairs(pieces: readonly Piece[]): Map<number, Pair> {
  const pairs = new Map<number, Pair>();
  for (const [i, { symbols, count }] of pieces.entries()) addPairs(pairs, symbols, i, count);
  return pairs;
}

/** Adds (or, with a negative count, takes away) the pairs of one piece. */
function addPairs(
  pairs: Map<number, Pair>,
  symbols: readonly number[],
  piece: number,
  count: number,
): void {
  for (let k = 0; k + 1 < symbols.length; k++) {
    const key = keyOf(symbols[k], symbols[k + 1]);
    let pair = pairs.get(key);
    if (!pair) {
      pair = { count: 0, pieces: new Set() };
      pairs.set(key, pair);
    }
    pair.count += count;
    if (count > 0) pair.pieces.add(piece);
  }
}

/** Joins one pair in all pieces that hold it. @returns the keys of the new pairs, which hold the joined symbol */
function joinEverywhere(
  pieces: readonly Piece[],
  pairs: Map<number, Pair>,
  { left, right }: Candidate,
  joined: number,
): ReadonlySet<number> {
  const fresh = new Set<number>();
  for (const i of pairs.get(keyOf(left, right))?.pieces ?? []) {
    const piece = pieces[i];
    const symbols = joinIn(piece.symbols, left, right, joined);
    if (symbols.length === piece.symbols.length) continue; // an earlier join took the pair apart here
    addPairs(pairs, piece.symbols, i, -piece.count);
    addPairs(pairs, symbols, i, piece.count);
    piece.symbols = symbols;
    for (let k = 0; k + 1 < symbols.length; k++) {
      if (symbols[k] === joined || symbols[k + 1] === joined)
        fresh.add(keyOf(symbols[k], symbols[k + 1]));
    }
  }
  pairs.delete(keyOf(left, right));
  return fresh;
}

function joinIn(symbols: readonly number[], left: number, right: number, joined: number): number[] {
  const result: number[] = [];
  for (let k = 0; k < symbols.length; k++) {
    if (symbols[k] === left && symbols[k + 1] === right) {
      result.push(joined);
      k += 1;
    } else {
      result.push(symbols[k]);
    }
  }
  return result;
}

const SYMBOLS = 2 ** 24;
const keyOf = (left: number, right: number): number => left * SYMBOLS + right;
const pairOf = (key: number) => ({ left: Math.floor(key / SYMBOLS), right: key % SYMBOLS });
