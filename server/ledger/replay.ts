/** The log once more, from its rows alone: every hash, and where everything must stand at its end. */
import { equalBytes, OpenLedgerError, toHex } from '@openledger/protocol';
import type { Reader } from '../platform/db.ts';
import { sql } from '../platform/sql.ts';
import { bookOf, mayBeNegative } from './account.ts';
import { type Check, Difference } from './difference.ts';
import { type Histories, readHistories } from './histories.ts';
import {
  type BatchRow,
  type Names,
  parseTransaction,
  selectTransactions,
  type TransactionRow,
} from './read-transactions.ts';
import { readSeals, type Seals } from './seals.ts';
import { changesOf } from './state.ts';
import { batchHash, GENESIS, rootOf, type Transaction } from './transaction.ts';

const PAGE_BATCHES = 200;

type ReplayedHold = {
  readonly source: string;
  readonly held: string;
  readonly amount: bigint;
  readonly expiresAt: string;
  readonly token: number | undefined;
};

export type Replay = {
  readonly names: Names;
  batch: number;
  sequence: number;
  term: number;
  postings: number;
  hash: Uint8Array;
  readonly balances: Map<string, bigint>;
  readonly holds: Map<string, ReplayedHold>;
  /** How far the follower has come, and what it has written. */
  readonly followed: number;
  readonly histories: Histories;
  readonly seals: Seals;
};

const emptyReplay = (read: Pick<Replay, 'names' | 'followed' | 'histories' | 'seals'>): Replay => ({
  ...read,
  batch: 0,
  sequence: 0,
  term: 0,
  postings: 0,
  hash: GENESIS,
  balances: new Map(),
  holds: new Map(),
});

/** @throws Difference at the first batch that is not as it was committed */
export async function replay(reader: Reader): Promise<Replay> {
  const names = await readNames(reader);
  const replayed = emptyReplay({
    names,
    followed: await readFollowed(reader),
    histories: await readHistories(reader, names),
    seals: await readSeals(reader, names),
  });
  await replayed.seals.meet(replayed);
  await replayLog(reader, replayed);
  return replayed;
}

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
      await replay.seals.meet(replay);
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
    if (sequence <= replay.followed) replay.histories.expect({ book, sequence, balance });
  }
  replayHold(replay, transaction);
  replay.sequence = sequence;
  replay.postings += postings.length;
}

function replayHold(replay: Replay, transaction: Transaction): void {
  const { kind, holdId, expiresAt, token, sequence, postings } = transaction;
  if (kind === 'post' || kind === 'reverse') return;
  const unless = (holds: boolean, detail: string) => {
    if (holds) return;
    throw new Difference('hold', {
      batch: replay.batch,
      detail: `Transaction ${sequence}: ${detail}`,
    });
  };
  const open = holdId && replay.holds.get(holdId);
  if (kind === 'hold' || kind === 'lease') {
    const [{ from, to, amount, asset }] = postings;
    unless(!!holdId && !!expiresAt && !open, `${holdId} begins twice or has no end.`);
    const accounts = { source: bookOf(from, asset), held: bookOf(to, asset) };
    replay.holds.set(holdId!, { ...accounts, amount, expiresAt: expiresAt!.toISOString(), token });
    return;
  }
  unless(!!open, `${holdId} is not open.`);
  if (!holdId || !open) return;
  const [first] = postings; // what the hold gives back, or a renewal adds
  const renews = kind === 'renew';
  unless(
    !first ||
      (bookOf(first.from, first.asset) === (renews ? open.source : open.held) &&
        bookOf(first.to, first.asset) === (renews ? open.held : open.source)),
    `${holdId} is another.`,
  );
  const moved = first?.amount ?? 0n;
  if (renews) {
    unless(
      (token ?? 0) >= (open.token ?? Infinity) && !!expiresAt,
      `${holdId} is renewed by nobody.`,
    );
    const amount = open.amount + moved;
    replay.holds.set(holdId, { ...open, amount, token, expiresAt: expiresAt!.toISOString() });
  } else if (kind === 'draw') {
    unless(open.token === token && moved <= open.amount, `${holdId} is drawn from by another.`);
    replay.holds.set(holdId, { ...open, amount: open.amount - moved });
  } else {
    unless(moved === open.amount, `${holdId} ends with ${moved} and holds ${open.amount}.`);
    replay.holds.delete(holdId);
  }
}
