/**
 * Replays the whole log from the database and compares: what does not follow from it is named, first difference first.
 *
 * It believes nothing but the log's own bytes, shares no rule with the writer but the encoding, and reads one snapshot, so
 * it may run in any process while another writes. What it cannot see is a log rewritten from some point to its end, head
 * included; anchored hashes (`head` of the report) are for that.
 */
import { equalBytes, OpenLedgerError, toHex } from '@openledger/protocol';
import type { Db, Reader } from '../platform/db.ts';
import { sql } from '../platform/sql.ts';
import { bookOf, isHeld, mayBeNegative } from './account.ts';
import {
  idOf,
  type Names,
  parseTransaction,
  selectTransactions,
  type TransactionRow,
} from './read-transactions.ts';
import { changesOf } from './state.ts';
import { batchHash, GENESIS, rootOf, type Transaction } from './transaction.ts';

/**
 * What can be wrong, in the order of looking: per batch, then at the end.
 *
 * - `sequence`: a batch or a transaction is missing, or stands twice
 * - `term`: an earlier writer wrote after a later one
 * - `previous`: the batch does not name the hash of the batch before
 * - `hash`: the batch's hash is not that of its contents
 * - `transaction`: a row cannot be read as a transaction, or has an amount that is not positive
 * - `root`: the transactions are not those that were committed
 * - `hold`: a hold begins twice, ends without having begun, or not with its own amount
 * - `floor`: an account falls below zero that may not
 * - `head`: the log does not end where the writer left it
 * - `account`: an account is missing, or stands twice, or nothing was ever posted to it
 * - `balance`: an account's balance is not what was posted to it
 * - `sum`: the balances of an asset do not sum to zero
 * - `open_hold`: the open holds are not those of the log
 * - `held`: an account named ...:held is not the sum of its open holds
 * - `entries`: a statement's line is not what the log says
 */
export type Check =
  | 'sequence'
  | 'term'
  | 'previous'
  | 'hash'
  | 'transaction'
  | 'root'
  | 'hold'
  | 'floor'
  | 'head'
  | 'account'
  | 'balance'
  | 'sum'
  | 'open_hold'
  | 'held'
  | 'entries';

export type AuditReport =
  | {
      readonly ok: true;
      readonly batches: number;
      readonly transactions: number;
      readonly postings: number;
      readonly accounts: number;
      /** The last batch's hash, lower-case hex. */
      readonly head: string;
    }
  | {
      readonly ok: false;
      readonly check: Check;
      /** The batch at fault; absent where the log is whole and what was derived from it is not. */
      readonly batch?: number;
      readonly detail: string;
    };

const PAGE_BATCHES = 200;

export async function audit(db: Db): Promise<AuditReport> {
  return db.transaction(async (tx) => {
    await tx.query(sql`set transaction isolation level repeatable read, read only`);
    const replay = emptyReplay(await readNames(tx), await readFollowed(tx));
    try {
      await replayLog(tx, replay);
      await compareHead(tx, replay);
      await compareAccounts(tx, replay);
      await compareHolds(tx, replay);
      await compareEntries(tx, replay);
    } catch (found) {
      if (found instanceof Difference) return found.report;
      throw found;
    }
    return {
      ok: true,
      batches: replay.batch,
      transactions: replay.sequence,
      postings: replay.postings,
      accounts: replay.balances.size,
      head: toHex(replay.hash),
    };
  });
}

/** Ends the audit where the first difference is found. */
class Difference extends Error {
  readonly report: AuditReport & { readonly ok: false };

  constructor(check: Check, { batch, detail }: { batch?: number; detail: string }) {
    super(detail);
    this.report = { ok: false, check, batch, detail };
  }
}

type ReplayedHold = {
  readonly source: string;
  readonly held: string;
  readonly amount: bigint;
  readonly expiresAt: string;
};

