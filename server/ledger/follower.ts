/**
 * Writes history by account behind the log, so that nobody who posts waits for it.
 *
 * What this process has written itself it knows; what it does not know it reads from the log: after a start, and after
 * another process has written.
 */
import type { Db, Reader, Tx } from '../platform/db.ts';
import type { Log } from '../platform/log.ts';
import { arrayText, quoted, sql } from '../platform/sql.ts';
import { parseLegs } from './legs.ts';
import type { Touched, Write } from './store.ts';

export type Follower = {
  /** A batch of this process is durable. */
  follow(write: Write): void;
  /** The log may have grown by what others wrote. */
  wake(): void;
  /** Catches up with what is durable now and stops. */
  stop(): Promise<void>;
};

/** A stretch of the log, and what it does to each account. */
type Stretch = {
  readonly first: number;
  readonly last: number;
  readonly touched: readonly Touched[];
};

/** History is written for a second's transactions at once, or for so many: a chunk an account costs the same for one line as for many. */
const PAUSE_MS = 1_000;
const PAGE = 30_000; // offsets within a page are smallints
/** Beyond it, what is known is forgotten, and read from the log. */
const MOST_KNOWN = 10 * PAGE;

export function createFollower({ db, log }: { readonly db: Db; readonly log: Log }): Follower {
  let known: Stretch[] = [];
  let timer: NodeJS.Timeout | undefined;
  let following: Promise<void> = Promise.resolve();

  const catchUp = async () => {
    clearTimeout(timer);
    timer = undefined;
    try {
      while (await db.transaction((tx) => followPage(tx, known)));
    } catch (cause) {
      log.warn('ledger.follower_failed', { cause }); // statements read the log's end themselves until it works again
    }
  };
  const wake = (pauseMs = PAUSE_MS) => {
    if (timer && pauseMs > 0) return;
    clearTimeout(timer);
    timer = setTimeout(() => {
      following = following.then(catchUp);
    }, pauseMs);
  };

  return {
    follow({ batch: { firstSequence, count }, opened, moved }) {
      known.push({
        first: firstSequence,
        last: firstSequence + count - 1,
        touched: [...opened, ...moved],
      });
      const waiting = firstSequence + count - known[0].first;
      if (waiting > MOST_KNOWN) known = [];
      wake(waiting < PAGE ? PAUSE_MS : 0);
    },
    wake: () => wake(),
    async stop() {
      await following;
      if (timer) await catchUp();
    },
  };
}

/** @param known by sequence; what is followed is taken from it @returns whether there was anything to follow */
async function followPage(tx: Tx, known: Stretch[]): Promise<boolean> {
  const [{ after }] = await tx.query<{ after: string }>(
    sql`select sequence as after from ledger.follower for update`,
  );
  // A statement of its own: who has waited for the lock must not see the head as it was before.
  const [{ head }] = await tx.query<{ head: string }>(
    sql`select sequence as head from ledger.writer`,
  );
  if (after === head) return false;
  const page = await nextPage(tx, { known, after: Number(after), head: Number(head) });
  await writePage(tx, page);
  return true;
}

/** A page that begins just after a sequence: out of what is known, or out of the log up to where that begins. */
async function nextPage(
  reader: Reader,
  {
    known,
    after,
    head,
  }: { readonly known: Stretch[]; readonly after: number; readonly head: number },
): Promise<Stretch> {
  while (known.length > 0 && known[0].first <= after) known.shift();
  const first = after + 1;
  const taken: Stretch[] = [];
  let last = after;
  while (known.length > 0 && known[0].first === last + 1 && known[0].last <= after + PAGE) {
    last = known[0].last;
    taken.push(known.shift() as Stretch);
  }
  if (taken.length > 0) return { first, last, touched: taken.flatMap(({ touched }) => touched) };
  last = Math.min(after + PAGE, head, (known[0]?.first ?? Infinity) - 1);
  return readStretch(reader, { first, last });
}

async function readStretch(
  reader: Reader,
  { first, last }: { readonly first: number; readonly last: number },
): Promise<Stretch> {
  const rows = await reader.query<{ sequence: string; legs: string }>(sql`
    select sequence, legs
    from ledger.transactions
    where sequence between ${first}::bigint and ${last}::bigint
    order by sequence`);
  const touched = rows.flatMap(({ sequence, legs }) => {
    const changes = new Map<number, bigint>();
    const { sides, amounts } = parseLegs(legs);
    for (const [side, number] of sides.entries()) {
      const amount = BigInt(amounts[side >> 1]);
      changes.set(number, (changes.get(number) ?? 0n) + (side % 2 === 0 ? -amount : amount));
    }
    const sequences = [Number(sequence)];
    return [...changes].map(([number, change]) => ({ number, change, sequences }));
  });
  return { first, last, touched };
}

/** A chunk for each account that the page touches. */
async function writePage(tx: Tx, { last, touched }: Stretch): Promise<void> {
  const chunks = new Map<number, { change: bigint; first: number; offsets: string }>();
  for (const { number, change, sequences } of touched) {
    const [first] = sequences;
    const chunk = chunks.get(number) ?? { change: 0n, first, offsets: '' };
    chunk.change += change;
    for (const sequence of sequences) {
      chunk.offsets += `${chunk.offsets && ','}${sequence - chunk.first}`;
    }
    chunks.set(number, chunk);
  }
  const all = [...chunks.values()];
  await tx.query(sql`
    insert into ledger.entries (account, first_sequence, closing, offsets)
    select chunk.account, chunk.first, coalesce(before.closing, 0) + chunk.change, chunk.offsets::smallint[]
    from unnest(
      ${arrayText([...chunks.keys()])}::bigint[],
      ${arrayText(all.map(({ first }) => first))}::bigint[],
      ${arrayText(all.map(({ change }) => change))}::numeric[],
      ${arrayText(all.map(({ offsets }) => quoted(`{${offsets}}`)))}::text[]
    ) as chunk(account, first, change, offsets)
    left join lateral (
      select e.closing
      from ledger.entries e
      where e.account = chunk.account
      order by e.first_sequence desc
      limit 1
    ) before on true`);
  await tx.query(sql`update ledger.follower set sequence = ${last}`);
}
