/** From rows of the log back to transactions. */
import { type Id, OpenLedgerError } from '@openledger/protocol';
import type { Reader } from '../platform/db.ts';
import { type Sql, sql } from '../platform/sql.ts';
import type { AccountKey } from './account.ts';
import type { Transaction } from './transaction.ts';

export type TransactionRow = {
  readonly sequence: string;
  readonly id: string;
  readonly at: Date;
  readonly effective_at: Date | null;
  readonly expires_at: Date | null;
  readonly hold: string | null;
  readonly reverses: string | null;
  readonly token: number | null;
  readonly kind: string;
  readonly reason: string;
  readonly reference: string | null;
  readonly froms: readonly string[];
  readonly tos: readonly string[];
  readonly amounts: readonly string[];
};

/** Names of accounts by their number, as it stands in a row. */
export type Names = ReadonlyMap<string, AccountKey>;

/** A row of the batches. */
export type BatchRow = {
  readonly number: string;
  readonly term: string;
  readonly first_sequence: string;
  readonly count: number;
  readonly previous: Uint8Array;
  readonly root: Uint8Array;
  readonly hash: Uint8Array;
};

/** Joins to each transaction `t` what it changes, as `side(account, amount)`: a row for each end of each posting. */
export const sidesOfT = sql`
  cross join lateral (
    select coalesce(f.account, t.froms[1]), -f.amount from unnest(t.froms, t.amounts) as f(account, amount)
    union all
    select g.account, g.amount from unnest(t.tos, t.amounts) as g(account, amount)
  ) as side(account, amount)`;

/** The rows of the log that a condition on `t` selects, by sequence. */
export const selectTransactions = (reader: Reader, condition: Sql) =>
  reader.query<TransactionRow>(sql`
    select t.sequence, t.id, t.at, t.effective_at, t.expires_at, t.hold, t.reverses, t.token, t.kind,
           t.reason, t.reference, t.froms, t.tos, t.amounts::text[]
    from ledger.transactions t
    where ${condition}
    order by t.sequence`);

/** The transactions that a condition on `t` selects, by sequence. */
export async function readTransactions(
  reader: Reader,
  condition: Sql,
): Promise<readonly Transaction[]> {
  const rows = await selectTransactions(reader, condition);
  const names = await namesOf(reader, rows);
  return rows.map((row) => parseTransaction(row, names));
}

async function namesOf(reader: Reader, rows: readonly TransactionRow[]): Promise<Names> {
  const numbers = [...new Set(rows.flatMap(({ froms, tos }) => [...froms, ...tos]))];
  const accounts = await reader.query<{ number: string; name: string; asset: string }>(sql`
    select number, name, asset
    from ledger.accounts
    where number = any(${numbers}::bigint[])`);
  return new Map(accounts.map(({ number, name, asset }) => [number, { account: name, asset }]));
}

/** @throws unprocessable when the row is not of a shape that the writer writes */
export function parseTransaction(row: TransactionRow, names: Names): Transaction {
  const named = (number: string): AccountKey => {
    const account = names.get(number);
    if (account) return account;
    throw new OpenLedgerError('unprocessable', `There is no account number ${number}.`);
  };
  const { tos, amounts } = row;
  const froms = row.froms.length === 1 ? tos.map(() => row.froms[0]) : row.froms;
  if (froms.length !== tos.length || froms.length !== amounts.length) {
    throw new OpenLedgerError('unprocessable', 'A posting lacks a side or an amount.');
  }
  return {
    transactionId: idOf('txn', row.id),
    sequence: Number(row.sequence),
    kind: row.kind as Transaction['kind'], // held to the list by the table's constraint
    at: row.at,
    effectiveAt: row.effective_at ?? undefined,
    reason: row.reason,
    reference: row.reference ?? undefined,
    holdId: row.hold ? idOf('hld', row.hold) : undefined,
    expiresAt: row.expires_at ?? undefined,
    reverses: row.reverses ? idOf('txn', row.reverses) : undefined,
    token: row.token ?? undefined,
    postings: froms.map((from, leg) => {
      const { account, asset } = named(from);
      const target = named(tos[leg]);
      if (target.asset !== asset) {
        throw new OpenLedgerError('unprocessable', 'A posting crosses from one asset to another.');
      }
      return { from: account, to: target.account, amount: BigInt(amounts[leg]), asset };
    }),
  };
}

export function idOf(prefix: 'txn', uuid: string): Id<'transaction'>;
export function idOf(prefix: 'hld', uuid: string): Id<'hold'>;
export function idOf(prefix: 'txn' | 'hld', uuid: string): Id<'transaction'> | Id<'hold'> {
  return `${prefix}_${uuid.replaceAll('-', '')}`;
}

/** `txn_0192...` -> `0192...`, which PostgreSQL reads as a uuid. */
export const uuid = (id: string): string => id.slice(id.indexOf('_') + 1);
