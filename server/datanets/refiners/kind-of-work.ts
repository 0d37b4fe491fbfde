/** Which kind of work a refinement is, told by its name alone: all that is left of it in the lineage. */
import type { ModelRefinement, Refinement } from '@openledger/protocol';
import { modelRefiners } from './model-refiners.ts';
import { refiners, type WorkKind } from './refiner.ts';

/** A person's refinement: named by its kind and the submission that it came with. */
export const nameByHand = (kind: WorkKind, submissionId: string): string =>
  `by-hand-${kind}:${submissionId}`;

/** @throws a plain Error: only names that were given here are in the lineage */
export function kindOfWork(refinement: string): WorkKind {
  const byHand = /^by-hand-(clean|chunk|annotate|translate|qa):/.exec(refinement)?.[1];
  if (byHand) return byHand as WorkKind;
  if (Object.hasOwn(refiners, refinement)) return refiners[refinement as Refinement].kind;
  const byModel = refinement.split('.')[0];
  if (Object.hasOwn(modelRefiners, byModel)) return modelRefiners[byModel as ModelRefinement].kind;
  throw new Error(`Nobody knows the refinement ${refinement}.`);
}

/**
 * True: all it writes is of the parent, so a text that others have is theirs by the order of their contributions. What anybody
 * could have written anywhere must be new to the datanet, or it would claim for its parent's owner what others brought.
 */
export const isVerbatim = (refinement: string): boolean => Object.hasOwn(refiners, refinement);
