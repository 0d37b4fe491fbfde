/** From rows of the log back to transactions. */
import { type Id, OpenLedgerError } from '@openledger/protocol';
import type { Reader } from '../platform/db.ts';
import { prepared, type Sql, sql } from '../platform/sql.ts';
import type { AccountKey } from './account.ts';
import { type Legs, parseLegs } from './legs.ts';
import type { Transaction } from './transaction.ts';

type TransactionRow = {
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
  readonly legs: string;
};

/** Names of accounts by their number. */
type Names = ReadonlyMap<number, AccountKey>;

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

/** Whether the transaction `t` touches an account. @param number its number, or several with `|` between them, as text */
export const touches = (number: Sql): Sql => sql`t.legs ~ ('(^|[;,>])(' || ${number} || ')[:>]')`;

/** The transactions that a condition on `t` selects, by sequence. */
export async function readTransactions(
  reader: Reader,
  condition: Sql,
): Promise<readonly Transaction[]> {
  const rows = await reader.query<TransactionRow>(sql`
    select t.sequence, t.id, t.at, t.effective_at, t.expires_at, t.hold, t.reverses, t.token, t.kind,
           t.reason, t.reference, t.legs
    from ledger.transactions t
    where ${condition}
    order by t.sequence`);
  const legs = rows.map((row) => parseLegs(row.legs));
  const names = await namesOf(reader, legs);
  return rows.map((row, index) => parseTransaction(row, legs[index], names));
}

async function namesOf(reader: Reader, legs: readonly Legs[]): Promise<Names> {
  const numbers = [...new Set(legs.flatMap(({ sides }) => sides))];
  const accounts = await reader.query<{ number: string; name: string; asset: string }>(
    prepared(
      'ledger.names-of',
      sql`
    select number, name, asset
    from ledger.accounts
    where number = any(${numbers}::bigint[])`,
    ),
  );
  return new Map(
    accounts.map(({ number, name, asset }) => [Number(number), { account: name, asset }]),
  );
}

/** @throws unprocessable when an account is not there, or a leg crosses assets */
function parseTransaction(
  row: TransactionRow,
  { sides, amounts }: Legs,
  names: Names,
): Transaction {
  const named = (number: number): AccountKey => {
    const account = names.get(number);
    if (account) return account;
    throw new OpenLedgerError('unprocessable', `There is no account number ${number}.`);
  };
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
    postings: amounts.map((amount, leg) => {
      const { account, asset } = named(sides[2 * leg]);
      const target = named(sides[2 * leg + 1]);
      if (target.asset !== asset) {
        throw new OpenLedgerError('unprocessable', 'A posting crosses from one asset to another.');
      }
      return { from: account, to: target.account, amount: BigInt(amount), asset };
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
