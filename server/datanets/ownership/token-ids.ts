/** Texts as sequences of whole numbers: one for each distinct token of 'words-1'. */
import { cutWords, tokenAt } from '@openledger/protocol';

export type TokenizedText = {
  readonly tokens: Int32Array;
  /** For each line, the tokens up to its end; the last is the number of tokens. */
  readonly lineEnds: readonly number[];
};

export type TokenIds = {
  readonly tokenize: (text: string) => TokenizedText;
  /** The numbers of a text's tokens, -1 for those that have none; gives out no new ones. */
  readonly find: (text: string) => Int32Array;
  /** The token of each number. */
  readonly tokens: readonly string[];
};

const UNKNOWN = -1;

export function createTokenIds(): TokenIds {
  const idOf = new Map<string, number>();
  const tokens: string[] = [];

  function idFor(token: string): number {
    const known = idOf.get(token);
    if (known !== undefined) return known;
    const own = Buffer.from(token, 'utf16le').toString('utf16le'); // a slice would keep its whole text in memory
    idOf.set(own, tokens.length);
    return tokens.push(own) - 1;
  }

  return {
    tokens,
    tokenize: (text) => {
      const words = cutWords(text);
      const ids = new Int32Array(words.count);
      const lineEnds: number[] = [];
      let feed = text.indexOf('\n');
      for (let i = 0; i < words.count; i++) {
        for (; feed >= 0 && feed < words.starts[i]; feed = text.indexOf('\n', feed + 1)) {
          lineEnds.push(i);
        }
        ids[i] = idFor(tokenAt(words, i));
      }
      for (; feed >= 0; feed = text.indexOf('\n', feed + 1)) lineEnds.push(words.count);
      lineEnds.push(words.count);
      return { tokens: ids, lineEnds };
    },
    find: (text) => {
      const words = cutWords(text);
      return Int32Array.from(
        { length: words.count },
        (_, i) => idOf.get(tokenAt(words, i)) ?? UNKNOWN,
      );
    },
  };
}
