/** The record of each call: what was asked of whom, what was delivered, what it cost. */
import { type Id, OpenLedgerError, type PricedBy, type ToolCall } from '@openledger/protocol';
import type { RetrievedRecord } from '../datanets/index.ts';
import type { Caller } from '../identity/index.ts';
import type { ModelSnapshot } from '../models/index.ts';
import type { Reader, Tx } from '../platform/db.ts';
import { announce } from '../platform/jobs.ts';
import { prepared, type Sql, sql } from '../platform/sql.ts';
import { type EmbeddingRequest, embeddingDocumentOf } from './embedding-request.ts';
import { isLimited, type Settlement, settleLimits, tokensOf } from './limits.ts';
import type { Usage } from './price.ts';
import { documentOf, type GenerationRequest, storable } from './request.ts';

/** Who and what took part, as it was at the time of the call. */
export type InferenceRoute = {
  readonly model: string;
  readonly operator: string;
  readonly operatorPartyId: Id<'party'>;
  readonly builderPartyId: Id<'party'>;
  /** The base model's builder, when an adapter was served. */
  readonly basePartyId: Id<'party'> | undefined;
  readonly modelHash: string | undefined;
  readonly adapterHash: string | undefined;
  /** How the answer was made, where that is ours to know. */
  readonly engine: string | undefined;
  /** What an engine of ours needs to know to measure the answer; undefined where another operator gave it. */
  readonly scoring:
    | {
        /** The bare base under the adapter; undefined where a base answered. */
        readonly base: string | undefined;
        readonly interpolate: boolean;
        /** Of its ensemble for influence. */
        readonly adapters: number;
      }
    | undefined;
  readonly snapshots: readonly ModelSnapshot[];
  /** What makes the price of the usage; undefined where that was not kept. */
  readonly terms?: PricedBy | undefined;
};

/** An operator that was asked and did not answer to the end. */
export type FailedAttempt = {
  readonly operator: string;
  /** Its HTTP status, or the code of what went wrong. */
  readonly reason: string;
  readonly ms: number;
};

/** A record put into the prompt: its hash and the snapshot it was retrieved from. */
export type Retrieved = { readonly recordHash: string; readonly snapshotId: Id<'snapshot'> };

export type Inference = {
  readonly inferenceId: Id<'inference'>;
  readonly payerId: Id<'party'>;
  readonly status: 'held' | 'served' | 'void';
  readonly route: InferenceRoute;
  readonly request: string;
  readonly clientTexts: readonly string[];
  readonly retrieved: readonly Retrieved[];
  /** Its text, then its calls of tools, as the receipt commits to them. */
  readonly output: string;
  readonly toolCalls: readonly ToolCall[];
  readonly finishReason: string;
  readonly usage: Usage;
  readonly estimated: boolean;
  readonly priceUnits: bigint;
  /** Before the one that ended the call. */
  readonly failures: readonly FailedAttempt[];
  readonly createdAt: Date;
  readonly servedAt: Date | undefined;
  /** The call whose answer was given again. */
  readonly cachedFrom: Id<'inference'> | undefined;
};

/** A call that is about to be asked of operators. */
export type Opening = {
  readonly inferenceId: Id<'inference'>;
  readonly createdAt: Date;
  /** The serving process. */
  readonly servedBy: string;
  readonly caller: Caller;
  readonly request: GenerationRequest | EmbeddingRequest;
  readonly retrieved: readonly RetrievedRecord[];
  readonly heldUnits: bigint;
  readonly atMost: Usage;
  readonly route: InferenceRoute;
  readonly cachedFrom: Id<'inference'> | undefined;
};

/** Its row, with the names of its columns. */
export type OpenedRow = ReturnType<typeof openedRow>;

export function openedRow(call: Opening) {
  const { route, request, caller } = call;
  const document =
    request.kind === 'embedding' ? embeddingDocumentOf(request) : documentOf(request);
  return {
    id: call.inferenceId,
    payer_id: caller.partyId,
    key_id: caller.keyId,
    served_by: call.servedBy,
    model: route.model,
    operator: route.operator,
    status: 'held',
    route,
    request: document.text,
    client_texts: document.clientTexts,
    retrieved: call.retrieved.map(({ recordHash, snapshotId }) => ({ recordHash, snapshotId })),
    held_units: call.heldUnits.toString(),
    held_tokens: isLimited(caller) ? tokensOf(call.atMost) : null,
    cached_from: call.cachedFrom ?? null,
    created_at: call.createdAt,
  };
}

export async function openInference(tx: Tx, call: Opening): Promise<void> {
  const row = openedRow(call);
  await tx.query(sql`
    insert into gateway.inferences
      (id, payer_id, key_id, served_by, model, operator, status, route, request, client_texts, retrieved, held_units,
       held_tokens, cached_from, created_at)
    values (
      ${row.id}, ${row.payer_id}, ${row.key_id}, ${row.served_by}, ${row.model}, ${row.operator}, ${row.status},
      ${JSON.stringify(row.route)}, ${row.request}, ${row.client_texts}, ${JSON.stringify(row.retrieved)},
      ${row.held_units}, ${row.held_tokens}, ${row.cached_from}, ${row.created_at}
    )`);
}

