/** What is derived from the log, held against its replay. Each throws the first Difference it finds. */
import { equalBytes } from '@openledger/protocol';
import type { Reader } from '../platform/db.ts';
import { sql } from '../platform/sql.ts';
import { bookOf, isHeld } from './account.ts';
import { Difference } from './difference.ts';
import { idOf } from './read-transactions.ts';
import type { Replay } from './replay.ts';

export async function compareHead(reader: Reader, replay: Replay): Promise<void> {
  const [head] = await reader.query<{
    batch: string;
    sequence: string;
    term: string;
    hash: Uint8Array;
    later: string;
  }>(sql`
    select batch, sequence, term, hash,
           (select count(*) from ledger.transactions t where t.sequence > ${replay.sequence}) as later
    from ledger.writer`);
  const agrees =
    head &&
    Number(head.batch) === replay.batch &&
    Number(head.sequence) === replay.sequence &&
    Number(head.term) >= replay.term &&
    equalBytes(head.hash, replay.hash) &&
    head.later === '0';
  if (agrees) return;
  throw new Difference('head', {
    batch: replay.batch,
    detail: `The log ends with batch ${replay.batch}, transaction ${replay.sequence}; the writer left it at batch ${head?.batch}, transaction ${head?.sequence}; ${head?.later} transactions follow.`,
  });
}

export async function compareAccounts(reader: Reader, replay: Replay): Promise<void> {
  const stored = new Map(
    (
      await reader.query<{ name: string; asset: string; balance: string }>(
        sql`select name, asset, balance from ledger.accounts order by number`,
      )
    ).map(({ name, asset, balance }) => [bookOf(name, asset), BigInt(balance)]),
  );
  const sums = new Map<string, bigint>();
  for (const [book, balance] of stored) {
    const replayed = replay.balances.get(book);
    if (replayed === undefined) {
      throw new Difference('account', { detail: `Nothing was ever posted to ${book}.` });
    }
    if (balance !== replayed) {
      throw new Difference('balance', {
        detail: `${book} stands at ${balance}; the log says ${replayed}.`,
      });
    }
    const asset = book.split(' ')[1];
    sums.set(asset, (sums.get(asset) ?? 0n) + balance);
  }
  for (const book of replay.balances.keys()) {
    if (!stored.has(book)) throw new Difference('account', { detail: `${book} is missing.` });
  }
  for (const [asset, sum] of sums) {
    if (sum !== 0n) throw new Difference('sum', { detail: `${asset} sums to ${sum}.` });
  }
}

export async function compareHolds(reader: Reader, replay: Replay): Promise<void> {
  type Row = {
    id: string;
    source: string;
    held: string;
    amount: string;
    expires_at: Date;
    token: number | null;
  };
  const rows = await reader.query<Row>(
    sql`select id, source, held, amount, expires_at, token from ledger.holds order by id`,
  );
  const bookAt = (number: string) => {
    const name = replay.names.get(number);
    return name && bookOf(name.account, name.asset);
  };
  for (const row of rows) {
    const hold = replay.holds.get(idOf('hld', row.id));
    const agrees =
      hold &&
      hold.source === bookAt(row.source) &&
      hold.held === bookAt(row.held) &&
      hold.amount === BigInt(row.amount) &&
      hold.expiresAt === row.expires_at.toISOString() &&
      hold.token === (row.token ?? undefined);
    if (!agrees) {
      throw new Difference('open_hold', { detail: `${idOf('hld', row.id)} is not in the log.` });
    }
  }
  if (rows.length !== replay.holds.size) {
    throw new Difference('open_hold', {
      detail: `${replay.holds.size} holds are open in the log and ${rows.length} in the table.`,
    });
  }
  const held = new Map<string, bigint>();
  for (const hold of replay.holds.values()) {
    held.set(hold.held, (held.get(hold.held) ?? 0n) + hold.amount);
  }
  for (const [book, balance] of replay.balances) {
    const open = held.get(book) ?? 0n;
    if (isHeld(book.split(' ')[0]) && balance !== open) {
      throw new Difference('held', { detail: `${book} has ${balance}, its open holds ${open}.` });
    }
  }
}

/** What was sealed has been met on the way; here, that no period ends elsewhere. */
export function comparePeriods({ seals }: Replay): void {
  seals.expectEnd();
}

/** What was followed has been met line by line on the way; here, that nothing more was written. */
export function compareEntries({ histories }: Replay): void {
  histories.expectEnd();
}
