/** Models, and who serves them, remembered for a moment: calls come faster than these change. */
import type { Model, Models } from '../models/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db.ts';
import { remembered } from '../platform/remembered.ts';
import { findCandidates } from './offers.ts';
import { type FoundOperator, findOperator } from './operators.ts';
import type { CountTokens } from './own-count.ts';
import type { Candidate } from './routing/plan.ts';

export type Directory = {
  /** @throws model_not_found */
  model(nameOrId: string): Promise<Model>;
  candidates(model: Model): Promise<readonly Candidate[]>;
  /** @throws not_found */
  operator(name: string): Promise<FoundOperator>;
  /** By the tokenizer that a model names; undefined where it names none. */
  counterOf(model: Model): CountTokens | undefined;
  /** To be called when offers or operators have changed; other processes see it within a second. */
  forget(): void;
};

/** A model never changes. */
const MODELS = { forMs: 60_000, most: 10_000 };
const TERMS = { forMs: 1000, most: 10_000 };

export function createDirectory({
  clock,
  ...handles
}: {
  readonly db: Db;
  readonly models: Models;
  readonly clock: Clock;
}): Directory {
  const models = remembered((name) => handles.models.find(name), { clock, ...MODELS });
  const candidates = remembered(
    async (name) => findCandidates({ db: handles.db, clock }, [await models.of(name)]),
    { clock, ...TERMS },
  );
  const operators = remembered((name) => findOperator(handles, name), { clock, ...TERMS });
  return {
    model: (name) => models.of(name),
    candidates: ({ name }) => candidates.of(name),
    operator: (name) => operators.of(name),
    counterOf: ({ tokenizer }) =>
      tokenizer === undefined
        ? undefined
        : (texts) => handles.models.tokenizers.count(tokenizer, texts),
    forget() {
      candidates.forget();
      operators.forget();
    },
  };
}
