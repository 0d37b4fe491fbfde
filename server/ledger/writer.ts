/**
 * The one writer: commands queue, and a batch of them leaves as soon as the batch before is durable.
 *
 * So a lone command waits for one commit only, and a crowd shares it. The writer's right to write is an advisory lock on
 * a connection of its own and a term number that each batch names; losing either ends the term, and the next command
 * tries to begin another.
 */
import { OpenLedgerError } from '@openledger/protocol';
import { type Clock, sleep } from '../platform/clock.ts';
import type { Db, Session } from '../platform/db.ts';
import type { Log } from '../platform/log.ts';
import { newId } from '../platform/new-id.ts';
import { sql } from '../platform/sql.ts';
import { apply, type Outcome } from './apply.ts';
import type { Command } from './command.ts';
import { commitBatch, type Head } from './commit-batch.ts';
import { load } from './load.ts';
import { idOf } from './read-transactions.ts';
import { emptyState, type State } from './state.ts';

export type Writer = {
  /** Becomes the writer, after at most the wait. @throws unavailable while another process is */
  start(patience?: { readonly waitMs?: number }): Promise<void>;
  /** Queues a well-formed command. @throws unavailable when it is not known whether it was done: ask again, same key */
  submit(command: Command): Promise<Outcome>;
  /** Finishes what is queued and lets another process write. */
  stop(): Promise<void>;
};

const BATCH_COMMANDS = 1_000;
const BATCH_POSTINGS = 20_000;
/** Balances kept in memory; beyond it the cache starts anew. */
const CACHED_ACCOUNTS = 500_000;
const WRITER_LOCK = 7300002;

export function createWriter({
  db,
  clock,
  log,
  onCommit,
}: {
  readonly db: Db;
  readonly clock: Clock;
  readonly log: Log;
  /** Called after each durable batch. */
  readonly onCommit: () => void;
}): Writer {
  const queue: Wish[] = [];
  let term: Term | undefined;
  let draining: Promise<void> | undefined;
  let open = false;

  async function drain(): Promise<void> {
    await nextTurn();
    while (queue.length > 0) {
      await serve(takeBatch(queue));
      await nextTurn(); // whoever was just answered may ask again, and joins the next batch
    }
    draining = undefined;
  }

  async function serve(wishes: readonly Wish[]): Promise<void> {
    try {
      term ??= await beginTerm(db, { waitMs: 1_000 });
      const outcomes = await commit(term, { wishes, clock });
      if (outcomes.some(({ kind }) => kind === 'posted')) onCommit();
      for (const [index, { answer }] of wishes.entries()) answer(outcomes[index]);
    } catch (cause) {
      log.error('ledger.batch_failed', { commands: wishes.length, cause });
      await endTerm();
      const error = new OpenLedgerError(
        'unavailable',
        'The ledger cannot say whether this was done; ask again with the same key.',
        {},
        { cause },
      );
      for (const { fail } of wishes) fail(error);
    }
  }

  async function endTerm(): Promise<void> {
    const over = term;
    term = undefined;
    await over?.session.close().catch(() => {}); // a lost connection is closed already
  }

  return {
    async start({ waitMs = 10_000 } = {}) {
      term ??= await beginTerm(db, { waitMs });
      open = true;
      log.info('ledger.writing', { term: term.number });
    },
    submit(command) {
      if (!open) {
        return Promise.reject(
          new OpenLedgerError('unavailable', 'This process does not write to the ledger.'),
        );
      }
      return new Promise((answer, fail) => {
        queue.push({ command, answer, fail });
        draining ??= drain();
      });
    },
    async stop() {
      open = false;
      await draining;
      await endTerm();
    },
  };
}

type Wish = {
  readonly command: Command;
  readonly answer: (outcome: Outcome) => void;
  readonly fail: (error: OpenLedgerError) => void;
};

/** The right to write, and what the writer knows while it has it. */
type Term = {
  readonly number: number;
  readonly session: Session;
  readonly state: State;
  head: Head;
};

const nextTurn = (): Promise<void> => new Promise((resume) => setImmediate(resume));

function takeBatch(queue: Wish[]): readonly Wish[] {
  let count = 0;
  let postings = 0;
  while (count < queue.length && count < BATCH_COMMANDS && postings < BATCH_POSTINGS) {
    const { command } = queue[count++];
    postings += 'postings' in command ? command.postings.length : 1;
  }
  return queue.splice(0, count);
}

async function commit(
  term: Term,
  { wishes, clock }: { readonly wishes: readonly Wish[]; readonly clock: Clock },
): Promise<readonly Outcome[]> {
  const { state, session } = term;
  const commands = wishes.map(({ command }) => command);
  await load(session, { state, commands });
  const at = clock.now();
  const outcomes = commands.map((command) =>
    apply(state, command, { at, freshId: newId('transaction', clock) }),
  );
  const transactions = outcomes.flatMap((outcome) =>
    outcome.kind === 'posted' ? [outcome.transaction] : [],
  );
  if (transactions.length > 0) {
    term.head = await commitBatch(session, {
      state,
      term: term.number,
      head: term.head,
      transactions,
    });
  }
  state.recorded.clear();
  state.originals.clear();
  if (state.accounts.size > CACHED_ACCOUNTS) state.accounts.clear();
  return outcomes;
}

/** Takes the lock, counts the term up, which fences off every earlier writer, and reads where the log ends. */
async function beginTerm(db: Db, { waitMs }: { readonly waitMs: number }): Promise<Term> {
  const session = await db.session();
  try {
    await takeLock(session, waitMs);
    const [row] = await session.query<HeadRow>(sql`
      update ledger.writer
      set term = term + 1
      returning term, batch, sequence, account, hash`);
    const state = emptyState();
    state.sequence = Number(row.sequence);
    state.account = Number(row.account);
    await loadHolds(session, state);
    const head = { number: Number(row.batch), hash: row.hash, account: state.account };
    return { number: Number(row.term), session, state, head };
  } catch (error) {
    await session.close().catch(() => {});
    throw error;
  }
}

type HeadRow = {
  readonly term: string;
  readonly batch: string;
  readonly sequence: string;
  readonly account: string;
  readonly hash: Uint8Array;
};

async function takeLock(session: Session, waitMs: number): Promise<void> {
  for (let waitedMs = 0; waitedMs <= waitMs; waitedMs += 50) {
    const [{ locked }] = await session.query<{ locked: boolean }>(
      sql`select pg_try_advisory_lock(${WRITER_LOCK}) as locked`,
    );
    if (locked) return;
    await sleep(50);
  }
  throw new OpenLedgerError('unavailable', 'Another process writes to the ledger.');
}

async function loadHolds(session: Session, state: State): Promise<void> {
  type Row = {
    id: string;
    source: string;
    held: string;
    asset: string;
    amount: string;
    expires_at: Date;
  };
  const rows = await session.query<Row>(sql`
    select h.id, s.name as source, a.name as held, a.asset, h.amount, h.expires_at
    from ledger.holds h
    join ledger.accounts s on s.number = h.source
    join ledger.accounts a on a.number = h.held`);
  for (const { id, amount, expires_at: expiresAt, ...accounts } of rows) {
    const holdId = idOf('hld', id);
    state.holds.set(holdId, { ...accounts, holdId, amount: BigInt(amount), expiresAt });
  }
}