/** What a call has come to. */
export type ServedCall = {
  readonly inferenceId: Id<'inference'>;
  /** Its text and its calls, as the receipt commits to them. */
  readonly output: string;
  readonly toolCalls: readonly ToolCall[];
  readonly finishReason: string;
  readonly usage: Usage;
  readonly estimated: boolean;
  /** That its operator counted more than an honest one can, as far as is known. */
  readonly overstated?: boolean;
  readonly priceUnits: bigint;
  readonly servedAt: Date;
  /** As it was, where another one answered than was asked first; undefined: as it was opened. */
  readonly route?: InferenceRoute;
  readonly failures?: readonly FailedAttempt[];
};

/** What an end changes of a row, with the names of its columns. */
export type EndedRow = ReturnType<typeof endedRow> | ReturnType<typeof voidRow>;

export const endedRow = (served: ServedCall) => ({
  id: served.inferenceId,
  status: 'served' as const,
  output: storable(served.output),
  tool_calls: served.toolCalls.length > 0 ? storableCalls(served.toolCalls) : undefined,
  finish_reason: served.finishReason,
  prompt_tokens: served.usage.promptTokens,
  completion_tokens: served.usage.completionTokens,
  estimated: served.estimated,
  overstated: served.overstated || undefined,
  price_units: served.priceUnits.toString(),
  served_at: served.servedAt,
  ...(served.route ? { route: served.route, operator: served.route.operator } : {}),
  failed_attempts: served.failures?.length ? served.failures : undefined,
});

export const voidRow = (inferenceId: Id<'inference'>, { finishReason, failures }: VoidReason) => ({
  id: inferenceId,
  status: 'void' as const,
  finish_reason: finishReason,
  failed_attempts: failures.length > 0 ? failures : undefined,
});

const storableCalls = (calls: readonly ToolCall[]): readonly ToolCall[] =>
  calls.map((call) => ({ ...call, arguments: storable(call.arguments) }));

/**
 * Ends a call as served, announces it and settles its key's limits, all or nothing.
 *
 * @returns false when the call had ended already; then nothing is changed
 */
export async function recordServed(tx: Tx, served: ServedCall): Promise<boolean> {
  const { inferenceId, priceUnits, usage, servedAt } = served;
  const row = endedRow(served);
  const [ended] = await tx.query<Ended>(sql`
    update gateway.inferences
    set status = 'served', output = ${row.output}, tool_calls = ${jsonOf(row.tool_calls)},
        finish_reason = ${row.finish_reason}, prompt_tokens = ${row.prompt_tokens},
        completion_tokens = ${row.completion_tokens}, estimated = ${row.estimated},
        overstated = ${row.overstated ?? null}, price_units = ${row.price_units}, served_at = ${row.served_at}, route = coalesce(${jsonOf(row.route)}::jsonb, route),
        operator = coalesce(${row.operator ?? null}, operator), failed_attempts = ${jsonOf(row.failed_attempts)}
    where id = ${inferenceId} and status = 'held'
    returning ${promised}`);
  if (!ended) return false;
  await settle(tx, ended, {
    spent: priceUnits,
    used: { tokens: tokensOf(usage), at: servedAt },
  });
  await announce(tx, 'inference.served', { inferenceId });
  return true;
}

const jsonOf = (value: unknown): string | null =>
  value === undefined ? null : JSON.stringify(value);

/** Why a call delivered nothing, and who had failed. */
export type VoidReason = {
  readonly finishReason: string;
  readonly failures: readonly FailedAttempt[];
};

/** Ends a call that delivered nothing; its key's limits have back what it was promised. It was a request all the same. */
export async function recordVoid(tx: Tx, inferenceId: string, why: VoidReason): Promise<void> {
  for (const ended of await voidOpen(tx, sql`id = ${inferenceId}`, why)) {
    await settle(tx, ended, { spent: 0n });
  }
}

/** Ends a call that was refused before its operator was asked: not even a request. */
export async function recordRefused(tx: Tx, inferenceId: string, at: Date): Promise<void> {
  for (const ended of await voidOpen(tx, sql`id = ${inferenceId}`)) {
    await settle(tx, ended, { spent: 0n, isRefused: { at } });
  }
}

/** Ends a call that was served and that nobody can be paid for any more: it has cost its key nothing. */
export async function recordLost(tx: Tx, inferenceId: string): Promise<void> {
  const [lost] = await tx.query<Ended & { price_units: string }>(sql`
    update gateway.inferences
    set status = 'void', finish_reason = 'expired'
    where id = ${inferenceId} and status = 'served'
    returning ${promised}, price_units`);
  if (!lost) return;
  const nothing = { held_units: '0', held_tokens: lost.held_tokens && '0' };
  await settle(tx, { ...lost, ...nothing }, { spent: -BigInt(lost.price_units) });
}

