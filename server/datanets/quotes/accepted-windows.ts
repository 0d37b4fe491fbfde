/** The windows of everything that a datanet has ever accepted, and which tokens of a text lie in one of them. */
import { createReadableWindowTable } from '../../compute/window-table.ts';
import { defaultOwnershipRules } from '../ownership/ownership.ts';
import { createTokenIds } from '../ownership/token-ids.ts';
import { withRoom } from '../ownership/token-store.ts';

export type Share = {
  /** Words and symbols. */
  readonly tokens: number;
  /** Those that lie in no window accepted before. */
  readonly ownTokens: number;
};

export type AcceptedWindows = {
  readonly accept: (text: string) => void;
  /** Of a text that is not accepted; leaves no trace of it. */
  readonly shareOf: (text: string) => Share;
  /** Tokens accepted so far. */
  readonly size: () => number;
};

/** Windows as the seal resolves them: of k tokens, and a shorter text is one window of its own. */
export function createAcceptedWindows(k = defaultOwnershipRules.windowTokens): AcceptedWindows {
  const ids = createTokenIds();
  const corpus = { symbols: new Int32Array(1024) };
  let size = 0;
  const tables = Array.from({ length: k }, (_, i) => createReadableWindowTable(corpus, i + 1)); // by length

  /** Behind all that is accepted, where the next text would stand. */
  function write(tokens: Int32Array): void {
    corpus.symbols = withRoom(corpus.symbols, size + tokens.length);
    corpus.symbols.set(tokens, size);
  }

  return {
    accept: (text) => {
      const { tokens } = ids.tokenize(text);
      write(tokens);
      const length = Math.min(k, tokens.length);
      const end = size + tokens.length;
      if (length > 0) {
        for (let at = size; at + length <= end; at++) tables[length - 1].firstOf(at);
      }
      size = end;
    },
    shareOf: (text) => {
      const tokens = ids.find(text);
      write(tokens);
      const length = Math.min(k, tokens.length);
      let knownUpTo = 0; // tokens before it are counted
      let known = 0;
      for (let at = 0; length > 0 && at + length <= tokens.length; at++) {
        if (tables[length - 1].find(size + at) === undefined) continue;
        known += at + length - Math.max(at, knownUpTo);
        knownUpTo = at + length;
      }
      return { tokens: tokens.length, ownTokens: tokens.length - known };
    },
    size: () => size,
  };
}
