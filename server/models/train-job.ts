/** What the trainer process is told, and what it tells. */
import type { AdapterRecipe, BaseRecipe, Evaluation, RunProgress } from '@openledger/protocol';

type Common = {
  /** Corpus file of the snapshot to learn from. */
  readonly corpus: string;
  /** Checkpoints; a run that finds one here continues it. */
  readonly runFolder: string;
  /** Where the finished model goes. */
  readonly modelFolder: string;
  readonly threads: number;
};

export type TrainJob =
  | (Common & { readonly kind: 'base'; readonly recipe: BaseRecipe })
  | (Common & {
      readonly kind: 'adapter';
      readonly recipe: AdapterRecipe;
      readonly baseFolder: string;
      /** The base's own corpus: a part of it is mixed in, so that the base is not forgotten. */
      readonly baseCorpus: string;
      /** The snapshot's records by groups of their owners; where the recipe asks for influence. */
      readonly groups: readonly (readonly string[])[];
    });

export type TrainReport =
  | { readonly kind: 'progress'; readonly progress: RunProgress }
  | { readonly kind: 'done'; readonly evaluation: Evaluation }
  | { readonly kind: 'failed'; readonly reason: string };
