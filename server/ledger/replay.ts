/** The log once more, from its rows alone: every hash, and where everything must stand at its end. */
import { equalBytes, OpenLedgerError, toHex } from '@openledger/protocol';
import type { Reader } from '../platform/db.ts';
import { sql } from '../platform/sql.ts';
import { mayBeNegative } from './account.ts';
import type { Book } from './book.ts';
import { type Check, Difference } from './difference.ts';
import { type Histories, readHistories } from './histories.ts';
import { parseLegs } from './legs.ts';
import { type Digest, leafHash, levelsOver, rootIn } from './merkle-levels.ts';
import {
  fieldsOf,
  type LoggedBatch,
  type LogLine,
  MOST_IN_A_BATCH,
  momentOf,
  optional,
  readLogPage,
} from './read-log.ts';
import { idOf } from './read-transactions.ts';
import { readSeals, type Seals } from './seals.ts';
import { Tally, unitsIn } from './tally.ts';
import { batchHash, encodeParts, encodePosting, GENESIS, type Transaction } from './transaction.ts';

type ReplayedHold = {
  readonly source: Book;
  readonly held: Book;
  readonly amount: bigint;
  readonly expiresAt: Date;
  readonly token: number | undefined;
};

export type Replay = {
  /** By account number. */
  readonly books: ReadonlyMap<number, Book>;
  batch: number;
  sequence: number;
  term: number;
  postings: number;
  hash: Uint8Array;
  readonly holds: Map<string, ReplayedHold>;
  /** How far the follower has come. */
  readonly followed: number;
  readonly histories: Histories;
  readonly seals: Seals;
};

/** @throws Difference at the first batch that is not as it was committed */
export async function replay(reader: Reader): Promise<Replay> {
  const histories = await readHistories(reader);
  const books = await readBooks(reader, histories);
  const replayed: Replay = {
    books,
    histories,
    batch: 0,
    sequence: 0,
    term: 0,
    postings: 0,
    hash: GENESIS,
    holds: new Map(),
    followed: await readFollowed(reader),
    seals: await readSeals(reader),
  };
  await replayed.seals.meet(replayed);
  await replayLog(reader, replayed);
  return replayed;
}

async function readBooks(reader: Reader, histories: Histories): Promise<ReadonlyMap<number, Book>> {
  const rows = await reader.query<{ number: string; name: string; asset: string }>(
    sql`select number, name, asset from ledger.accounts order by number`,
  );
  return new Map(
    rows.map(({ number, name, asset }) => {
      const book: Book = {
        ...{ account: name, asset, number: Number(number), transactions: 0, touchedBy: 0 },
        balance: new Tally(),
        history: histories.of(number),
      };
      return [book.number, book];
    }),
  );
}

async function readFollowed(reader: Reader): Promise<number> {
  const [row] = await reader.query<{ sequence: string }>(sql`select sequence from ledger.follower`);
  return Number(row?.sequence ?? 0);
}

/** While a page is replayed the next one is read. */
async function replayLog(reader: Reader, replay: Replay): Promise<void> {
  for (let page = await readLogPage(reader, '0'); page.length > 0; ) {
    const next = readLogPage(reader, page[page.length - 1].number);
    next.catch(() => {}); // where a difference ends the audit before it is looked at
    for (const batch of page) {
      checkLink(replay, batch);
      replayBatch(replay, batch);
      await replay.seals.meet(replay);
      await new Promise(setImmediate); // the next page is coming in
    }
    page = await next;
  }
}

/** Is this the batch that follows, and does it say so? */
function checkLink(replay: Replay, row: LoggedBatch): void {
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
  unless(row.count <= MOST_IN_A_BATCH, 'sequence', `It claims ${row.count} transactions.`);
  replay.batch = batch;
  replay.term = Number(row.term);
  replay.hash = row.hash;
}

function replayBatch(replay: Replay, batch: LoggedBatch): void {
  const first = Number(batch.first_sequence);
  const lines = batch.lines?.split('\n') ?? [];
  const date = batch.first_at === null ? undefined : momentOf(batch.first_at);
  const at = { date: date ?? NEVER, text: (date ?? NEVER).toISOString() };
  const logged: Logged[] = [];
  for (let i = 0; i < batch.count; i++) {
    const fields = i < lines.length ? fieldsOf(lines[i]) : undefined;
    if (!fields || Number(fields[0]) !== first + i) {
      throw new Difference('sequence', {
        batch: replay.batch,
        detail: `Transaction ${first + i} is missing.`,
      });
    }
    logged.push(readLine(fields, { replay, at }));
  }
  const isWhole = date && batch.first_at === batch.last_at && lines.length === Number(batch.found);
  const root = rootIn(levelsOver(logged.map(({ leaf }) => leaf)));
  if (!isWhole || !equalBytes(root, batch.root)) {
    throw new Difference('root', {
      batch: replay.batch,
      detail: `Transactions ${first} to ${first + batch.count - 1} are not those that were committed.`,
    });
  }
  for (const one of logged) replayTransaction(replay, one);
}

const NEVER = new Date(0);

type Moment = { readonly date: Date; readonly text: string };

type Logged = {
  readonly transaction: Omit<Transaction, 'postings'>;
  /** Of each leg, in turn, the book that pays and the one that is paid. */
  readonly sides: readonly Book[];
  readonly amounts: readonly string[];
  readonly leaf: Digest;
};

