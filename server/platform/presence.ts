/**
 * Who is here: names of living processes, each an advisory lock that PostgreSQL lets go when its process dies.
 *
 * So nobody has to send heartbeats, and a process that was killed is missed as soon as its connection is. A living process
 * whose connection is lost takes its names again within moments; whoever looks gives it that long (`findGone`).
 */
import { randomBytes } from 'node:crypto';
import { sleep } from './clock.ts';
import type { Db, Session } from './db.ts';
import { sql } from './sql.ts';

export type Presence = {
  /** The name of this process, of no other before or after it. */
  readonly name: string;
  /** Is here under another name too, from when this resolves. */
  alsoAs(name: string): Promise<void>;
  /**
   * Is here under the name of one who is gone, unless another one is: who looks for the gone does not find it meanwhile.
   *
   * @returns how to let the name go; undefined where somebody has it
   */
  standInFor(name: string): Promise<(() => Promise<void>) | undefined>;
  /** Takes a duty that one process has at a time, unless another one has it. @returns whether this one has it now */
  takeDuty(duty: string): Promise<boolean>;
  leave(): Promise<void>;
};

const RETAKE_MS = 200;
const GRACE_MS = 1_500;

export async function enter(db: Db): Promise<Presence> {
  const names = new Set([`ins_${randomBytes(12).toString('hex')}`]);
  const [name] = names;
  const leaving = new AbortController();
  const left = new Promise<void>((leave) =>
    leaving.signal.addEventListener('abort', () => leave()),
  );
  let duties = new Set<string>();
  let session: Session | undefined = await db.session();
  let last: Promise<unknown> = Promise.resolve();

  /** One statement at a time, as a connection wants it. */
  const inTurn = <T>(ask: () => Promise<T>): Promise<T> => {
    const mine = last.then(ask, ask);
    last = mine.catch(() => {});
    return mine;
  };
  const take = (lock: string): Promise<boolean> =>
    inTurn(async () => session !== undefined && (await tryLock(session, lock)));

  /** A name may still be held by the lost connection's other end, or by who thought us gone and stands in for us. */
  const retake = async (): Promise<void> => {
    session = await db.session().catch(() => undefined);
    for (const one of names) {
      while (session && names.has(one) && !(await take(one).catch(() => true))) {
        await sleep(RETAKE_MS, leaving.signal);
        if (leaving.signal.aborted) return;
      }
    }
  };

  const stay = async (): Promise<void> => {
    for (;;) {
      if (session) await Promise.race([session.ended, left]);
      if (leaving.signal.aborted) return;
      session = undefined;
      duties = new Set();
      await sleep(RETAKE_MS, leaving.signal);
      await retake();
    }
  };

  await take(name);
  const staying = stay();
  return {
    name,
    async alsoAs(other) {
      names.add(other);
      await take(other);
    },
    async standInFor(other) {
      if (names.has(other) || !(await take(other).catch(() => false))) return undefined;
      names.add(other);
      return async () => {
        names.delete(other);
        await inTurn(async () => session && unlock(session, other)).catch(() => {}); // it went with its connection
      };
    },
    async takeDuty(duty) {
      if (duties.has(duty)) return true;
      const of = duties; // a connection lost meanwhile leaves this set behind
      if (!(await take(`duty:${duty}`).catch(() => false))) return false;
      of.add(duty);
      return duties.has(duty);
    },
    async leave() {
      leaving.abort();
      await staying;
      await last;
      await session?.close().catch(() => {}); // a lost connection is closed already
    },
  };
}

async function tryLock(session: Session, name: string): Promise<boolean> {
  const [{ taken }] = await session.query<{ taken: boolean }>(sql`
    select pg_try_advisory_lock(hashtextextended(${name}, 0)) as taken`);
  return taken;
}

const unlock = (session: Session, name: string) =>
  session.query(sql`select pg_advisory_unlock(hashtextextended(${name}, 0))`);

/** Those of the names whose processes are gone. It looks twice, so that a lost connection is not taken for a death. */
export async function findGone(
  db: Db,
  names: readonly string[],
  graceMs = GRACE_MS,
): Promise<readonly string[]> {
  const missing = await findMissing(db, names);
  if (missing.length === 0) return [];
  await sleep(graceMs);
  return findMissing(db, missing);
}

async function findMissing(db: Db, names: readonly string[]): Promise<readonly string[]> {
  if (names.length === 0) return [];
  const rows = await db.query<{ name: string }>(sql`
    select name
    from unnest(${names}::text[]) as name
    where hashtextextended(name, 0) not in (
      select (classid::bigint << 32) | objid::bigint
      from pg_locks
      where locktype = 'advisory'
        and objsubid = 1
        and database = (select oid from pg_database where datname = current_database())
    )`);
  return rows.map(({ name }) => name);
}
