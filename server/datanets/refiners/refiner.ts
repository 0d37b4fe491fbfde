/** Refiners: named, versioned, pure. The same text in the same place gives the same refinement for ever, under that name. */
import type { FeePolicy, Refinement } from '@openledger/protocol';
import { annotate } from './annotate.ts';
import { chunk } from './chunk.ts';
import { clean } from './clean.ts';
import { deduplicate } from './deduplicate.ts';
import type { LinedText } from './lined-text.ts';
import type { Place } from './place.ts';
import { tag } from './tag.ts';

/** The kind of work, as the policy pays it. */
export type WorkKind = keyof FeePolicy['refinerShares'];

export type Refiner = {
  readonly kind: WorkKind;
  /** What replaces the parent: nothing where nothing of it is worth keeping, itself where there is nothing to do. */
  readonly refine: (text: string, place: Place) => readonly LinedText[];
};

export const refiners: { readonly [R in Refinement]: Refiner } = {
  'clean-1': { kind: 'clean', refine: (text, { path }) => clean(text, path) },
  'chunk-1': { kind: 'chunk', refine: chunk },
  'deduplicate-1': { kind: 'clean', refine: deduplicate },
  'annotate-1': { kind: 'annotate', refine: annotate },
  'tag-1': { kind: 'annotate', refine: tag },
};
