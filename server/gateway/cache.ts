/**
 * Answers given again: to the payer who paid for them, for just the same request, for a while; and to others who ask for it and
 * share, where he shares too.
 *
 * No text is copied: an entry names the call whose record holds the answer. Given again is only what ended normally, by a
 * count that nobody disputes, and has been paid for; and only where the client left nothing to chance.
 */
import { type Id, sha256Hex } from '@openledger/protocol';
import type { Datanets } from '../datanets/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db, Reader, Tx } from '../platform/db.ts';
import { sql } from '../platform/sql.ts';
import type { InferenceRoute, Retrieved } from './inferences.ts';
import type { FinishReason, Operator } from './operators/operator.ts';
import type { Usage } from './price.ts';
import type { GenerationRequest } from './request.ts';
import type { Route } from './routing/plan.ts';

export type CacheSettings = {
  /** How long an answer may be given again, counted from when it was made. */
  readonly seconds: number;
  /** What that costs, in parts per million of the model's price: 0 to 1,000,000. */
  readonly pricePpm: number;
  /** What it costs where another payer had it made. */
  readonly sharedPricePpm: number;
};

/** What an answer is kept under. */
export type CacheKey = {
  readonly payerId: Id<'party'>;
  readonly requestHash: string;
  /** Whether its payer lets others have it, and would have theirs. */
  readonly isShared: boolean;
};

/** All that an answer hangs on. */
type Asked = {
  readonly request: GenerationRequest;
  readonly maxTokens: number;
  /** With the versions of model, adapter and snapshots. */
  readonly route: InferenceRoute;
  readonly retrieved: readonly Retrieved[];
};

/** @returns undefined where the answer may not be one that was given before */
export async function cacheKeyOf(
  datanets: Pick<Datanets, 'findSnapshot'>,
  payerId: Id<'party'>,
  asked: Asked,
): Promise<CacheKey | undefined> {
  if (!isRepeatable(asked.request)) return undefined;
  const pools = await Promise.all(
    asked.route.snapshots.map(async ({ snapshotId }) => {
      const { poolVersion } = await datanets.findSnapshot(snapshotId);
      return `${snapshotId}:${poolVersion}`;
    }),
  );
  const isShared = asked.request.cache === 'shared';
  return { payerId, requestHash: requestHashOf({ ...asked, pools }), isShared };
}

/** Whoever samples without a seed wants another answer each time. Log-probabilities are not recorded. */
const isRepeatable = ({ cache, temperature, seed, logprobs }: GenerationRequest): boolean =>
  cache !== false && (temperature === 0 || seed !== undefined) && logprobs === undefined;

/** @param pools versions of the pools of the model's snapshots: a withdrawal makes a new one, and a new answer */
export function requestHashOf({
  request,
  maxTokens,
  route,
  retrieved,
  pools,
}: Asked & { readonly pools: readonly string[] }): string {
  const { tools, toolChoice, parallelToolCalls, responseFormat } = request;
  const { kind, messages, temperature, topP, topK, seed, stop, interpolate } = request;
  return sha256Hex(
    JSON.stringify([
      ...[kind, messages, maxTokens, tools, toolChoice],
      ...[temperature, topP, topK, seed, stop, interpolate],
      ...[parallelToolCalls, responseFormat],
      ...[
        { ...route, ...ANY_OPERATOR },
        retrieved.map(({ recordHash, snapshotId }) => [recordHash, snapshotId]),
        pools,
      ],
    ]),
  );
}

/** Whoever serves the model, on whatever terms, it is the same model. */
const ANY_OPERATOR = { operator: undefined, operatorPartyId: undefined, terms: undefined };

type KeptAnswer = {
  readonly inferenceId: Id<'inference'>;
  readonly output: string;
  readonly finishReason: FinishReason;
  readonly usage: Usage;
  /** Who had made it. */
  readonly route: InferenceRoute;
  /** What it costs now. */
  readonly pricePpm: number;
};

type Row = {
  id: Id<'inference'>;
  output: string;
  finish_reason: FinishReason;
  prompt_tokens: number;
  completion_tokens: number;
  route: InferenceRoute;
  is_own: boolean;
};

/**
 * The cheapest there is: as a rule the payer's own, where he has one.
 *
 * @param terms with the operators that the client wants: nobody is paid again whom he rules out
 */
export async function findAnswer(
  { db, clock }: { readonly db: Reader; readonly clock: Clock },
  { payerId, requestHash, isShared }: CacheKey,
  {
    seconds,
    pricePpm,
    sharedPricePpm,
    only,
    without,
  }: CacheSettings & Pick<Route, 'only' | 'without'>,
): Promise<KeptAnswer | undefined> {
  const since = new Date(clock.now().getTime() - seconds * 1000);
  const [row] = await db.query<Row>(sql`
    select made.id, made.output, made.finish_reason, made.prompt_tokens, made.completion_tokens, made.route,
      kept.payer_id = ${payerId} as is_own
    from gateway.cached_answers kept
    join gateway.inferences made on made.id = kept.inference_id
    where (kept.payer_id = ${payerId} or ${isShared} and kept.is_shared) and kept.request_hash = ${requestHash}
      and (${only ?? null}::text[] is null or made.operator = any(${only ?? null}::text[])) and made.operator <> all(${without}::text[])
      and kept.cached_at > ${since} and made.status = 'served' and made.captured_at is not null
    order by (kept.payer_id = ${payerId}) = ${pricePpm <= sharedPricePpm} desc, kept.cached_at desc
    limit 1`);
  return (
    row && {
      ...{ inferenceId: row.id, output: row.output, finishReason: row.finish_reason },
      usage: { promptTokens: row.prompt_tokens, completionTokens: row.completion_tokens },
      ...{ route: row.route, pricePpm: row.is_own ? pricePpm : sharedPricePpm },
    }
  );
}

/** Gives the answer again, in one piece. */
export const answerAgain = ({
  output: text,
  finishReason,
  usage,
}: KeptAnswer): Operator['generate'] =>
  async function* () {
    yield { kind: 'text', text, tokens: usage.completionTokens, logprobs: [] };
    yield { kind: 'end', finishReason, usage };
  };

/** In place of an older answer to the same request. */
export async function keepAnswer(
  tx: Tx,
  { payerId, requestHash, isShared }: CacheKey,
  made: { readonly inferenceId: Id<'inference'>; readonly servedAt: Date },
): Promise<void> {
  await tx.query(sql`
    insert into gateway.cached_answers (payer_id, request_hash, inference_id, cached_at, is_shared)
    values (${payerId}, ${requestHash}, ${made.inferenceId}, ${made.servedAt}, ${isShared})
    on conflict (payer_id, request_hash) do update
    set inference_id = excluded.inference_id, cached_at = excluded.cached_at, is_shared = excluded.is_shared`);
}

/** Entries of all payers together; each is some 250 bytes. */
const MOST_ENTRIES = 100_000;

/** Drops the entries that are too old, and the oldest of too many. */
export async function boundCache(
  db: Db,
  { before, most = MOST_ENTRIES }: { readonly before: Date; readonly most?: number },
): Promise<void> {
  await db.transaction((tx) =>
    tx.query(sql`
      delete from gateway.cached_answers
      where cached_at <= greatest(${before}, (
        select cached_at
        from gateway.cached_answers
        order by cached_at desc
        offset ${most}
        limit 1
      ))`),
  );
}
