/**
 * The records of calls whose key has no limits, written many at a time: an opening, an end, or both at once.
 *
 * A record tells the same whichever way it was written (inferences.ts writes one in a transaction with others' tables).
 */
import type { Id } from '@openledger/protocol';
import { type Db, isRefusedData } from '../platform/db.ts';
import { createGroup } from '../platform/group-commit.ts';
import { announceEach } from '../platform/jobs.ts';
import { prepared, sql } from '../platform/sql.ts';
import {
  type EndedRow,
  endedRow,
  type OpenedRow,
  type ServedCall,
  type VoidReason,
  voidRow,
} from './inferences.ts';

export type CallRecords = {
  /** @returns false when it had ended already; then nothing is changed */
  serve(served: ServedCall): Promise<boolean>;
  void(inferenceId: Id<'inference'>, why: VoidReason): Promise<void>;
};

/** As many as share a statement. */
export const MOST_ROWS = 200;

export function createCallRecords(db: Pick<Db, 'write'>): CallRecords {
  const endings = createGroup<EndedRow, boolean>(
    async (rows) => {
      const ended = await endRows(db, rows);
      return rows.map(({ id }) => ended.has(id));
    },
    { most: MOST_ROWS, isOneItems: isRefusedData },
  );
  return {
    serve: (served) => endings.add(endedRow(served)),
    void: async (id, why) => void (await endings.add(voidRow(id, why))),
  };
}

/** JSON carries many rows of many texts in one value, and the table says what its columns are. */
const rowsIn = (rows: readonly object[]) =>
  sql`json_populate_recordset(null::gateway.inferences, ${JSON.stringify(rows)}::json)`;

const columns = sql`id, payer_id, key_id, served_by, model, operator, status, route, request, client_texts, retrieved,
  held_units, held_tokens, cached_from, created_at, output, tool_calls, finish_reason, prompt_tokens, completion_tokens,
  estimated, overstated, price_units, served_at, failed_attempts`;

/** Opens calls, and ends those whose end is known. @returns those that were not there before */
export async function insertRows(
  db: Pick<Db, 'write'>,
  rows: readonly (Omit<OpenedRow, 'status'> & Pick<EndedRow | OpenedRow, 'status'>)[],
): Promise<ReadonlySet<string>> {
  const statement = sql`
    with opened as (
      insert into gateway.inferences (${columns})
      select ${columns}
      from ${rowsIn(rows)}
      on conflict (id) do nothing
      returning id, status
    )
    select id, ${announceServed(sql`select id from opened where status = 'served'`)} as announced
    from opened`;
  return idsOf(await db.write(prepared('gateway.open-calls', statement)));
}

/** Ends calls that are open. @returns those that were */
export async function endRows(
  db: Pick<Db, 'write'>,
  rows: readonly EndedRow[],
): Promise<ReadonlySet<string>> {
  const statement = sql`
    with ended as (
      update gateway.inferences
      set status = said.status, output = said.output, tool_calls = said.tool_calls, finish_reason = said.finish_reason,
          prompt_tokens = said.prompt_tokens, completion_tokens = said.completion_tokens, estimated = said.estimated,
          overstated = said.overstated, price_units = said.price_units, served_at = said.served_at, route = coalesce(said.route, inferences.route),
          operator = coalesce(said.operator, inferences.operator), failed_attempts = said.failed_attempts
      from ${rowsIn(rows)} as said
      where inferences.id = said.id and inferences.status = 'held' and inferences.held_tokens is null
      returning inferences.id, inferences.status
    )
    select id, ${announceServed(sql`select id from ended where status = 'served'`)} as announced
    from ended`;
  return idsOf(await db.write(prepared('gateway.end-calls', statement)));
}

const idsOf = (rows: readonly Record<string, unknown>[]): ReadonlySet<string> =>
  new Set(rows.map(({ id }) => id as string));

/** Counts them, so that it is done. */
const announceServed = (ids: ReturnType<typeof sql>) => sql`(
  select count(*)
  from (${announceEach(
    'inference.served',
    sql`select json_build_object('inferenceId', id) from (${ids}) as served`,
  )}) as announced)`;
