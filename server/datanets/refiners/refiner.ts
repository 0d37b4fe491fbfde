/** Refiners: named, versioned, pure. The same text gives the same refinement for ever, under that name. */
import type { FeePolicy, Refinement } from '@openledger/protocol';
import { chunk } from './chunk.ts';
import { clean } from './clean.ts';
import type { LinedText } from './lined-text.ts';

export type Refiner = {
  /** The kind of work, as the policy pays it. */
  readonly kind: keyof FeePolicy['refinerShares'];
  /**
   * What replaces the parent: nothing where nothing of it is worth keeping, itself where there is nothing to do.
   *
   * @param path of the contributed file, where there is one
   */
  readonly refine: (text: string, path: string | undefined) => readonly LinedText[];
};

export const refiners: { readonly [R in Refinement]: Refiner } = {
  'clean-1': { kind: 'clean', refine: clean },
  'chunk-1': { kind: 'chunk', refine: chunk },
};
