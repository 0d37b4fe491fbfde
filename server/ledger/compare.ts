/** What is derived from the log, held against its replay. Each throws the first Difference it finds. */
import { equalBytes } from '@openledger/protocol';
import type { Reader } from '../platform/db.ts';
import { sql } from '../platform/sql.ts';
import { isHeld } from './account.ts';
import type { Book } from './book.ts';
import { Difference, unitsOf } from './difference.ts';
import { microseconds, momentOf } from './read-log.ts';
import { idOf } from './read-transactions.ts';
import type { Replay } from './replay.ts';

export async function compareHead(reader: Reader, replay: Replay): Promise<void> {
  const [head] = await reader.query<{
    batch: string;
    sequence: string;
    term: string;
    hash: Uint8Array;
    later: string;
    is_last_term: boolean;
  }>(sql`
    select batch, sequence, term, hash,
           (select count(*) from ledger.transactions t where t.sequence > ${replay.sequence}) as later,
           term = (select max(term) from ledger.terms) and term = (select count(*) from ledger.terms) as is_last_term
    from ledger.writer`);
  const agrees =
    head &&
    Number(head.batch) === replay.batch &&
    Number(head.sequence) === replay.sequence &&
    Number(head.term) >= replay.term &&
    head.is_last_term &&
    equalBytes(head.hash, replay.hash) &&
    head.later === '0';
  if (agrees) return;
  throw new Difference('head', {
    batch: replay.batch,
    detail: `The log ends with batch ${replay.batch}, transaction ${replay.sequence}; the writer left it at batch ${head?.batch}, transaction ${head?.sequence}, in term ${head?.term}; ${head?.later} transactions follow.`,
  });
}

export async function compareAccounts(reader: Reader, { books }: Replay): Promise<void> {
  const rows = await reader.query<{ number: string; balance: string }>(
    sql`select number, balance from ledger.accounts order by number`,
  );
  const sums = new Map<string, bigint>();
  for (const { number, balance } of rows) {
    const book = books.get(Number(number));
    if (!book?.transactions) {
      throw new Difference('account', { detail: `Nothing was ever posted to number ${number}.` });
    }
    const { units } = book.balance;
    if (unitsOf(balance) !== units) {
      throw new Difference('balance', {
        detail: `${nameOf(book)} stands at ${balance}; the log says ${units}.`,
      });
    }
    sums.set(book.asset, (sums.get(book.asset) ?? 0n) + units);
  }
  const [{ account: given }] = await reader.query<{ account: string }>(
    sql`select account from ledger.writer`,
  );
  if (given !== (rows.at(-1)?.number ?? '0')) {
    throw new Difference('account', { detail: `The writer gave out the numbers up to ${given}.` });
  }
  for (const [asset, sum] of sums) {
    if (sum !== 0n) throw new Difference('sum', { detail: `${asset} sums to ${sum}.` });
  }
}

const nameOf = ({ account, asset }: Book): string => `${account} in ${asset}`;

export async function compareHolds(reader: Reader, { books, holds }: Replay): Promise<void> {
  type Row = {
    id: string;
    source: string;
    held: string;
    amount: string;
    expires_at: string;
    token: number | null;
  };
  const rows = await reader.query<Row>(
    sql`select id, source, held, amount, ${microseconds(sql`expires_at`)} as expires_at, token from ledger.holds order by id`,
  );
  for (const row of rows) {
    const hold = holds.get(idOf('hld', row.id));
    const agrees =
      hold &&
      hold.source.number === Number(row.source) &&
      hold.held.number === Number(row.held) &&
      hold.amount === unitsOf(row.amount) &&
      hold.expiresAt.getTime() === momentOf(row.expires_at)?.getTime() &&
      hold.token === (row.token ?? undefined);
    if (!agrees) {
      throw new Difference('open_hold', { detail: `${idOf('hld', row.id)} is not in the log.` });
    }
  }
  if (rows.length !== holds.size) {
    throw new Difference('open_hold', {
      detail: `${holds.size} holds are open in the log and ${rows.length} in the table.`,
    });
  }
  const held = new Map<Book, bigint>();
  for (const hold of holds.values()) {
    held.set(hold.held, (held.get(hold.held) ?? 0n) + hold.amount);
  }
  for (const book of books.values()) {
    const open = held.get(book) ?? 0n;
    const { units } = book.balance;
    if (isHeld(book.account) && units !== open) {
      throw new Difference('held', {
        detail: `${nameOf(book)} has ${units}, its open holds ${open}.`,
      });
    }
  }
}

/** What was sealed has been met on the way; here, that no period ends elsewhere. */
export function comparePeriods({ seals }: Replay): void {
  seals.expectEnd();
}

/** What was followed has been met line by line on the way; here, that nothing more was written. */
export function compareEntries({ books, histories, followed, sequence }: Replay): void {
  if (followed > sequence) {
    const detail = `Statements say that they reach to ${followed}; the log ends at ${sequence}.`;
    throw new Difference('entries', { detail });
  }
  for (const book of books.values()) book.history.expectEnd(book);
  histories.expectEnd();
}
