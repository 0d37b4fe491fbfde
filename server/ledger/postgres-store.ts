/** The log in PostgreSQL: one statement a batch, all or nothing, and nothing at all from a writer whose term is over. */
import { type Id, OpenLedgerError, toHex } from '@openledger/protocol';
import { type Clock, sleep } from '../platform/clock.ts';
import type { Db, Reader, Session } from '../platform/db.ts';
import { arrayText, prepared, quoted, sql } from '../platform/sql.ts';
import type { AccountKey } from './account.ts';
import { createPartitions } from './partitions.ts';
import { idOf, readTransactions, uuid } from './read-transactions.ts';
import { afterReversal, asOriginal } from './reversal.ts';
import type { OpenHold, Original } from './state.ts';
import type { Store, Term, Write } from './store.ts';

const WRITER_LOCK = 7300002;

export function createPostgresStore({
  db,
  clock,
}: {
  readonly db: Db;
  readonly clock: Clock;
}): Store {
  return {
    async begin({ waitMs }) {
      if (waitMs === 0 && (await isLocked(db))) throw anotherWrites(); // who only looks opens no connection
      const session = await db.session();
      try {
        await takeLock(session, waitMs);
        await createPartitions(session, clock.now());
        return await openTerm(session, { db, clock });
      } catch (error) {
        await session.close().catch(() => {});
        throw error;
      }
    },
  };
}

async function takeLock(session: Session, waitMs: number): Promise<void> {
  for (let waitedMs = 0; ; waitedMs += 50) {
    const [{ locked }] = await session.query<{ locked: boolean }>(
      sql`select pg_try_advisory_lock(${WRITER_LOCK}) as locked`,
    );
    if (locked) return;
    if (waitedMs >= waitMs) break;
    await sleep(50);
  }
  throw anotherWrites();
}

const anotherWrites = (): OpenLedgerError =>
  new OpenLedgerError('unavailable', 'Another process writes to the ledger.');

/** Whether a session has the writer's lock, its own process's among them. */
async function isLocked(reader: Reader): Promise<boolean> {
  const [{ taken }] = await reader.query<{ taken: boolean }>(sql`
    select exists (
      select from pg_locks
      where locktype = 'advisory' and classid = 0 and objid = ${WRITER_LOCK}::oid and objsubid = 1 and granted
        and database = (select oid from pg_database where datname = current_database())
    ) as taken`);
  return taken;
}

type HeadRow = {
  readonly term: string;
  readonly batch: string;
  readonly sequence: string;
  readonly account: string;
  readonly hash: Uint8Array;
};

const DAY_MS = 86_400_000;

async function openTerm(
  session: Session,
  { db, clock }: { readonly db: Db; readonly clock: Clock },
): Promise<Term> {
  const [row] = await nextTerm(session);
  const number = Number(row.term);
  let partitionedAt = clock.now().getTime();
  return {
    number,
    head: {
      number: Number(row.batch),
      hash: row.hash,
      sequence: Number(row.sequence),
      account: Number(row.account),
    },
    holds: await readHolds(session),
    // Reads go beside the writer's own connection, which a batch may be using.
    readRecorded: (ids) => readRecorded(db, ids),
    readOriginals: (ids) => readOriginals(db, ids),
    readAccounts: (books) => readAccounts(db, books),
    async commit(write) {
      if (clock.now().getTime() - partitionedAt > DAY_MS) {
        await createPartitions(session, clock.now());
        partitionedAt = clock.now().getTime();
      }
      await commit(session, { term: number, write });
    },
    confirm: () => confirm(session, number),
    close: () => session.close(),
  };
}

/** Begins a term, which is over for every earlier writer from here on. */
export const nextTerm = (reader: Reader): Promise<readonly HeadRow[]> =>
  reader.query<HeadRow>(sql`
    with begun as (
      update ledger.writer
      set term = term + 1
      returning term, batch, sequence, account, hash
    ),
    noted as (
      insert into ledger.terms select term from begun
    )
    select * from begun`);

