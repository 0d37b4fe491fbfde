/**
 * The ledger: double entry, several assets, append-only.
 *
 * Promises
 * - A posting names both sides, so every transaction balances; the balances of an asset always sum to zero.
 * - Only `external:*` stands below zero. A transaction is judged by where each account stands after the whole of it, in the
 *   reducer first and by the table's constraint again.
 * - What is answered is durable. A transaction's id is its idempotency key: the same id with the same wish is answered with
 *   what it did the first time; with another wish it is a `conflict`. A refused command leaves nothing behind: the same wish
 *   may succeed later.
 * - A hold ends exactly once: captured (in part or whole), released or expired. Until the sweep has expired it, it can be
 *   captured. Money in `...:held` moves through its hold alone.
 * - A lease is drawn from many times, by the one who has its token, until it expires; then no draw is accepted any more and
 *   the sweep gives the rest back. A renewal lengthens it, adds to it, or takes it over with a higher token.
 * - Nothing is edited. A reversal mirrors legs pro rata of what remains; partial reversals, however many, sum exactly.
 * - Batches form a hash chain; `audit` replays it all and names the first difference.
 * - A period ends at a sequence, and its seal fixes the trial balance as of just that one. What comes late is posted in the open
 *   period, with the moment it was effective. Transactions and sealed balances are proven by files that need no server.
 * - Any number of processes may ask. One writes, by lock and term; the wishes of the others reach it through the inbox, and
 *   one of them takes over when it is gone.
 *
 * Does not
 * - pay for what an account no longer has: a reversal that a receiver cannot pay is refused as `insufficient_funds`, whole.
 *   What is owed then is for fees to book;
 * - know parties, prices or policies: account names are its callers' words.
 *
 * Tables (schema `ledger`): `writer` head of the log, `batches` and `transactions` the log, `accounts` balances, `holds` the
 * open ones, `entries` and `follower` history by account, written behind the log, `inbox` wishes of other processes, `periods`
 * and `period_balances` the seals and what they sealed.
 */
import {
  type Id,
  OpenLedgerError,
  type Seal,
  type Statement,
  type TransactionProof,
} from '@openledger/protocol';
import type { Clock } from '../platform/clock.ts';
import type { Db, Reader } from '../platform/db.ts';
import type { Log } from '../platform/log.ts';
import { type Repeating, repeat } from '../platform/repeat.ts';
import { sql } from '../platform/sql.ts';
import { type Answer, answerOf, type Done } from './answer.ts';
import { audit } from './audit.ts';
import {
  type Balance,
  type BalancesFilter,
  balance,
  balances,
  type TrialBalance,
  trialBalance,
} from './balances.ts';
import {
  type Capture,
  type Command,
  commands,
  type Draw,
  flawOf,
  type Hold,
  type Lease,
  type Post,
  type Release,
  type Renew,
  type Reverse,
} from './command.ts';
import type { AuditReport } from './difference.ts';
import { findTransaction, type RecordedTransaction } from './find-transaction.ts';
import { createFollower } from './follower.ts';
import { createInbox, serveInbox } from './inbox.ts';
import { type JournalPage, journal } from './journal.ts';
import { type LateEvent, lateEvents } from './late-events.ts';
import { closePeriod, type Period, periods, sealPeriod } from './periods.ts';
import { createPostgresStore } from './postgres-store.ts';
import { proveTransaction } from './prove.ts';
import { readStatement, type Span } from './read-statement.ts';
import { idOf } from './read-transactions.ts';
import { type Entry, statement } from './statement.ts';
import { createWriter, notWriting } from './writer.ts';

export { type AccountKey, ownedBy } from './account.ts';
export type { Answer, Done } from './answer.ts';
export type { Outcome } from './apply.ts';
export { audit } from './audit.ts';
export type { Balance, BalancesFilter, TrialBalance } from './balances.ts';
export type {
  Capture,
  Draw,
  Hold,
  Lease,
  Post,
  Posting,
  PostingInput,
  Release,
  Renew,
  Reverse,
} from './command.ts';
export { MAX_POSTINGS } from './command.ts';
export type { AuditReport, Check } from './difference.ts';
export type { RecordedTransaction } from './find-transaction.ts';
export { journalBeancount, statementBeancount } from './format-beancount.ts';
export { journalCsv, statementCsv } from './format-csv.ts';
export type { Entry } from './statement.ts';
export { encodeTransaction, type Transaction } from './transaction.ts';
export { timeOf, transactionIdFor } from './transaction-id.ts';