type Replay = {
  readonly names: Names;
  batch: number;
  sequence: number;
  term: number;
  postings: number;
  hash: Uint8Array;
  readonly balances: Map<string, bigint>;
  readonly holds: Map<string, ReplayedHold>;
  /** How far the follower has come. */
  readonly followed: number;
  /** By book, over its statement's lines: the sum of sequence * (1 + 2 * amount + 4 * balance), which no change of one line keeps. */
  readonly histories: Map<string, bigint>;
};

const emptyReplay = (names: Names, followed: number): Replay => ({
  names,
  followed,
  batch: 0,
  sequence: 0,
  term: 0,
  postings: 0,
  hash: GENESIS,
  balances: new Map(),
  holds: new Map(),
  histories: new Map(),
});

async function readNames(reader: Reader): Promise<Names> {
  const rows = await reader.query<{ number: string; name: string; asset: string }>(
    sql`select number, name, asset from ledger.accounts`,
  );
  return new Map(rows.map(({ number, name, asset }) => [number, { account: name, asset }]));
}

async function readFollowed(reader: Reader): Promise<number> {
  const [row] = await reader.query<{ sequence: string }>(sql`select sequence from ledger.follower`);
  return Number(row?.sequence ?? 0);
}

type BatchRow = {
  readonly number: string;
  readonly term: string;
  readonly first_sequence: string;
  readonly count: number;
  readonly previous: Uint8Array;
  readonly root: Uint8Array;
  readonly hash: Uint8Array;
};

async function replayLog(reader: Reader, replay: Replay): Promise<void> {
  for (;;) {
    const batches = await reader.query<BatchRow>(sql`
      select number, term, first_sequence, count, previous, root, hash
      from ledger.batches
      where number > ${replay.batch}
      order by number
      limit ${PAGE_BATCHES}`);
    if (batches.length === 0) return;
    const last = batches[batches.length - 1];
    const rows = await selectTransactions(
      reader,
      sql`t.sequence > ${replay.sequence} and t.sequence < ${BigInt(last.first_sequence) + BigInt(last.count)}`,
    );
    let next = 0;
    for (const batch of batches) {
      checkLink(replay, batch);
      checkContents(replay, batch, rows.slice(next, next + batch.count));
      next += batch.count;
    }
  }
}

/** Is this the batch that follows, and does it say so? */
function checkLink(replay: Replay, row: BatchRow): void {
  const batch = replay.batch + 1;
  const unless = (holds: boolean, check: Check, detail: string) => {
    if (!holds) throw new Difference(check, { batch, detail });
  };
  unless(Number(row.number) === batch, 'sequence', `Batch ${batch} is missing.`);
  unless(
    Number(row.first_sequence) === replay.sequence + 1,
    'sequence',
    `It begins at ${row.first_sequence} and not at ${replay.sequence + 1}.`,
  );
  unless(Number(row.term) >= replay.term, 'term', `Term ${row.term} follows ${replay.term}.`);
  unless(
    equalBytes(row.previous, replay.hash),
    'previous',
    `It follows ${toHex(row.previous)} and not ${toHex(replay.hash)}.`,
  );
  const hash = batchHash({
    term: Number(row.term),
    firstSequence: Number(row.first_sequence),
    previous: row.previous,
    root: row.root,
  });
  unless(
    equalBytes(row.hash, hash),
    'hash',
    `It says ${toHex(row.hash)} and hashes to ${toHex(hash)}.`,
  );
  replay.batch = batch;
  replay.term = Number(row.term);
  replay.hash = row.hash;
}

function checkContents(replay: Replay, batch: BatchRow, rows: readonly TransactionRow[]): void {
  const number = replay.batch;
  const first = Number(batch.first_sequence);
  for (let i = 0; i < batch.count; i++) {
    if (Number(rows[i]?.sequence) === first + i) continue;
    throw new Difference('sequence', {
      batch: number,
      detail: `Transaction ${first + i} is missing.`,
    });
  }
  const transactions = rows.map((row) => parseRow(row, replay));
  if (!equalBytes(rootOf(transactions), batch.root)) {
    throw new Difference('root', {
      batch: number,
      detail: `Transactions ${first} to ${first + batch.count - 1} are not those that were committed.`,
    });
  }
  for (const transaction of transactions) replayTransaction(replay, transaction);
}