async function readHolds(reader: Reader): Promise<readonly OpenHold[]> {
  type Row = {
    id: string;
    source: string;
    held: string;
    asset: string;
    amount: string;
    expires_at: Date;
    token: number | null;
  };
  const rows = await reader.query<Row>(sql`
    select h.id, s.name as source, a.name as held, a.asset, h.amount, h.expires_at, h.token
    from ledger.holds h
    join ledger.accounts s on s.number = h.source
    join ledger.accounts a on a.number = h.held`);
  return rows.map(({ id, amount, expires_at: expiresAt, token, ...accounts }) => ({
    ...accounts,
    holdId: idOf('hld', id),
    amount: BigInt(amount),
    expiresAt,
    token: token ?? undefined,
  }));
}

/** Most ids are new, so the index answers first and rows are read for the others only. */
async function readRecorded(reader: Reader, ids: readonly Id<'transaction'>[]) {
  const found = await reader.query<{ id: string }>(
    prepared(
      'ledger.recorded',
      sql`select id from ledger.transactions where id = any(${arrayText(ids.map(uuid))}::uuid[])`,
    ),
  );
  if (found.length === 0) return [];
  return readTransactions(reader, sql`t.id = any(${found.map(({ id }) => id)}::uuid[])`);
}

async function readOriginals(
  reader: Reader,
  ids: readonly Id<'transaction'>[],
): Promise<ReadonlyMap<Id<'transaction'>, Original>> {
  const uuids = ids.map(uuid);
  const originals = new Map<Id<'transaction'>, Original>();
  for (const original of await readTransactions(reader, sql`t.id = any(${uuids}::uuid[])`)) {
    originals.set(original.transactionId, asOriginal(original));
  }
  for (const reversal of await readTransactions(reader, sql`t.reverses = any(${uuids}::uuid[])`)) {
    const original = originals.get(reversal.reverses!);
    if (!original) throw new Error(`${reversal.transactionId} reverses what is not there.`);
    const amount = reversal.postings.reduce((sum, posting) => sum + posting.amount, 0n);
    originals.set(reversal.reverses!, afterReversal(original, amount));
  }
  return originals;
}

async function readAccounts(reader: Reader, books: readonly AccountKey[]) {
  const names = arrayText(books.map(({ account }) => account));
  const assets = arrayText(books.map(({ asset }) => quoted(asset)));
  type Row = { number: string; name: string; asset: string; balance: string };
  const rows = await reader.query<Row>(sql`
    select a.number, a.name, a.asset, a.balance
    from unnest(${names}::text[], ${assets}::text[]) as wanted(name, asset)
    join ledger.accounts a using (name, asset)`);
  return rows.map(({ number, name, asset, balance }) => ({
    account: name,
    asset,
    number: Number(number),
    balance: BigInt(balance),
  }));
}