export type Ledger = {
  /**
   * Takes part: becomes the writer where nobody is, otherwise leaves wishes with the one who is, and stands by to take over.
   * Without it this ledger only reads.
   */
  start(): Promise<void>;
  /** Whether this process is the writer now. */
  isWriting(): boolean;
  /** @throws insufficient_funds naming account and missing units; conflict; unavailable */
  post(wish: Post): Promise<Done>;
  /**
   * Queues all at once, so that they share a batch where they fit. Each is refused or done by itself.
   *
   * @throws unavailable when a batch did not become durable; asked again, what was done is replayed
   */
  postAll(wishes: readonly Post[]): Promise<readonly Answer[]>;
  hold(wish: Hold): Promise<Done>;
  lease(wish: Lease): Promise<Done>;
  /** @throws conflict when the lease has expired, or another has it; not_found when it has ended */
  renew(wish: Renew): Promise<Done>;
  /** Draws on leases, each refused or done by itself. @throws unavailable as `postAll` */
  drawAll(wishes: readonly Draw[]): Promise<readonly Answer[]>;
  /** @throws conflict when the hold ended otherwise; insufficient_funds when it is smaller than the capture */
  capture(wish: Capture): Promise<Done>;
  release(wish: Release): Promise<Done>;
  /** @throws unprocessable when less remains; insufficient_funds when a receiver no longer has it */
  reverse(wish: Reverse): Promise<Done>;
  /** Gives back every hold whose time is over. @returns how many this call ended */
  expireHolds(now: Date): Promise<number>;
  balance(account: string, asset?: string): Promise<bigint>;
  balances(filter?: BalancesFilter): Promise<readonly Balance[]>;
  statement(
    account: string,
    page?: { readonly asset?: string; readonly limit?: number; readonly after?: number },
  ): Promise<readonly Entry[]>;
  transaction(transactionId: Id<'transaction'>): Promise<RecordedTransaction | undefined>;
  trialBalance(): Promise<readonly TrialBalance[]>;
  /** Ends the open period at the head of the log. @throws conflict when another one is open, or the one before not sealed */
  closePeriod(period: number): Promise<Period>;
  /** @throws not_found when the period is still open */
  sealPeriod(period: number): Promise<Seal>;
  /** Newest first. */
  periods(page?: { readonly limit?: number; readonly after?: number }): Promise<readonly Period[]>;
  /** What was effective in a period and posted after its end. */
  lateEvents(page: {
    readonly period: number;
    readonly limit?: number;
    readonly after?: number;
  }): Promise<readonly LateEvent[]>;
  /** An account's, or of all accounts that begin so: `pty_0192...:`. @throws not_found, too_large */
  export(subject: string, span?: Span): Promise<Statement>;
  prove(transactionId: Id<'transaction'>): Promise<TransactionProof | undefined>;
  /** The whole log, page by page. */
  journal(page: { readonly limit: number; readonly after?: number }): Promise<JournalPage>;
  audit(): Promise<AuditReport>;
  /** Finishes what is queued and lets another process write. */
  stop(): Promise<void>;
};

export function createLedger({
  db,
  clock,
  log,
}: {
  readonly db: Db;
  readonly clock: Clock;
  readonly log: Log;
}): Ledger {
  const follower = createFollower({ db, log });
  const store = createPostgresStore({ db, clock });
  const writer = createWriter({ store, clock, log, onCommit: follower.follow });

  const inbox = createInbox({ db, log });
  let started: Repeating | undefined;
  let serving: ReturnType<typeof serveInbox> | undefined;

  /**
   * Nobody writes, as far as this process knows: perhaps it can. Who has the right also answers the others, and may have it
   * already: a wish in its hands begins a term as well.
   */
  const takeOver = async (): Promise<void> => {
    if (writer.isWriting() && serving) return;
    await serving?.stop();
    serving = undefined;
    try {
      await writer.start({ waitMs: 0 });
    } catch (error) {
      if (error instanceof OpenLedgerError && error.code === 'unavailable') return; // another process writes
      throw error;
    }
    serving = serveInbox({ db, log }, write);
    follower.wake();
  };

  const write = async (command: Command): Promise<Answer> => answerOf(await writer.submit(command));

  const submit = async (command: Command): Promise<Answer> => {
    const flaw = flawOf(command);
    if (flaw) return { kind: 'refused', error: flaw };
    if (writer.isWriting()) return write(command);
    if (started) return inbox.submit(command);
    throw notWriting();
  };
  const done = async (command: Command) => unlessRefused(await submit(command));

  return {
    async start() {
      if (started) return;
      await takeOver();
      started = repeat('ledger.take_over', { everyMs: 500, log }, takeOver);
    },
    isWriting: writer.isWriting,
    post: (wish) => done(commands.post(wish)),
    postAll: (wishes) => Promise.all(wishes.map((wish) => submit(commands.post(wish)))),
    hold: (wish) => done(commands.hold(wish)),
    lease: (wish) => done(commands.lease(wish)),
    renew: (wish) => done(commands.renew(wish)),
    drawAll: (wishes) => Promise.all(wishes.map((wish) => submit(commands.draw(wish)))),
    capture: (wish) => done(commands.capture(wish)),
    release: (wish) => done(commands.release(wish)),
    reverse: (wish) => done(commands.reverse(wish)),
    async expireHolds(now) {
      const due = await holdsDue(db, now);
      const answers = await Promise.all(due.map((holdId) => submit(commands.expire(holdId))));
      return answers.filter(({ kind }) => kind === 'posted').length; // the others were captured or released meanwhile
    },
    balance: (account, asset) => balance(db, account, asset),
    balances: (filter) => balances(db, filter),
    statement: (account, page) => statement(db, { ...page, account }),
    transaction: (transactionId) => findTransaction(db, transactionId),
    trialBalance: () => trialBalance(db),
    closePeriod: (period) => closePeriod(db, { period, clock }),
    sealPeriod: (period) => sealPeriod(db, { period, clock }),
    periods: (page) => periods(db, page),
    lateEvents: (page) => lateEvents(db, page),
    export: (subject, span = {}) => readStatement(db, { subject, span }),
    prove: (transactionId) => proveTransaction(db, transactionId),
    journal: (page) => journal(db, page),
    audit: () => audit(db),
    async stop() {
      await started?.stop();
      started = undefined;
      await serving?.stop();
      serving = undefined;
      await inbox.stop();
      await writer.stop();
      await follower.stop();
    },
  };
}

function unlessRefused(answer: Answer): Done {
  if (answer.kind === 'refused') throw answer.error;
  return answer;
}

async function holdsDue(reader: Reader, now: Date): Promise<readonly Id<'hold'>[]> {
  const rows = await reader.query<{ id: string }>(sql`
    select id
    from ledger.holds
    where expires_at <= ${now.toISOString()}
    order by expires_at, id`);
  return rows.map(({ id }) => idOf('hld', id));
}
