/** Measures the game between base, adapter and context, and what each owner of the context was worth to an answer. */
import {
  type ChannelScores,
  type ContextEvidence,
  type Id,
  MOST_SHAPLEY_OWNERS,
  type Shares,
  scoreOf,
} from '@openledger/protocol';
import { type Inference, type InferenceRoute, plainPrompt } from '../gateway/index.ts';
import type { Models } from '../models/index.ts';

/** A record in the prompt that may still be credited, by the snapshot through which it takes part. */
export type CreditableText = {
  readonly record: string;
  readonly snapshot: Id<'snapshot'>;
  readonly text: string;
  readonly owners: Shares;
};

export type ScoredAnswer = {
  /** The model that answered. */
  readonly model: string;
  /** Its bare base; undefined when it is one itself. */
  readonly base: string | undefined;
  readonly prompt: string;
  readonly output: string;
  readonly interpolate: boolean;
  readonly retrieved: readonly CreditableText[];
};

/** An inference as its engine is asked to measure it. */
export const scoredAnswer = (
  { route, clientTexts, output }: Pick<Inference, 'route' | 'clientTexts' | 'output'>,
  { base, interpolate }: NonNullable<InferenceRoute['scoring']>,
  retrieved: readonly CreditableText[],
): ScoredAnswer => ({
  ...{ model: route.model, base, interpolate, output, retrieved },
  prompt: plainPrompt(clientTexts),
});

/** Needs an adapter or a context: without either there is nothing to tell apart. */
export async function scoreChannels(
  source: Pick<Models, 'likelihoods'>,
  { model, base, retrieved, ...answer }: ScoredAnswer,
): Promise<Pick<ChannelScores, 'tokens' | 'game' | 'context'>> {
  const owners = ownersAmong(retrieved);
  const isExact = owners.length <= MOST_SHAPLEY_OWNERS;
  const coalitions = isExact ? allCoalitions(owners.length) : endCoalitions(owners.length);
  const textsOf = (coalition: ReadonlySet<number>) =>
    retrieved
      .filter((one) => coalition.has(owners.findIndex((own) => own.includes(one))))
      .map(({ text }) => text);
  const served = await source.likelihoods({
    ...answer,
    model,
    contexts: coalitions.map(textsOf),
  });
  const scores = served.likelihoods.map(scoreOf);
  const whole = scores[isExact ? scores.length - 1 : 1];
  const hasContext = owners.length > 0;
  if (base === undefined) {
    return {
      tokens: served.tokens,
      game: game({
        ...{ unigram: scoreOf(served.unigram), none: scores[0] },
        context: hasContext ? whole : null,
      }),
      context: hasContext ? contextEvidence(owners, { isExact, scores }) : null,
    };
  }
  const everything = retrieved.map(({ text }) => text);
  const bare = await source.likelihoods({
    ...answer,
    model: base,
    contexts: hasContext ? [[], everything] : [[]],
  });
  const [none, context = null] = bare.likelihoods.map(scoreOf);
  return {
    tokens: served.tokens,
    game: game({
      ...{ unigram: scoreOf(bare.unigram), none, context },
      ...{ adapter: scores[0], both: hasContext ? whole : null },
    }),
    context: hasContext ? contextEvidence(owners, { isExact, scores }) : null,
  };
}

const game = (
  scores: Pick<ChannelScores['game'], 'unigram' | 'none' | 'context'> &
    Partial<ChannelScores['game']>,
): ChannelScores['game'] => ({
  ...{ algorithm: 'likelihood-game-1', kind: 'contributive', adapter: null, both: null },
  ...scores,
});

type Owner = readonly CreditableText[];

/** Records under one entitlement vector are one owner's; owners in the order of their first record. */
function ownersAmong(retrieved: readonly CreditableText[]): readonly Owner[] {
  const owners = new Map<string, CreditableText[]>();
  for (const one of retrieved.toSorted((a, b) => (a.record < b.record ? -1 : 1))) {
    const key = one.owners.map(({ to, weight }) => `${to} ${weight}`).join();
    owners.set(key, [...(owners.get(key) ?? []), one]);
  }
  return [...owners.values()];
}

/** Every coalition of some players, player i in the one of number c where bit i of c is set. */
const allCoalitions = (players: number): readonly ReadonlySet<number>[] =>
  Array.from(
    { length: 2 ** players },
    (_, c) => new Set(numbersBelow(players).filter((i) => c & (1 << i))),
  );

/** Nobody, everybody, each alone, all but each. */
const endCoalitions = (players: number): readonly ReadonlySet<number>[] => {
  const all = numbersBelow(players);
  return [
    new Set<number>(),
    new Set(all),
    ...all.map((player) => new Set([player])),
    ...all.map((player) => new Set(all.filter((other) => other !== player))),
  ];
};

const numbersBelow = (count: number): readonly number[] =>
  Array.from({ length: count }, (_, i) => i);

const contextEvidence = (
  owners: readonly Owner[],
  { isExact, scores }: { readonly isExact: boolean; readonly scores: number[] },
): ContextEvidence => ({
  algorithm: isExact ? 'context-shapley-1' : 'context-ends-1',
  kind: 'contributive',
  owners: owners.map((records) => ({
    records: records.map(({ record, snapshot }) => ({ record, snapshot })),
  })),
  scores,
});