/** The processes that have calls open. */
export async function findServing(on: Reader): Promise<readonly string[]> {
  const rows = await on.query<{ served_by: string }>(sql`
    select distinct served_by
    from gateway.inferences
    where status = 'held'`);
  return rows.map((row) => row.served_by);
}

/** Calls that were held and never ended: they are void, and promise nothing any more. */
export const voidLate = (tx: Tx, before: Date): Promise<readonly Id<'inference'>[]> =>
  voidAll(tx, sql`created_at < ${before}`);

/** The open calls of processes that are gone. */
export const voidOf = (tx: Tx, gone: readonly string[]): Promise<readonly Id<'inference'>[]> =>
  voidAll(tx, sql`served_by = any(${gone}::text[])`);

async function voidAll(tx: Tx, which: Sql): Promise<readonly Id<'inference'>[]> {
  const abandoned = [...(await voidOpen(tx, which))];
  abandoned.sort((a, b) => (a.key_id < b.key_id ? -1 : 1)); // all who lock several keys do so in one order
  for (const ended of abandoned) await settle(tx, ended, { spent: 0n });
  return abandoned.map(({ id }) => id);
}

const voidOpen = (tx: Tx, which: Sql, why?: VoidReason): Promise<readonly Ended[]> =>
  tx.query<Ended>(sql`
    update gateway.inferences
    set status = 'void', finish_reason = ${why?.finishReason ?? null}, failed_attempts = ${jsonOf(why?.failures.length ? why.failures : undefined)}
    where status = 'held' and ${which}
    returning ${promised}`);

/** What an ended call was promised of its key's limits. */
type Ended = {
  id: Id<'inference'>;
  key_id: string;
  model: string;
  held_units: string;
  held_tokens: string | null;
  created_at: Date;
};

const promised = sql`id, key_id, model, held_units, held_tokens, created_at`;

/** Nothing where the key has no limits. */
async function settle(
  tx: Tx,
  { key_id: keyId, model, held_units, held_tokens, created_at: createdAt }: Ended,
  outcome: Pick<Settlement, 'spent' | 'used' | 'isRefused'>,
): Promise<void> {
  if (held_tokens === null) return;
  await settleLimits(tx, {
    ...{ keyId, createdAt, model, ...outcome },
    ...{ reserved: BigInt(held_units), tokensReserved: Number(held_tokens) },
  });
}

type Row = {
  id: Id<'inference'>;
  payer_id: Id<'party'>;
  status: 'held' | 'served' | 'void';
  route: InferenceRoute;
  request: string;
  client_texts: string[];
  retrieved: Retrieved[];
  output: string | null;
  tool_calls: readonly ToolCall[] | null;
  finish_reason: string | null;
  prompt_tokens: number | null;
  completion_tokens: number | null;
  estimated: boolean | null;
  price_units: string | null;
  failed_attempts: readonly FailedAttempt[] | null;
  created_at: Date;
  served_at: Date | null;
  cached_from: Id<'inference'> | null;
};

const columns = sql`id, payer_id, status, route, request, client_texts, retrieved, output, tool_calls, finish_reason,
  prompt_tokens, completion_tokens, estimated, price_units, failed_attempts, created_at, served_at, cached_from`;

/** @throws not_found */
export async function findInference(on: Reader, inferenceId: string): Promise<Inference> {
  const [row] = await on.query<Row>(
    prepared(
      'gateway.find-call',
      sql`
    select ${columns}
    from gateway.inferences
    where id = ${inferenceId}`,
    ),
  );
  if (!row) throw new OpenLedgerError('not_found', `No inference ${inferenceId}.`);
  return fromRow(row);
}

/** A payer's calls, newest first. */
export async function listInferences(
  on: Reader,
  {
    payerId,
    limit,
    after,
  }: { readonly payerId: string; readonly limit: number; readonly after?: string },
): Promise<readonly Inference[]> {
  const rows = await on.query<Row>(sql`
    select ${columns}
    from gateway.inferences
    where payer_id = ${payerId} and (${after ?? null}::text is null or id < ${after ?? null})
    order by id desc
    limit ${limit}`);
  return rows.map(fromRow);
}

const fromRow = (row: Row): Inference => ({
  inferenceId: row.id,
  payerId: row.payer_id,
  status: row.status,
  route: row.route,
  request: row.request,
  clientTexts: row.client_texts,
  retrieved: row.retrieved,
  output: row.output ?? '',
  toolCalls: row.tool_calls ?? [],
  finishReason: row.finish_reason ?? '',
  usage: { promptTokens: row.prompt_tokens ?? 0, completionTokens: row.completion_tokens ?? 0 },
  estimated: row.estimated ?? false,
  priceUnits: BigInt(row.price_units ?? 0),
  failures: row.failed_attempts ?? [],
  createdAt: row.created_at,
  servedAt: row.served_at ?? undefined,
  cachedFrom: row.cached_from ?? undefined,
});
