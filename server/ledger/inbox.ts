/**
 * How other processes reach the writer: they leave their wishes in a table, and find there what became of them.
 *
 * What is wished at once shares a row. A row is taken again until it is answered, by whoever writes then; that does nothing
 * twice, because a transaction's id is its idempotency key. Whoever waits in vain asks again.
 */
import type { OpenLedgerError } from '@openledger/protocol';
import { sleep } from '../platform/clock.ts';
import type { Db } from '../platform/db.ts';
import { listen } from '../platform/listen.ts';
import type { Log } from '../platform/log.ts';
import { type Repeating, repeat } from '../platform/repeat.ts';
import { prepared, sql } from '../platform/sql.ts';
import { type Answer, cannotSay } from './answer.ts';
import { type Command, flawOf } from './command.ts';
import { formatCommand, formatOutcome, parseCommand, parseOutcome } from './wire-command.ts';

const WISHES = 'ledger_inbox';
const ANSWERS = 'ledger_answers';

/** Notices can be lost; the tables are looked at this often in any case. */
const LOOK_MS = 100;
const PATIENCE_MS = 30_000;
const COMMANDS_A_ROW = 1_000;
const ROWS_AT_ONCE = 50;

export type Inbox = {
  /** @throws unavailable when it is not known whether it was done: ask again, same id */
  submit(command: Command): Promise<Answer>;
  stop(): Promise<void>;
};

type Wish = {
  readonly command: Command;
  readonly answer: (outcome: Answer) => void;
  readonly fail: (error: OpenLedgerError) => void;
};

export function createInbox({ db, log }: { readonly db: Db; readonly log: Log }): Inbox {
  let queue: Wish[] = [];
  let sending: Promise<void> | undefined;
  let ears:
    | { readonly hearing: { stop(): Promise<void> }; readonly looking: Repeating }
    | undefined;
  const waiting = new Map<string, { readonly wishes: readonly Wish[]; readonly since: number }>();

  async function send(): Promise<void> {
    await sleep(1); // who asks at the same time shares the row
    while (queue.length > 0) {
      const wishes = queue.slice(0, COMMANDS_A_ROW);
      queue = queue.slice(COMMANDS_A_ROW);
      try {
        waiting.set(await leave(db, wishes), { wishes, since: Date.now() });
      } catch (cause) {
        failAll(wishes, cause);
      }
    }
    sending = undefined;
  }

  let looking: Promise<void> | undefined;
  const look = (): Promise<void> => {
    looking ??= collect().finally(() => {
      looking = undefined;
    });
    return looking;
  };

  async function collect(): Promise<void> {
    if (waiting.size === 0) return;
    const asked = [...waiting.keys()];
    const { answered, left } = await fetchAnswers(db, asked);
    for (const [number, outcomes] of answered) {
      const row = waiting.get(number);
      waiting.delete(number);
      for (const [i, { answer }] of row?.wishes.entries() ?? []) answer(outcomes[i]);
    }
    for (const number of asked) {
      const row = waiting.get(number);
      const isLost = row && (!left.has(number) || Date.now() - row.since > PATIENCE_MS);
      if (!isLost) continue;
      waiting.delete(number);
      failAll(
        row.wishes,
        new Error('The wish has vanished from the inbox, or nobody answered it.'),
      );
    }
  }

  return {
    submit(command) {
      ears ??= {
        hearing: listen(db, ANSWERS, () => void look().catch(() => {})), // the next look says so
        looking: repeat('ledger.answers', { everyMs: LOOK_MS, log }, look),
      };
      return new Promise((answer, fail) => {
        queue.push({ command, answer, fail });
        sending ??= send();
      });
    },
    async stop() {
      await sending;
      await ears?.hearing.stop();
      await ears?.looking.stop();
      for (const { wishes } of waiting.values()) failAll(wishes, new Error('This process stops.'));
      waiting.clear();
    },
  };
}

function failAll(wishes: readonly Wish[], cause: unknown): void {
  const error = cannotSay(cause);
  for (const { fail } of wishes) fail(error);
}