function parseRow(row: TransactionRow, { names, batch }: Replay): Transaction {
  const difference = (detail: string) =>
    new Difference('transaction', { batch, detail: `Transaction ${row.sequence}: ${detail}` });
  try {
    const transaction = parseTransaction(row, names);
    if (transaction.postings.every(({ amount }) => amount > 0n)) return transaction;
  } catch (error) {
    if (error instanceof OpenLedgerError) throw difference(error.message);
    throw error;
  }
  throw difference('An amount is not positive.');
}

function replayTransaction(replay: Replay, transaction: Transaction): void {
  const { sequence, postings } = transaction;
  for (const [book, change] of changesOf(postings)) {
    const balance = (replay.balances.get(book) ?? 0n) + change;
    if (balance < 0n && !mayBeNegative(book)) {
      throw new Difference('floor', {
        batch: replay.batch,
        detail: `Transaction ${sequence} takes ${book} to ${balance}.`,
      });
    }
    replay.balances.set(book, balance);
    if (sequence > replay.followed) continue;
    const line = BigInt(sequence) * (1n + 2n * change + 4n * balance);
    replay.histories.set(book, (replay.histories.get(book) ?? 0n) + line);
  }
  replayHold(replay, transaction);
  replay.sequence = sequence;
  replay.postings += postings.length;
}

function replayHold(replay: Replay, transaction: Transaction): void {
  const { kind, holdId, expiresAt, sequence, postings } = transaction;
  if (kind === 'post' || kind === 'reverse') return;
  const unless = (holds: boolean, detail: string) => {
    if (holds) return;
    throw new Difference('hold', {
      batch: replay.batch,
      detail: `Transaction ${sequence}: ${detail}`,
    });
  };
  const [{ from, to, amount, asset }] = postings;
  const open = holdId && replay.holds.get(holdId);
  if (kind === 'hold') {
    unless(!!holdId && !!expiresAt && !open, `${holdId} begins twice or has no end.`);
    replay.holds.set(holdId!, {
      source: bookOf(from, asset),
      held: bookOf(to, asset),
      amount,
      expiresAt: expiresAt!.toISOString(),
    });
    return;
  }
  unless(
    !!open &&
      open.amount === amount &&
      open.held === bookOf(from, asset) &&
      open.source === bookOf(to, asset),
    `${holdId} is not open, or is another.`,
  );
  replay.holds.delete(holdId!);
}

async function compareHead(reader: Reader, replay: Replay): Promise<void> {
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

async function compareAccounts(reader: Reader, replay: Replay): Promise<void> {
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

async function compareHolds(reader: Reader, replay: Replay): Promise<void> {
  type Row = { id: string; source: string; held: string; amount: string; expires_at: Date };
  const rows = await reader.query<Row>(
    sql`select id, source, held, amount, expires_at from ledger.holds order by id`,
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
      hold.expiresAt === row.expires_at.toISOString();
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

async function compareEntries(reader: Reader, replay: Replay): Promise<void> {
  const rows = await reader.query<{ account: string; history: string; last: string }>(sql`
    select account,
           sum(sequence * (1 + 2 * amount + 4 * balance)) as history,
           max(sequence) as last
    from ledger.entries
    group by account
    order by account`);
  const stored = new Map(rows.map((row) => [row.account, row]));
  for (const [number, { account, asset }] of replay.names) {
    const row = stored.get(number);
    stored.delete(number);
    const agrees =
      BigInt(row?.history ?? 0) === (replay.histories.get(bookOf(account, asset)) ?? 0n) &&
      Number(row?.last ?? 0) <= replay.followed;
    if (agrees) continue;
    throw new Difference('entries', {
      detail: `The statement of ${account} in ${asset} is not what the log says.`,
    });
  }
  for (const number of stored.keys()) {
    throw new Difference('entries', { detail: `Account number ${number} is not in the log.` });
  }
}
