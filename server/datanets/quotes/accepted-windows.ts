/** The windows of everything that a datanet has ever accepted, and which tokens of a text lie in one of them. */
import { defaultOwnershipRules } from '../ownership/ownership.ts';
import { createTokenIds } from '../ownership/token-ids.ts';
import { createTokenStore } from '../ownership/token-store.ts';

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
  const store = createTokenStore(k);
  return {
    accept: (text) => {
      store.append(ids.tokenize(text));
    },
    shareOf: (text) => {
      const tokens = ids.find(text);
      return { tokens: tokens.length, ownTokens: tokens.length - store.countKnown(tokens) };
    },
    size: store.size,
  };
}
