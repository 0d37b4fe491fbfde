/** What a call would cost by each who may answer it now: at most, and about. Nobody is asked, and no money moves. */
import { type NamedTerms, priceOf } from '@openledger/protocol';
import { isPaid } from '../models/index.ts';
import type { Reader } from '../platform/db.ts';
import { sql } from '../platform/sql.ts';
import { promptCountOf } from './count-prompt.ts';
import type { EmbedCall } from './embed.ts';
import {
  candidatesFor,
  inOrder,
  type PrepareHandles,
  prepareAttempts,
} from './prepare-attempts.ts';
import { countsOf, prepareEmbedding } from './prepare-embedding.ts';
import type { Usage } from './price.ts';
import { retrieveContext } from './retrieve-context.ts';
import type { InOrder } from './routing/attempt-in-turn.ts';
import type { Candidate, Route } from './routing/plan.ts';
import { assertAllowed, type ServeCall, type ServeHandles } from './serve.ts';

export type Quote = {
  readonly terms: NamedTerms;
  /** What would be set aside for it. */
  readonly atMost: Cost;
  /** By our own count of the prompt, and the length of the operator's last answers by this model. */
  readonly about: Cost;
};

type Cost = Usage & { readonly units: bigint };

export type QuoteHandles = PrepareHandles &
  Pick<ServeHandles, 'datanets' | 'access'> & { readonly db: Reader };

/** What is retrieved counts in the prompt; what reading it may cost is the client's own `payUpTo`. @throws what `serve` throws before money moves */
export async function quote(
  handles: QuoteHandles,
  { request, caller }: Pick<ServeCall, 'request' | 'caller'>,
): Promise<readonly Quote[]> {
  const models = await Promise.all(
    [request.model, ...request.fallbacks].map((name) => handles.directory.model(name)),
  );
  for (const model of models) assertAllowed(caller, model);
  const commercial = models.some(({ pricing }) => isPaid(pricing));
  const { retrieved } = await retrieveContext(handles, { request, caller, commercial });
  const candidates = await candidatesFor(handles, models);
  const asked = await prepareAttempts(handles, candidates, {
    ...{ request: { ...request, route: toAll(request.route, candidates) }, retrieved },
  });
  const quotes = each(asked).map(async (attempt) => {
    const { candidate, atMost } = attempt;
    const { promptTokens } = await promptCountOf(attempt);
    const completionTokens = await tokensAnswered(handles.db, candidate as Candidate);
    const about = lesserOf({ promptTokens, completionTokens }, atMost);
    return quoteBy(candidate as Candidate, { atMost, about });
  });
  return cheapestFirst(await Promise.all(quotes));
}

/** @throws what `embed` throws before money moves */
export async function quoteEmbedding(
  handles: PrepareHandles,
  { request, caller }: Pick<EmbedCall, 'request' | 'caller'>,
): Promise<readonly Quote[]> {
  const model = await handles.directory.model(request.model);
  assertAllowed(caller, model);
  const candidates = await candidatesFor(handles, [model]);
  const asked = await inOrder(handles, candidates, {
    wish: { ...request, route: toAll(request.route, candidates) },
    prepare: (candidate) => prepareEmbedding(handles.directory, candidate, request),
  });
  const { own, atMost } = countsOf(request.inputs);
  const quotes = each(asked).map(({ candidate }) =>
    quoteBy(candidate, { atMost, about: own.usage }),
  );
  return cheapestFirst(quotes);
}

/** Nobody who may be asked is left out because others come before. */
const toAll = (route: Route, candidates: readonly Candidate[]): Route => ({
  ...route,
  attempts: Math.max(1, candidates.length),
});

/** Each of them once, though a plan may come back to it. */
const each = <A>(asked: InOrder<A>): readonly A[] => [
  ...new Set(asked.map(({ attempt }) => attempt)),
];

const lesserOf = (a: Usage, b: Usage): Usage => ({
  promptTokens: Math.min(a.promptTokens, b.promptTokens),
  completionTokens: Math.min(a.completionTokens, b.completionTokens),
});

function quoteBy(
  { terms, pricing }: Candidate,
  { atMost, about }: { readonly atMost: Usage; readonly about: Usage },
): Quote {
  const costOf = (usage: Usage): Cost => ({ ...usage, units: priceOf(pricing, usage) });
  return { terms, atMost: costOf(atMost), about: costOf(about) };
}

const cheapestFirst = (quotes: readonly Quote[]): readonly Quote[] =>
  [...quotes].sort((a, b) => Number(a.about.units - b.about.units));

/** The mean of those of its last thousand calls that this model answered; as long as may be, where there is none. */
async function tokensAnswered(on: Reader, { model, operator }: Candidate): Promise<number> {
  const [{ tokens }] = await on.query<{ tokens: number | null }>(sql`
    select round(avg(completion_tokens))::int as tokens
    from (
      select model, status, cached_from, completion_tokens
      from gateway.inferences
      where operator = ${operator}
      order by created_at desc
      limit 1000
    ) as calls
    where model = ${model.name} and status = 'served' and cached_from is null`);
  return tokens ?? Number.POSITIVE_INFINITY;
}