/** @returns the row's number */
async function leave(db: Db, wishes: readonly Wish[]): Promise<string> {
  const commands = `[${wishes.map(({ command }) => formatCommand(command)).join(',')}]`;
  // In a transaction, because only those are bounded in time: a fenced primary answers nothing for ever.
  const [{ number }] = await db.transaction((tx) =>
    tx.query<{ number: string }>(
      prepared(
        'ledger.leave-wishes',
        sql`
    with wished as (
      insert into ledger.inbox (commands)
      values (${commands}::jsonb)
      returning number
    )
    select number, pg_notify(${WISHES}, '')
    from wished`,
      ),
    ),
  );
  return number;
}

/** @returns answers, which are taken out, and the numbers that are still there */
async function fetchAnswers(
  db: Db,
  numbers: readonly string[],
): Promise<{
  readonly answered: ReadonlyMap<string, readonly Answer[]>;
  readonly left: ReadonlySet<string>;
}> {
  const rows = await db.query<{ number: string; outcomes: unknown[] | null }>(
    prepared(
      'ledger.look-for-answers',
      sql`
    select number, outcomes
    from ledger.inbox
    where number = any(${numbers}::bigint[])`,
    ),
  );
  const answered = new Map<string, readonly Answer[]>();
  for (const { number, outcomes } of rows) {
    if (outcomes) answered.set(number, outcomes.map(parseOutcome));
  }
  if (answered.size > 0) {
    await db.query(
      prepared(
        'ledger.drop-answers',
        sql`
      delete from ledger.inbox
      where number = any(${[...answered.keys()]}::bigint[])`,
      ),
    );
  }
  return { answered, left: new Set(rows.map(({ number }) => number)) };
}

/** Answers what others leave in the inbox; to be run by the process that writes, and by nobody else at the same time. */
export function serveInbox(
  { db, log }: { readonly db: Db; readonly log: Log },
  submit: (command: Command) => Promise<Answer>,
): { stop(): Promise<void> } {
  const serving = new Map<string, Promise<void>>();

  async function take(): Promise<void> {
    const rows = await db.query<{ number: string; commands: unknown[] }>(
      prepared(
        'ledger.take-wishes',
        sql`
      select number, commands
      from ledger.inbox
      where outcomes is null and number <> all(${[...serving.keys()]}::bigint[])
      order by number
      limit ${ROWS_AT_ONCE}`,
      ),
    );
    for (const { number, commands } of rows) {
      const answering = answerRow(number, commands)
        .catch((cause: unknown) => log.warn('ledger.inbox_failed', { number, cause })) // it is taken again
        .finally(() => serving.delete(number));
      serving.set(number, answering);
    }
  }

  async function answerRow(number: string, stored: readonly unknown[]): Promise<void> {
    const outcomes = await Promise.all(stored.map((one) => judge(parseCommand(one))));
    await db.query(
      prepared(
        'ledger.answer-wishes',
        sql`
      with answered as (
        update ledger.inbox
        set outcomes = ${`[${outcomes.map(formatOutcome).join(',')}]`}::jsonb
        where number = ${number}::bigint
      )
      select pg_notify(${ANSWERS}, '')`,
      ),
    );
  }

  const judge = async (command: Command): Promise<Answer> => {
    const error = flawOf(command);
    return error ? { kind: 'refused', error } : submit(command);
  };

  let taking: Promise<void> | undefined;
  let isAsked = false;
  const wake = (): Promise<void> => {
    isAsked = true;
    taking ??= (async () => {
      try {
        while (isAsked) {
          isAsked = false;
          await take();
        }
      } finally {
        taking = undefined;
      }
    })();
    return taking;
  };
  const hearing = listen(db, WISHES, () => void wake().catch(() => {})); // the next look says so
  const looking = repeat('ledger.inbox', { everyMs: LOOK_MS, log }, wake);
  const clearing = repeat('ledger.inbox_clear', { everyMs: 60_000, log }, () => clear(db));
  return {
    async stop() {
      await hearing.stop();
      await Promise.all([looking.stop(), clearing.stop()]);
      await Promise.all(serving.values());
    },
  };
}

/** Answers that nobody fetched: who asked is gone. */
const clear = (db: Db): Promise<unknown> =>
  db.query(sql`
    delete from ledger.inbox
    where outcomes is not null and left_at < now() - interval '10 minutes'`);
