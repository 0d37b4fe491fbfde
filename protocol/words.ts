/**
 * 'words-1': how text is cut into words, for tracing, counting and information. Shared by server and verifiers.
 *
 * Three kinds of code points: *word* (Unicode 17.0 categories L, M, N, and `_`), *space* (the 25 listed below), and
 * *symbol* (all others, lone surrogates included). A token is a longest run of word code points, or one symbol. Spaces
 * separate and belong to no token. Case, accents and composition are kept: nothing is normalised. The cut depends only
 * on the code points on both sides of it, runs in one pass, and is the same in every engine.
 */
import { WORD_BOUNDARIES } from './word-boundaries.ts';

export const WORDS_VERSION = 'words-1';

/** A cut text. Token i is `text.slice(starts[i], ends[i])`; offsets are UTF-16 code units. */
export type Words = {
  readonly text: string;
  readonly count: number;
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  /** 1 where the token is a word or number, 0 where it is a symbol. */
  readonly wordFlags: Uint8Array;
};

/** Cuts a text into tokens. Linear in its length. */
export function cutWords(text: string): Words {
  let capacity = (text.length >> 2) + 16;
  let starts = new Int32Array(capacity);
  let ends = new Int32Array(capacity);
  let wordFlags = new Uint8Array(capacity);
  let count = 0;
  for (let at = 0; at < text.length; ) {
    const kind = kindAt(text, at);
    const end = kind === WORD ? endOfWord(text, at) : at + widthAt(text, at);
    if (kind !== SPACE) {
      if (count === capacity) {
        capacity *= 2;
        starts = enlarged(starts, new Int32Array(capacity));
        ends = enlarged(ends, new Int32Array(capacity));
        wordFlags = enlarged(wordFlags, new Uint8Array(capacity));
      }
      starts[count] = at;
      ends[count] = end;
      wordFlags[count++] = kind === WORD ? 1 : 0;
    }
    at = end;
  }
  return {
    text,
    count,
    starts: starts.subarray(0, count),
    ends: ends.subarray(0, count),
    wordFlags: wordFlags.subarray(0, count),
  };
}

/** Where the word that a word code point begins ends. Most code points are one unit: those are looked up at once. */
function endOfWord(text: string, start: number): number {
  let end = start;
  while (end < text.length) {
    const unit = text.charCodeAt(end);
    if (unit < 0xd800 || unit > 0xdbff) {
      if (kinds[unit] !== WORD) break;
      end += 1;
    } else {
      if (kindAt(text, end) !== WORD) break;
      end += widthAt(text, end);
    }
  }
  return end;
}

export const tokenAt = (words: Words, i: number): string =>
  words.text.slice(words.starts[i], words.ends[i]);

/** The white space between token i and the next one; after the last token, the rest of the text. */
export const gapAfter = (words: Words, i: number): string =>
  words.text.slice(words.ends[i], gapEnd(words, i));

/** Where the white space after token i ends. */
export const gapEnd = ({ text, count, starts }: Words, i: number): number =>
  i + 1 < count ? starts[i + 1] : text.length;

/** Says whether a token (one that `cutWords` made) is a word or number rather than a symbol. */
export const isWord = (token: string): boolean => token !== '' && kindAt(token, 0) === WORD;

/** Says whether an offset lies inside a word: a word code point on each side of it. */
export function cutsWord(text: string, offset: number): boolean {
  if (offset <= 0 || offset >= text.length || kindAt(text, offset) !== WORD) return false;
  const before = offset > 1 && widthAt(text, offset - 2) === 2 ? offset - 2 : offset - 1;
  return kindAt(text, before) === WORD;
}

/**
 * Prepares the way from UTF-16 offsets to code point offsets, for readers that count in code points (Python, Rust).
 *
 * @returns a function from an offset in 0..text.length; inside a surrogate pair it answers with the pair's own offset
 */
export function codePointOffsets(text: string): (offset: number) => number {
  const seconds: number[] = []; // offsets of low surrogates, which are not code points of their own
  for (let i = 1; i < text.length; i++) {
    if (widthAt(text, i - 1) === 2) seconds.push(i++);
  }
  if (seconds.length === 0) return (offset) => offset;
  return (offset) => {
    let low = 0;
    let high = seconds.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (seconds[middle] <= offset) low = middle + 1;
      else high = middle;
    }
    return offset - low;
  };
}

const SYMBOL = 0;
const WORD = 1;
const SPACE = 2;

/** What `\s` matches in ECMAScript, pinned: tab to carriage return, space, and the spaces beyond ASCII. */
const SPACES = [
  ...[0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x20, 0xa0, 0x1680, 0x2000, 0x2001, 0x2002, 0x2003, 0x2004],
  ...[0x2005, 0x2006, 0x2007, 0x2008, 0x2009, 0x200a, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000],
  0xfeff,
];

/** The kind of each of the 1,114,112 code points. */
const kinds = kindTable();

function kindTable(): Uint8Array {
  const table = new Uint8Array(0x110000);
  let at = 0;
  let kind = SYMBOL;
  for (const distance of WORD_BOUNDARIES.trim().split(/\s/)) {
    const next = at + Number.parseInt(distance, 36);
    table.fill(kind, at, next);
    kind = kind === WORD ? SYMBOL : WORD;
    at = next;
  }
  for (const space of SPACES) table[space] = SPACE;
  return table;
}

/** Code units of the code point at an offset; a lone surrogate counts as one. */
function widthAt(text: string, at: number): 1 | 2 {
  const unit = text.charCodeAt(at);
  if (unit < 0xd800 || unit > 0xdbff || at + 1 >= text.length) return 1;
  const next = text.charCodeAt(at + 1);
  return next >= 0xdc00 && next <= 0xdfff ? 2 : 1;
}

function kindAt(text: string, at: number): number {
  const unit = text.charCodeAt(at);
  return kinds[unit < 0xd800 || unit > 0xdbff ? unit : (text.codePointAt(at) ?? unit)];
}

function enlarged<A extends Int32Array | Uint8Array>(old: A, larger: A): A {
  larger.set(old);
  return larger;
}

/** Where a text's words begin, symbols left out; ascending. */
export function wordStarts(text: string): Int32Array {
  const { starts, wordFlags } = cutWords(text);
  return starts.filter((_, i) => wordFlags[i] === 1);
}

/** How many of ascending numbers are smaller: by word starts, the number of the word that begins at an offset. */
export function firstAtLeast(ascending: ArrayLike<number>, number: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ascending[middle] < number) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** How many words a text has, symbols left out. */
export const wordCount = (text: string): number =>
  cutWords(text).wordFlags.reduce((sum, flag) => sum + flag, 0);
