/** How an operator did lately, from the records of the calls it was asked for. */
import { OpenLedgerError } from '@openledger/protocol';
import type { Clock } from '../platform/clock.ts';
import type { Reader } from '../platform/db.ts';
import { sql } from '../platform/sql.ts';

/** Of calls opened within a time; answers given again are left out, for nobody was asked. */
export type Score = {
  readonly calls: number;
  readonly served: number;
  readonly void: number;
  /** The operator failed, before its first word or after. */
  readonly failed: number;
  /** Of the calls that have ended. */
  readonly failedPpm: number;
  readonly disconnected: number;
  readonly promptTokens: number;
  readonly completionTokens: number;
  /** What payers were charged; the operator's part of it is the policy's. */
  readonly chargedUnits: bigint;
  /** Served with token counts that the operator did not give, or that disagree with ours. */
  readonly estimated: number;
  /** Of the served. */
  readonly estimatedPpm: number;
  /** Served with counts beyond what an honest operator can have, where the model's tokenizer is known: lowered to ours. */
  readonly overstated: number;
  /** Milliseconds from opening to the end, of answers that came to their end; undefined where there was none. */
  readonly serveMs: { readonly p50: number; readonly p95: number } | undefined;
};

export type Scorecard = { readonly hour: Score; readonly day: Score };

const HOUR_MS = 3_600_000;

/** @throws not_found */
export async function readScorecard(
  { db, clock }: { readonly db: Reader; readonly clock: Clock },
  name: string,
): Promise<Scorecard> {
  const known = await db.query(sql`select name from gateway.operators where name = ${name}`);
  if (known.length === 0) throw new OpenLedgerError('not_found', `No operator ${name}.`);
  const since = (ms: number) => scoreSince(db, name, new Date(clock.now().getTime() - ms));
  const [hour, day] = await Promise.all([since(HOUR_MS), since(24 * HOUR_MS)]);
  return { hour, day };
}

type Row = {
  calls: string;
  served: string;
  void: string;
  failed: string;
  disconnected: string;
  prompt_tokens: string;
  completion_tokens: string;
  charged_units: string;
  estimated: string;
  overstated: string;
  serve_ms: number[] | null;
};

async function scoreSince(db: Reader, name: string, from: Date): Promise<Score> {
  const [row] = await db.query<Row>(sql`
    select count(*) as calls,
           count(*) filter (where status = 'served') as served,
           count(*) filter (where status = 'void') as void,
           count(*) filter (where finish_reason = 'operator_failed') as failed,
           count(*) filter (where finish_reason = 'disconnected') as disconnected,
           coalesce(sum(prompt_tokens), 0) as prompt_tokens,
           coalesce(sum(completion_tokens), 0) as completion_tokens,
           coalesce(sum(price_units), 0) as charged_units,
           count(*) filter (where estimated) as estimated,
           count(*) filter (where overstated) as overstated,
           percentile_disc(array[0.5, 0.95]) within group (
             order by extract(epoch from served_at - created_at)::float8 * 1000
           ) filter (
             where status = 'served' and finish_reason not in ('operator_failed', 'disconnected')
           ) as serve_ms
    from gateway.inferences
    where operator = ${name} and created_at >= ${from} and cached_from is null`);
  return fromRow(row);
}

function fromRow(row: Row): Score {
  const [served, ended, failed, estimated] = [
    Number(row.served),
    Number(row.served) + Number(row.void),
    Number(row.failed),
    Number(row.estimated),
  ];
  const [p50, p95] = row.serve_ms ?? [];
  return {
    ...{ calls: Number(row.calls), served, void: Number(row.void) },
    ...{ failed, failedPpm: ppm(failed, ended), disconnected: Number(row.disconnected) },
    promptTokens: Number(row.prompt_tokens),
    completionTokens: Number(row.completion_tokens),
    chargedUnits: BigInt(row.charged_units),
    ...{ estimated, estimatedPpm: ppm(estimated, served) },
    overstated: Number(row.overstated),
    serveMs: row.serve_ms ? { p50: Math.round(p50), p95: Math.round(p95) } : undefined,
  };
}

const ppm = (part: number, whole: number): number =>
  whole === 0 ? 0 : Math.round((part / whole) * 1_000_000);
