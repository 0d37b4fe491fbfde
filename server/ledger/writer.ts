/**
 * The one writer: commands queue, and a batch of them leaves as soon as the batch before is durable.
 *
 * So a lone command waits for one commit only, and a crowd shares it. While a batch is on its way to the disk the next one is
 * prepared on top of it; nobody is answered before his batch, and all before it, are durable, and nobody is refused by a
 * writer whose term is over. The right to write is a term of the store; losing it ends the term, and the next command tries
 * to begin another.
 */
import { OpenLedgerError } from '@openledger/protocol';
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import { cannotSay } from './answer.ts';
import type { Outcome } from './apply.ts';
import type { Command } from './command.ts';
import { type Prepared, prepareBatch } from './prepare-batch.ts';
import { emptyState, type State } from './state.ts';
import type { Head, Store, Term, Write } from './store.ts';

export type Writer = {
  /** Becomes the writer, after at most the wait. @throws unavailable while another process is */
  start(patience?: { readonly waitMs?: number }): Promise<void>;
  /** Whether this process has the right to write, as far as it knows. */
  isWriting(): boolean;
  /** Queues a well-formed command. @throws unavailable when it is not known whether it was done: ask again, same id */
  submit(command: Command): Promise<Outcome>;
  /** Finishes what is queued and lets another process write. */
  stop(): Promise<void>;
};

/** A larger batch costs less a command: an account that stands in many of them is updated once. */
const BATCH_COMMANDS = 2_000;
const BATCH_POSTINGS = 20_000;
/** Balances kept in memory; beyond it the cache starts anew. */
const CACHED_ACCOUNTS = 500_000;

type Handles = {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  /** Lets those run who wait for the event loop. */
  readonly turn?: () => Promise<void>;
  /** Called after each durable batch. */
  readonly onCommit: (write: Write) => void;
};

export function createWriter({ store, clock, log, turn = nextTurn, onCommit }: Handles): Writer {
  const queue: Wish[] = [];
  let tenure: Tenure | undefined;
  let draining: Promise<void> | undefined;
  let open = false;
  const begin = oneAtATime((waitMs) => beginTenure({ store, log }, waitMs));
  async function drain(): Promise<void> {
    let committing: Promise<void> = Promise.resolve();
    await turn();
    while (queue.length > 0) {
      const wishes = takeBatch(queue);
      const next = await prepare(wishes);
      await committing;
      if (next && next.tenure === tenure) {
        committing = commit(next, wishes);
        if (tenure.state.accounts.size > CACHED_ACCOUNTS) {
          await committing; // a balance may be forgotten only when it is durable
          tenure?.state.accounts.clear();
        }
      } else if (next) {
        queue.unshift(...wishes); // the batch it was built on came to nothing
      }
      await turn(); // whoever was just answered may ask again, and joins the next batch
    }
    await committing;
    if (queue.length > 0) return drain();
    draining = undefined;
  }

  /** @returns undefined when the wishes have failed */
  async function prepare(wishes: readonly Wish[]): Promise<Next | undefined> {
    try {
      tenure ??= await begin(1_000);
      const mine = tenure;
      const prepared = await prepareBatch(mine.term, {
        ...mine,
        commands: wishes.map(({ command }) => command),
        now: clock.now,
      });
      mine.head = prepared.head;
      return { tenure: mine, prepared };
    } catch (cause) {
      await failAll(wishes, cause);
      return undefined;
    }
  }

  async function commit({ tenure: mine, prepared }: Next, wishes: readonly Wish[]): Promise<void> {
    try {
      if (prepared.write) {
        await mine.term.commit(prepared.write);
        onCommit(prepared.write);
      } else if (prepared.outcomes.some(({ kind }) => kind === 'refused')) {
        await mine.term.confirm(); // a successor may know of money that is not in our state
      }
      for (const [index, { answer }] of wishes.entries()) answer(prepared.outcomes[index]);
    } catch (cause) {
      await failAll(wishes, cause);
    }
  }

  async function failAll(wishes: readonly Wish[], cause: unknown): Promise<void> {
    log.error('ledger.batch_failed', { commands: wishes.length, cause });
    await endTenure();
    for (const { fail } of wishes) fail(cannotSay(cause));
  }

  async function endTenure(): Promise<void> {
    const over = tenure;
    tenure = undefined;
    await over?.term.close().catch(() => {}); // a lost connection is closed already
  }

  return {
    async start({ waitMs = 10_000 } = {}) {
      tenure ??= await begin(waitMs);
      open = true;
    },
    isWriting: () => open && tenure !== undefined,
    submit(command) {
      if (!open) return Promise.reject(notWriting());
      return new Promise((answer, fail) => {
        queue.push({ command, answer, fail });
        draining ??= drain();
      });
    },
    async stop() {
      open = false;
      await draining;
      await endTenure();
    },
  };
}

type Wish = {
  readonly command: Command;
  readonly answer: (outcome: Outcome) => void;
  readonly fail: (error: OpenLedgerError) => void;
};

/** A term, and what the writer knows while it has it. */
type Tenure = { readonly term: Term; readonly state: State; head: Head };

type Next = { readonly tenure: Tenure; readonly prepared: Prepared };

export const notWriting = (): OpenLedgerError =>
  new OpenLedgerError('unavailable', 'This process does not write to the ledger.');

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

/** Two would wait for each other's lock. */
function oneAtATime(
  begin: (waitMs: number) => Promise<Tenure>,
): (waitMs: number) => Promise<Tenure> {
  let beginning: Promise<Tenure> | undefined;
  return (waitMs) => {
    beginning ??= begin(waitMs).finally(() => {
      beginning = undefined;
    });
    return beginning;
  };
}

async function beginTenure(
  { store, log }: Pick<Handles, 'store' | 'log'>,
  waitMs: number,
): Promise<Tenure> {
  const term = await store.begin({ waitMs });
  log.info('ledger.writing', { term: term.number });
  const state = emptyState();
  state.sequence = term.head.sequence;
  state.account = term.head.account;
  for (const hold of term.holds) state.holds.set(hold.holdId, hold);
  return { term, state, head: term.head };
}
