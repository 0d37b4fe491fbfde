/**
 * The records of calls whose key has no limits, where the money's log is on the disk beside them: a record is written down there,
 * in one sync with the money's own intents, and put into the tables a moment later, many at a time. Nobody waits for the
 * database, also while it is away.
 *
 * A process that dies leaves what it had written down to the one that takes its log over. It may be stored again by that, which
 * changes nothing.
 */
import type { Id } from '@openledger/protocol';
import { orAfter, sleep } from '../platform/clock.ts';
import { type Db, isRefusedData } from '../platform/db.ts';
import type { Log } from '../platform/log.ts';
import { isAway, outlast } from '../platform/outlast.ts';
import { sql } from '../platform/sql.ts';
import type { Kept } from './budget/budget.ts';
import { endRows, insertRows, MOST_ROWS } from './call-records.ts';
import type { EndedRow, OpenedRow, ServedCall } from './inferences.ts';
import type { Journal } from './money.ts';

/** What a call is paid for, as it stands on record. */
export type Priced = Pick<ServedCall, 'usage' | 'priceUnits'>;

/** What is known of a call: its opening, its end, or both. */
type Parts = { readonly opened?: OpenedRow; readonly ended?: EndedRow };

export type CallJournal = {
  /** Resolves when it is written down; where the log cannot be written, when it is stored. */
  write(id: Id<'inference'>, parts: Parts, whenStored?: WhenStored): Promise<void>;
  /** For what may be lost: it is put into the tables, and not written down before. */
  mention(id: Id<'inference'>, parts: Parts): void;
  /** Waits a moment for a call's record, or all there are, to be in the tables. */
  stored(id?: string): Promise<void>;
  /** Stores what there is, if that is possible now; what is left is for the next process. */
  stop(): Promise<void>;
};

/** Told what stands in the tables of a call's end: undefined where it costs nothing, perhaps because somebody else has ended it. */
type WhenStored = (priced: Priced | undefined) => Promise<void>;

type Waiting = Parts & {
  readonly id: Id<'inference'>;
  readonly numbers: readonly number[];
  readonly whenStored: WhenStored;
  readonly stored: Promise<void>;
  readonly done: () => void;
};

/** Who comes within this time shares a statement: nobody waits for it. */
const LINGER_MS = 5;
/** Beyond that many a call waits for its record to be stored: a database that stays away ends in refusals, not in a full memory. */
const MOST_WAITING = 10_000;
/** How long one who wants to read a record waits for it. */
const READING_MS = 2_000;
const [FIRST_MS, LONGEST_MS] = [50, 2_000];

type Handles = { readonly db: Db; readonly journal: Journal; readonly log: Log };

export function createCallJournal(handles: Handles): CallJournal {
  const { journal, log } = handles;
  const stopping = new AbortController();
  let waiting = new Map<string, Waiting>();
  let storing: ReadonlyMap<string, Waiting> = new Map();
  let isRunning = false;

  async function run(): Promise<void> {
    isRunning = true;
    while (waiting.size > 0) {
      await sleep(LINGER_MS);
      const all = [...waiting];
      storing = new Map(all.slice(0, MOST_ROWS));
      waiting = new Map(all.slice(MOST_ROWS));
      await store(handles, [...storing.values()], stopping.signal);
      storing = new Map();
    }
    isRunning = false;
  }

  function add(
    id: Id<'inference'>,
    parts: Parts,
    { number, whenStored }: { readonly number?: number; readonly whenStored?: WhenStored },
  ): Waiting {
    const known = waiting.get(id) ?? newWaiting(id);
    const one = {
      ...{ ...known, ...parts },
      numbers: number === undefined ? known.numbers : [...known.numbers, number],
      whenStored: whenStored ?? known.whenStored,
    };
    waiting.set(id, one);
    if (!isRunning) void run();
    return one;
  }

  /** @returns undefined where the log cannot be written */
  function keep(id: Id<'inference'>, parts: Parts): number | undefined {
    try {
      return journal.keep(id, JSON.stringify(parts));
    } catch (error) {
      log.error('gateway.keep_failed', { inferenceId: id, error });
      return undefined;
    }
  }

  async function stored(id?: string): Promise<void> {
    const all = [storing, waiting].flatMap((some) =>
      [...some.values()].filter((one) => id === undefined || one.id === id),
    );
    if (all.length > 0) await orAfter(Promise.all(all.map((one) => one.stored)), READING_MS);
  }

  return {
    async write(id, parts, whenStored) {
      const number = keep(id, parts);
      const { stored } = add(id, parts, { number, whenStored });
      if (number === undefined || waiting.size > MOST_WAITING) await stored;
      else await journal.durable().catch(() => stored);
    },
    mention: (id, parts) => void add(id, parts, {}),
    stored,
    async stop() {
      await stored();
      stopping.abort();
    },
  };
}

