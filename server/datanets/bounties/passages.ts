/** The passages that a bounty measures, and what refinements make of them. */
export type Passage = {
  readonly hash: string;
  readonly text: string;
  /** The contribution it was cut from: by it a passage answers a question. */
  readonly document: string;
};

/** By their hashes. */
export type Passages = ReadonlyMap<string, Passage>;

export type Child = {
  readonly hash: string;
  readonly text: string;
  /** For each of its lines the parent's line, from 1. */
  readonly lines: readonly number[];
};

/** What one refinement made of one passage. */
export type RefinedPassage = {
  readonly parent: string;
  /** The refiner's name. */
  readonly refinement: string;
  /** True: the parent stays, and the children stand beside it. False: they stand for it. */
  readonly adds: boolean;
  readonly children: readonly Child[];
};

/** Applies refinements in their order. One whose parent is not there, or no longer, does nothing. */
export function refinedPassages(passages: Passages, work: readonly RefinedPassage[]): Passages {
  const after = new Map(passages);
  for (const { parent, adds, children } of work) {
    const refined = after.get(parent);
    if (!refined) continue;
    if (!adds) after.delete(parent);
    for (const { hash, text } of children) {
      if (!after.has(hash)) after.set(hash, { hash, text, document: refined.document });
    }
  }
  return after;
}