function readLine(
  line: LogLine,
  { replay: { books, batch }, at }: { readonly replay: Replay; readonly at: Moment },
): Logged {
  try {
    return parseLine(line, { books, at });
  } catch (error) {
    if (!(error instanceof OpenLedgerError)) throw error;
    const detail = `Transaction ${line[0]}: ${error.message}`;
    throw new Difference('transaction', { batch, detail });
  }
}

/** @throws unprocessable when it is not a line that a writer writes */
function parseLine(
  line: LogLine,
  { books, at }: { readonly books: Replay['books']; readonly at: Moment },
): Logged {
  const [sequence, id, kind, hold, reverses, token, effectiveAt, expiresAt, ...rest] = line;
  const [legs, reason, reference] = rest;
  const { sides: numbers, amounts } = parseLegs(legs);
  const sides: Book[] = [];
  let postings = '';
  for (let leg = 0; leg < amounts.length; leg++) {
    const source = bookAt(books, numbers[2 * leg]);
    const target = bookAt(books, numbers[2 * leg + 1]);
    const { account: from, asset } = source;
    if (target.asset !== asset) {
      throw new OpenLedgerError('unprocessable', 'A posting crosses from one asset to another.');
    }
    sides.push(source, target);
    postings += `${postings && ','}${encodePosting(from, target.account, amounts[leg], asset)}`;
  }
  const transaction = {
    transactionId: idOf('txn', id),
    sequence: Number(sequence),
    kind: kind as Transaction['kind'], // held to the list by the table's constraint
    at: at.date,
    effectiveAt: optionalMoment(effectiveAt),
    reason,
    reference: optional(reference),
    holdId: hold === '' ? undefined : idOf('hld', hold.slice(1)),
    expiresAt: optionalMoment(expiresAt),
    reverses: reverses === '' ? undefined : idOf('txn', reverses.slice(1)),
    token: token === '' ? undefined : Number(token.slice(1)),
  };
  const leaf = leafHash(encodeParts(transaction, at.text, postings));
  return { transaction, sides, amounts, leaf };
}

function bookAt(books: Replay['books'], number: number): Book {
  const book = books.get(number);
  if (book) return book;
  throw new OpenLedgerError('unprocessable', `There is no account number ${number}.`);
}

function optionalMoment(field: string): Date | undefined {
  if (field === '') return undefined;
  const moment = momentOf(field.slice(1));
  if (moment) return moment;
  throw new OpenLedgerError('unprocessable', 'It names a moment that is none.');
}

function replayTransaction(replay: Replay, logged: Logged): void {
  const { transaction, sides, amounts } = logged;
  const { sequence } = transaction;
  for (let leg = 0; leg < amounts.length; leg++) {
    const amount = unitsIn(amounts[leg]);
    sides[2 * leg].balance.add(-amount);
    sides[2 * leg + 1].balance.add(amount);
  }
  for (const book of sides) {
    if (book.touchedBy === sequence) continue;
    book.touchedBy = sequence;
    book.transactions += 1;
    if (book.balance.isNegative && !mayBeNegative(book.account)) {
      throw new Difference('floor', {
        batch: replay.batch,
        detail: `Transaction ${sequence} takes ${book.account} to ${book.balance.units}.`,
      });
    }
    if (sequence <= replay.followed) book.history.expect(book, sequence);
  }
  replayHold(replay, logged);
  replay.sequence = sequence;
  replay.postings += amounts.length;
}

function replayHold(replay: Replay, { transaction, sides, amounts }: Logged): void {
  const { kind, holdId, expiresAt, token, sequence } = transaction;
  if (kind === 'post' || kind === 'reverse') return;
  const unless = (holds: boolean, detail: string) => {
    if (holds) return;
    throw new Difference('hold', {
      batch: replay.batch,
      detail: `Transaction ${sequence}: ${detail}`,
    });
  };
  const open = holdId && replay.holds.get(holdId);
  const [from, to] = sides; // of the first posting: what begins the hold, what it gives back, or what a renewal adds
  const moved = BigInt(amounts[0] ?? 0);
  if (kind === 'hold' || kind === 'lease') {
    unless(!!holdId && !!expiresAt && !open, `${holdId} begins twice or has no end.`);
    const terms = { amount: moved, expiresAt: expiresAt!, token };
    replay.holds.set(holdId!, { source: from, held: to, ...terms });
    return;
  }
  unless(!!open, `${holdId} is not open.`);
  if (!holdId || !open) return;
  const [source, held] = kind === 'renew' ? [from, to] : [to, from];
  unless(!from || (source === open.source && held === open.held), `${holdId} is another.`);
  if (kind === 'renew') {
    unless(
      (token ?? 0) >= (open.token ?? Infinity) && !!expiresAt,
      `${holdId} is renewed by nobody.`,
    );
    const amount = open.amount + moved;
    replay.holds.set(holdId, { ...open, amount, token, expiresAt: expiresAt! });
  } else if (kind === 'draw') {
    unless(open.token === token && moved <= open.amount, `${holdId} is drawn from by another.`);
    replay.holds.set(holdId, { ...open, amount: open.amount - moved });
  } else {
    unless(moved === open.amount, `${holdId} ends with ${moved} and holds ${open.amount}.`);
    replay.holds.delete(holdId);
  }
}