/** However long the database is away. What it refuses is refused alone, and is the gateway's loss. */
async function store(
  handles: Handles,
  some: readonly Waiting[],
  stopping: AbortSignal,
): Promise<void> {
  const { db, log } = handles;
  for (let delayMs = FIRST_MS; ; delayMs = Math.min(2 * delayMs, LONGEST_MS)) {
    try {
      const priced = await storeAll(db, some);
      await Promise.all(some.map((one) => end(handles, one, priced.get(one.id))));
      return;
    } catch (error) {
      if (isRefusedData(error)) {
        if (some.length === 1) return refuse(handles, some[0], error);
        for (const one of some) await store(handles, [one], stopping);
        return;
      }
      if (!isAway(error)) log.error('gateway.store_failed', { records: some.length, error });
      if (stopping.aborted) return;
      await sleep(delayMs);
    }
  }
}

async function refuse(handles: Handles, one: Waiting, error: unknown): Promise<void> {
  handles.log.error('gateway.record_refused', { inferenceId: one.id, error });
  await end(handles, one, undefined);
}

async function end(
  { journal, log }: Handles,
  { id, numbers, whenStored, done }: Waiting,
  priced: Priced | undefined,
): Promise<void> {
  if (numbers.length > 0) journal.forget(numbers);
  await whenStored(priced).catch((error: unknown) =>
    log.error('gateway.settle_failed', { inferenceId: id, error }),
  );
  done();
}

const nothingToDo = async () => {};

function newWaiting(id: Id<'inference'>): Waiting {
  let done = () => {};
  const stored = new Promise<void>((resolve) => {
    done = resolve;
  });
  return { id, numbers: [], whenStored: nothingToDo, stored, done };
}

/** @returns what those that were served cost, as it stands there now */
async function storeAll(
  db: Pick<Db, 'write' | 'query'>,
  some: readonly (Parts & { readonly id: string })[],
): Promise<ReadonlyMap<string, Priced>> {
  const opened = some.flatMap(({ opened, ended }) => (opened ? [{ ...opened, ...ended }] : []));
  const ended = some.flatMap(({ opened, ended }) => (ended && !opened ? [ended] : []));
  const written = new Set([
    ...(opened.length > 0 ? await insertRows(db, opened) : []),
    ...(ended.length > 0 ? await endRows(db, ended) : []),
  ]);
  const priced = new Map<string, Priced>();
  const unsure: string[] = [];
  for (const { id, ended } of some) {
    if (ended?.status !== 'served') continue;
    if (written.has(id)) priced.set(id, pricedIn(ended));
    else unsure.push(id); // it was there before: written by us, unheard, or ended by somebody else
  }
  if (unsure.length === 0) return priced;
  const rows = await db.query<PricedRow & { id: string }>(sql`
    select id, prompt_tokens, completion_tokens, price_units
    from gateway.inferences
    where id = any(${unsure}) and status = 'served'`);
  for (const row of rows) priced.set(row.id, pricedIn(row));
  return priced;
}

type PricedRow = { prompt_tokens: number; completion_tokens: number; price_units: string };

const pricedIn = ({ prompt_tokens, completion_tokens, price_units }: PricedRow): Priced => ({
  usage: { promptTokens: prompt_tokens, completionTokens: completion_tokens },
  priceUnits: BigInt(price_units),
});

/** Stores what a process that is gone had written down. */
export async function storeKept(db: Db, kept: readonly Kept[]): Promise<void> {
  const calls = new Map<string, Parts & { readonly id: string }>();
  for (const { request: id, row } of kept) {
    calls.set(id, { ...calls.get(id), ...(JSON.parse(row) as Parts), id });
  }
  const all = [...calls.values()];
  for (let at = 0; at < all.length; at += MOST_ROWS) {
    await outlast(() => storeAll(db, all.slice(at, at + MOST_ROWS)));
  }
}