async function commit(
  session: Reader,
  { term, write }: { readonly term: number; readonly write: Write },
): Promise<void> {
  const { batch, transactions, opened, kept, ended } = write;
  const moved = write.moved.filter(({ change }) => change !== 0n);
  const last = opened.at(-1)?.number ?? 0;
  const written = await session.query<{ term: string }>(
    prepared(
      'ledger.commit',
      sql`
        with fence as (
          update ledger.writer
          set batch = ${batch.number}::bigint,
              sequence = ${batch.firstSequence + batch.count - 1}::bigint,
              account = greatest(account, ${last}::bigint),
              hash = ${bytea(batch.hash)}::bytea
          where term = ${term}::bigint
            and sequence = ${batch.firstSequence - 1}::bigint
          returning term
        ),
        batch as (
          insert into ledger.batches (number, term, first_sequence, count, previous, root, hash)
          select ${batch.number}::bigint, term, ${batch.firstSequence}::bigint, ${batch.count}::integer,
                 ${bytea(batch.previous)}::bytea, ${bytea(batch.root)}::bytea, ${bytea(batch.hash)}::bytea
          from fence
        ),
        recorded as (
          insert into ledger.transactions (
            sequence, id, at, effective_at, expires_at, hold, reverses, token, kind, reason, reference,
            legs)
          select ${batch.firstSequence}::bigint + t.place - 1, t.id, ${transactions[0].transaction.at}::timestamptz,
                 t.effective_at, t.expires_at, t.hold, t.reverses, t.token, t.kind, t.reason, t.reference,
                 t.legs
          from fence, ${transactionColumns(transactions)} with ordinality
            as t(id, effective_at, expires_at, hold, reverses, token, kind, reason, reference, legs, place)
        ),
        opened as (
          insert into ledger.accounts (number, name, asset, balance)
          select a.number, a.name, a.asset, a.balance
          from fence, unnest(
            ${arrayText(opened.map(({ number }) => number))}::bigint[],
            ${arrayText(opened.map(({ account }) => account))}::text[],
            ${arrayText(opened.map(({ asset }) => quoted(asset)))}::text[],
            ${arrayText(opened.map(({ balance }) => balance))}::numeric[]
          ) as a(number, name, asset, balance)
        ),
        moved as (
          update ledger.accounts
          set balance = accounts.balance + m.change
          from fence, unnest(
            ${arrayText(moved.map(({ number }) => number))}::bigint[],
            ${arrayText(moved.map(({ change }) => change))}::numeric[]
          ) as m(number, change)
          where accounts.number = m.number
        ),
        kept as (
          insert into ledger.holds (id, source, held, amount, expires_at, token)
          select h.id, h.source, h.held, h.amount, h.expires_at, h.token
          from fence, unnest(
            ${arrayText(kept.map(({ holdId }) => uuid(holdId)))}::uuid[],
            ${arrayText(kept.map(({ source }) => source))}::bigint[],
            ${arrayText(kept.map(({ held }) => held))}::bigint[],
            ${arrayText(kept.map(({ amount }) => amount))}::numeric[],
            ${kept.map(({ expiresAt }) => expiresAt.toISOString())}::timestamptz[],
            ${kept.map(({ token }) => token ?? null)}::integer[]
          ) as h(id, source, held, amount, expires_at, token)
          on conflict (id) do update
          set amount = excluded.amount, expires_at = excluded.expires_at, token = excluded.token
        ),
        ended as (
          delete from ledger.holds
          using fence
          where id = any(${arrayText(ended.map(uuid))}::uuid[])
        )
        select term from fence`,
    ),
  );
  if (written.length === 0) throw takenOver(term);
}

async function confirm(session: Reader, term: number): Promise<void> {
  const rows = await session.query(
    prepared('ledger.confirm', sql`select term from ledger.writer where term = ${term}::bigint`),
  );
  if (rows.length === 0) throw takenOver(term);
}

const takenOver = (term: number): OpenLedgerError =>
  new OpenLedgerError('unavailable', 'Another writer has taken over the ledger.', { term });

/** One array a column. */
function transactionColumns(rows: Write['transactions']) {
  const column = <T>(of: (transaction: Write['transactions'][number]['transaction']) => T) =>
    rows.map(({ transaction }) => of(transaction));
  return sql`unnest(
    ${arrayText(column(({ transactionId }) => uuid(transactionId)))}::uuid[],
    ${arrayText(column(({ effectiveAt }) => quoted(effectiveAt?.toISOString())))}::timestamptz[],
    ${arrayText(column(({ expiresAt }) => quoted(expiresAt?.toISOString())))}::timestamptz[],
    ${arrayText(column(({ holdId }) => (holdId ? uuid(holdId) : 'NULL')))}::uuid[],
    ${arrayText(column(({ reverses }) => (reverses ? uuid(reverses) : 'NULL')))}::uuid[],
    ${arrayText(column(({ token }) => token ?? 'NULL'))}::integer[],
    ${arrayText(column(({ kind }) => kind))}::text[],
    ${arrayText(column(({ reason }) => quoted(reason)))}::text[],
    ${arrayText(column(({ reference }) => quoted(reference)))}::text[],
    ${arrayText(rows.map(({ legs }) => `"${legs}"`))}::text[]
  )`;
}

const bytea = (bytes: Uint8Array): string => `\\x${toHex(bytes)}`;
