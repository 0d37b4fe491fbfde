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
  type EndedCall,
  endedRow,
  type Opening,
  openedRow,
  type ServedCall,
  type VoidReason,
  voidRow,
} from './inferences.ts';

export type CallRecords = {
  open(call: Opening): Promise<void>;
  /** @returns false when it had ended already; then nothing is changed */
  serve(served: ServedCall): Promise<boolean>;
  void(inferenceId: Id<'inference'>, why: VoidReason): Promise<void>;
  /** Of a call that was never on record while it was open. */
  openAndServe(call: Opening, served: ServedCall): Promise<void>;
  openAndVoid(call: Opening, why: VoidReason): Promise<void>;
};

/** As many as share a statement. */
const MOST = 200;

type OpenedRow = ReturnType<typeof openedRow> & Partial<EndedCall> & { readonly status: string };

export function createCallRecords(db: Pick<Db, 'write'>): CallRecords {
  const options = { most: MOST, isOneItems: isRefusedData };
  const openings = createGroup<OpenedRow, void>((rows) => insertAll(db, rows), options);
  const endings = createGroup<EndedCall, boolean>((rows) => endAll(db, rows), options);
  return {
    open: (call) => openings.add({ ...openedRow(call), status: 'held' }),
    serve: (served) => endings.add(endedRow(served)),
    void: async (id, why) => void (await endings.add(voidRow(id, why))),
    openAndServe: (call, served) => openings.add({ ...openedRow(call), ...endedRow(served) }),
    openAndVoid: (call, why) =>
      openings.add({ ...openedRow(call), ...voidRow(call.inferenceId, why) }),
  };
}

/** JSON carries many rows of many texts in one value, and the table says what its columns are. */
const rowsIn = (rows: readonly object[]) =>
  sql`json_populate_recordset(null::gateway.inferences, ${JSON.stringify(rows)}::json)`;

const columns = sql`id, payer_id, key_id, served_by, model, operator, status, route, request, client_texts, retrieved,
  held_units, held_tokens, cached_from, created_at, output, tool_calls, finish_reason, prompt_tokens, completion_tokens,
  estimated, price_units, served_at, failed_attempts`;

async function insertAll(db: Pick<Db, 'write'>, rows: readonly OpenedRow[]): Promise<undefined[]> {
  const statement = sql`
    with opened as (
      insert into gateway.inferences (${columns})
      select ${columns}
      from ${rowsIn(rows)}
      returning id, status
    )
    select count(*)
    from (${announceServed(sql`select id from opened where status = 'served'`)}) as announced`;
  await db.write(prepared('gateway.open-calls', statement));
  return rows.map(() => undefined);
}

async function endAll(db: Pick<Db, 'write'>, rows: readonly EndedCall[]): Promise<boolean[]> {
  const statement = sql`
    with ended as (
      update gateway.inferences
      set status = said.status, output = said.output, tool_calls = said.tool_calls, finish_reason = said.finish_reason,
          prompt_tokens = said.prompt_tokens, completion_tokens = said.completion_tokens, estimated = said.estimated,
          price_units = said.price_units, served_at = said.served_at, route = coalesce(said.route, inferences.route),
          operator = coalesce(said.operator, inferences.operator), failed_attempts = said.failed_attempts
      from ${rowsIn(rows)} as said
      where inferences.id = said.id and inferences.status = 'held' and inferences.held_tokens is null
      returning inferences.id, inferences.status
    )
    select id, (
      select count(*)
      from (${announceServed(sql`select id from ended where status = 'served'`)}) as announced
    ) as announced
    from ended`;
  const ended = await db.write<{ id: string }>(prepared('gateway.end-calls', statement));
  const ids = new Set(ended.map(({ id }) => id));
  return rows.map(({ id }) => ids.has(id));
}

const announceServed = (ids: ReturnType<typeof sql>) =>
  announceEach(
    'inference.served',
    sql`select json_build_object('inferenceId', id) from (${ids}) as served`,
  );
