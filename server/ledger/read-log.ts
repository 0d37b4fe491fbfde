/** The log as an audit reads it: a text a batch, so that PostgreSQL and Node each touch a row only once. */
import type { Reader } from '../platform/db.ts';
import { type Sql, sql } from '../platform/sql.ts';
import type { BatchRow } from './read-transactions.ts';

/** A batch, and what is there of the sequences it claims. */
export type LoggedBatch = BatchRow & {
  /** Rows found, and when they were written down, in microseconds since 1970: the first and the last moment. */
  readonly found: string;
  readonly first_at: string | null;
  readonly last_at: string | null;
  /** The rows by sequence, `\n` between them. */
  readonly lines: string | null;
};

/** A line's fields. What may be missing begins with `=` where it is there; moments are microseconds since 1970. */
export type LogLine = readonly [
  sequence: string,
  uuid: string,
  kind: string,
  hold: string,
  reverses: string,
  token: string,
  effectiveAt: string,
  expiresAt: string,
  legs: string,
  reason: string,
  reference: string,
];

const PAGE_BATCHES = 64;
/** More than any writer puts into a batch; one that claims more claims too much. */
export const MOST_IN_A_BATCH = 100_000;

/** @param after a batch's number @returns what follows it, by number; none at the log's end */
export function readLogPage(reader: Reader, after: string): Promise<readonly LoggedBatch[]> {
  return reader.query<LoggedBatch>(sql`
    select b.number, b.term, b.first_sequence, b.count, b.previous, b.root, b.hash,
           log.found, log.first_at, log.last_at, log.lines
    from (
      select * from ledger.batches where number > ${after}::bigint order by number limit ${PAGE_BATCHES}
    ) b
    cross join lateral (
      select count(*) as found,
             ${microseconds(sql`min(line.at)`)} as first_at,
             ${microseconds(sql`max(line.at)`)} as last_at,
             string_agg(
               concat_ws(
                 E'\\x1f', line.sequence, line.id, line.kind,
                 coalesce('=' || line.hold, ''),
                 coalesce('=' || line.reverses, ''),
                 coalesce('=' || line.token, ''),
                 coalesce('=' || ${microseconds(sql`line.effective_at`)}, ''),
                 coalesce('=' || ${microseconds(sql`line.expires_at`)}, ''),
                 line.legs, line.reason,
                 coalesce('=' || line.reference, '')),
               E'\\n') as lines
      from (
        select *
        from ledger.transactions t
        where t.sequence >= b.first_sequence
          and t.sequence < b.first_sequence + least(b.count, ${MOST_IN_A_BATCH})
        order by t.sequence
      ) line
    ) log
    order by b.number`);
}

/** A moment in microseconds since 1970, as text: JavaScript's dates would round it. */
export const microseconds = (moment: Sql) => sql`trunc(extract(epoch from ${moment}) * 1000000)`;

const FIELDS = 11;

/** @returns undefined when it has another number of fields: no text that the writer wrote has a mark between fields in it */
export function fieldsOf(line: string): LogLine | undefined {
  const fields = line.split('\x1f');
  return fields.length === FIELDS ? (fields as unknown as LogLine) : undefined;
}

/** @returns undefined where it is missing */
export const optional = (field: string): string | undefined =>
  field === '' ? undefined : field.slice(1);

/** @returns undefined when it lies between two milliseconds, or nowhere */
export function momentOf(microseconds: string): Date | undefined {
  const milliseconds = Number(microseconds) / 1000;
  return Number.isInteger(milliseconds) ? new Date(milliseconds) : undefined;
}
