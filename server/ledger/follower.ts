/** Writes history by account behind the log, so that nobody who posts waits for it. */
import type { Db, Tx } from '../platform/db.ts';
import type { Log } from '../platform/log.ts';
import { sql } from '../platform/sql.ts';
import { sidesOfT } from './read-transactions.ts';

export type Follower = {
  /** The log has grown. */
  wake(): void;
  /** Catches up with what is durable now and stops. */
  stop(): Promise<void>;
};

const PAUSE_MS = 100;
/** A page is a chunk of history an account: larger ones store less a line. */
const PAGE = 30_000;

export function createFollower({ db, log }: { readonly db: Db; readonly log: Log }): Follower {
  let timer: NodeJS.Timeout | undefined;
  let following: Promise<void> | undefined;

  const follow = async () => {
    timer = undefined;
    try {
      while ((await db.transaction(followPage)) === PAGE);
    } catch (cause) {
      log.warn('ledger.follower_failed', { cause }); // statements read the log's end themselves until it works again
    }
  };

  return {
    wake() {
      timer ??= setTimeout(() => {
        following = (following ?? Promise.resolve()).then(follow);
      }, PAUSE_MS);
    },
    async stop() {
      clearTimeout(timer);
      await following;
      if (timer) await follow();
    },
  };
}

/** @returns how many transactions were followed, at most a page */
async function followPage(tx: Tx): Promise<number> {
  const [{ after, upto }] = await tx.query<{ after: string; upto: string }>(sql`
    select f.sequence as after, least(f.sequence + ${PAGE}, w.sequence) as upto
    from ledger.follower f, ledger.writer w
    for update of f`);
  if (after === upto) return 0;
  await tx.query(sql`
    insert into ledger.entries (account, first_sequence, closing, sequences)
    select chunk.account, chunk.sequences[1], coalesce(before.closing, 0) + chunk.change, chunk.sequences
    from (
      select touch.account,
             sum(touch.amount) as change,
             array_agg(touch.sequence order by touch.sequence) as sequences
      from (
        select side.account, t.sequence, sum(side.amount) as amount
        from ledger.transactions t
        ${sidesOfT}
        where t.sequence > ${after}::bigint and t.sequence <= ${upto}::bigint
        group by side.account, t.sequence
      ) touch
      group by touch.account
    ) chunk
    left join lateral (
      select e.closing
      from ledger.entries e
      where e.account = chunk.account
      order by e.first_sequence desc
      limit 1
    ) before on true`);
  await tx.query(sql`update ledger.follower set sequence = ${upto}`);
  return Number(upto) - Number(after);
}
