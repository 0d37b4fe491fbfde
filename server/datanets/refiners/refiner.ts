/** Refiners: named, versioned, pure. The same text gives the same refinement for ever, under that name. */
import type { FeePolicy, Refinement } from '@openledger/protocol';
import { chunk } from './chunk.ts';
import { clean } from './clean.ts';

/** A derived text, and for each of its lines the line of the parent it came from, both counted from 1. */
export type LinedText = { readonly text: string; readonly lines: readonly number[] };

export type Refiner = {
  /** The kind of work, as the policy pays it. */
  readonly kind: keyof FeePolicy['refinerShares'];
  /** What replaces the parent: nothing where nothing of it is worth keeping. */
  readonly refine: (text: string) => readonly LinedText[];
};

export const refiners: { readonly [R in Refinement]: Refiner } = {
  'clean-1': { kind: 'clean', refine: clean },
  'chunk-1': { kind: 'chunk', refine: chunk },
};
