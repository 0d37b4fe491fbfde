/** Accepted texts, one after the other, and where each window and each short line of them stood first. */
import { createWindowTable } from '../../compute/window-table.ts';
import type { TokenizedText } from './token-ids.ts';

/** Where a text stands. */
export type Place = {
  readonly start: number;
  readonly end: number;
  /** For each line, the tokens up to its end. */
  readonly lineEnds: readonly number[];
};

export type TokenStore = {
  readonly append: (text: TokenizedText) => Place;
  /** Visits each window of k tokens, and where it stood first. A text shorter than k is one window. */
  readonly eachWindow: (place: Place, visit: (at: number, first: number) => void) => void;
  /** Visits each line that has tokens but fewer than k, and where the same line stood first. */
  readonly eachShortLine: (
    place: Place,
    visit: (at: number, first: number, length: number) => void,
  ) => void;
  /** How many of a text's tokens lie in windows of accepted texts. Leaves no trace of the text. */
  readonly countKnown: (tokens: Int32Array) => number;
  readonly size: () => number;
};

/** @param k tokens in a window */
export function createTokenStore(k: number): TokenStore {
  const corpus = { symbols: new Int32Array(1024), size: 0 };
  let firsts = new Int32Array(1024); // per position: where the window that begins there stood first
  const windows = Array.from({ length: k }, (_, i) => createWindowTable(corpus, i + 1)); // by length
  const lines = Array.from({ length: k - 1 }, (_, i) => createWindowTable(corpus, i + 1));

  /** Behind all that is accepted. */
  function write(tokens: Int32Array): void {
    corpus.symbols = withRoom(corpus.symbols, corpus.size + tokens.length);
    corpus.symbols.set(tokens, corpus.size);
  }

  return {
    append: ({ tokens, lineEnds }) => {
      write(tokens);
      const start = corpus.size;
      const end = start + tokens.length;
      corpus.size = end;
      firsts = withRoom(firsts, end);
      const length = Math.min(k, tokens.length);
      if (length > 0) {
        const { firstOf } = windows[length - 1];
        for (let at = start; at + length <= end; at++) firsts[at] = firstOf(at);
      }
      return { start, end, lineEnds };
    },
    eachWindow: ({ start, end }, visit) => {
      const length = Math.min(k, end - start);
      if (length === 0) return;
      for (let at = start; at + length <= end; at++) visit(at, firsts[at]);
    },
    eachShortLine: ({ start, lineEnds }, visit) => {
      let from = 0;
      for (const end of lineEnds) {
        const length = end - from;
        if (length > 0 && length < k)
          visit(start + from, lines[length - 1].firstOf(start + from), length);
        from = end;
      }
    },
    countKnown: (tokens) => {
      write(tokens);
      const length = Math.min(k, tokens.length);
      let counted = 0; // tokens before it
      let known = 0;
      for (let at = 0; length > 0 && at + length <= tokens.length; at++) {
        if (windows[length - 1].find(corpus.size + at) === undefined) continue;
        known += at + length - Math.max(at, counted);
        counted = at + length;
      }
      return known;
    },
    size: () => corpus.size,
  };
}

/** The same array, or a copy with room for `size` numbers and for as many again as it had. */
export function withRoom(array: Int32Array<ArrayBuffer>, size: number): Int32Array<ArrayBuffer> {
  if (size <= array.length) return array;
  const larger = new Int32Array(Math.max(2 * array.length, size));
  larger.set(array);
  return larger;
}
