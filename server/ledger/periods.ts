/**
 * Accounting periods: open, closing, sealed.
 *
 * A period ends at a sequence of the log, its watermark. Closing it captures the balances as of just that sequence: a batch is
 * one statement, so one snapshot has the head and the balances that follow from it, while the writer goes on. Sealing it is
 * arithmetic over what was captured. Each is one transaction, and doing either again finds it done.
 */
import { NO_SEAL, OpenLedgerError, type Seal, sealHash, toHex } from '@openledger/protocol';
import type { Clock } from '../platform/clock.ts';
import type { Db, Reader, Tx } from '../platform/db.ts';
import { sql } from '../platform/sql.ts';
import { type Levels, levelsOf, rootIn } from './merkle-levels.ts';

export type Period = {
  readonly number: number;
  readonly state: 'closing' | 'sealed';
  readonly firstSequence: number;
  /** The watermark; one less than the first where nothing was posted. */
  readonly lastSequence: number;
  readonly firstBatch: number;
  readonly batch: number;
  readonly batchHash: string;
  readonly closedAt: Date;
  /** Once it is sealed. */
  readonly seal: Seal | undefined;
};

/**
 * Ends the open period at the head of the log. One that has ended already is answered as it is.
 *
 * @throws conflict when another period is the open one, or the one before is not sealed yet
 */
export async function closePeriod(
  db: Db,
  { period, clock }: { readonly period: number; readonly clock: Clock },
): Promise<Period> {
  const known = await findPeriod(db, period);
  if (known) return known;
  let failure: unknown;
  try {
    await db.transaction((tx) => capture(tx, { period, closedAt: clock.now() }));
  } catch (error) {
    failure = error;
  }
  const closed = await findPeriod(db, period);
  if (!closed) throw failure;
  return closed; // by another process, where it was faster: its watermark holds
}

async function capture(
  tx: Tx,
  { period, closedAt }: { readonly period: number; readonly closedAt: Date },
): Promise<void> {
  await tx.query(sql`set transaction isolation level repeatable read`);
  const [last] = await tx.query<{ number: number; state: string }>(
    sql`select number, state from ledger.periods order by number desc limit 1`,
  );
  const open = (last?.number ?? 0) + 1;
  if (period !== open) {
    throw new OpenLedgerError('conflict', `Period ${open} is open, not ${period}.`, { open });
  }
  if (last?.state === 'closing') {
    throw new OpenLedgerError('conflict', `Period ${last.number} is not sealed yet.`, { open });
  }
  await tx.query(sql`
    insert into ledger.periods (
      number, state, first_sequence, last_sequence, first_batch, batch, batch_hash, closed_at)
    select ${period}::integer, 'closing', coalesce(before.last_sequence, 0) + 1, w.sequence,
           coalesce(before.batch, 0) + 1, w.batch, w.hash, ${closedAt.toISOString()}
    from ledger.writer w
    left join ledger.periods before on before.number = ${period}::integer - 1`);
  await tx.query(
    sql`update ledger.calendar set closed = ${period}, closed_at = ${closedAt.toISOString()}`,
  );
  await tx.query(sql`
    insert into ledger.period_balances (period, place, account, balance)
    select ${period}::integer, row_number() over (order by name, asset) - 1, number, balance
    from ledger.accounts
    where balance <> 0`);
}

/**
 * Seals a closing period: hashes its trial balance and its batches, and chains it to the seal before.
 *
 * @throws not_found when it is still open
 */
export async function sealPeriod(
  db: Db,
  { period, clock }: { readonly period: number; readonly clock: Clock },
): Promise<Seal> {
  return db.transaction(async (tx) => {
    await tx.query(sql`select number from ledger.periods where number = ${period} for update`);
    const found = await findPeriod(tx, period);
    if (!found) throw new OpenLedgerError('not_found', `Period ${period} has not been closed.`);
    if (found.seal) return found.seal;
    const seal = sealOf(found, {
      balances: await balanceLevels(tx, period),
      batches: await batchLevels(tx, found),
      previous: (await findPeriod(tx, period - 1))?.seal,
      sealedAt: clock.now(),
    });
    await tx.query(sql`
      update ledger.periods
      set state = 'sealed',
          accounts = ${seal.accounts},
          batches = decode(${seal.batches}, 'hex'),
          root = decode(${seal.root}, 'hex'),
          previous = decode(${seal.previous}, 'hex'),
          sealed_at = ${seal.sealedAt},
          hash = decode(${seal.hash}, 'hex')
      where number = ${period}`);
    await tx.query(sql`update ledger.calendar set sealed = ${period}`);
    return seal;
  });
}

function sealOf(
  period: Period,
  {
    balances,
    batches,
    previous,
    sealedAt,
  }: {
    readonly balances: Levels;
    readonly batches: Levels;
    readonly previous: Seal | undefined;
    readonly sealedAt: Date;
  },
): Seal {
  const { number, firstSequence, lastSequence, firstBatch, batch, batchHash } = period;
  const record = {
    ...{ period: number, firstSequence, lastSequence, firstBatch, batch, batchHash },
    batches: toHex(rootIn(batches)),
    accounts: balances[0].length,
    root: toHex(rootIn(balances)),
    previous: previous?.hash ?? NO_SEAL,
    closedAt: period.closedAt.toISOString(),
    sealedAt: sealedAt.toISOString(),
  };
  return { ...record, hash: sealHash(record) };
}

/** A line of a sealed trial balance as leaf data: canonical JSON, of names and assets that need no escapes. */
export const balanceText = (
  period: number,
  { account, asset, balance }: { account: string; asset: string; balance: bigint | string },
): string =>
  `{"account":"${account}","asset":"${asset}","balance":"${balance}","period":${period}}`;

/** The tree over a period's trial balance. */
export async function balanceLevels(reader: Reader, period: number): Promise<Levels> {
  const rows = await reader.query<{ account: string; asset: string; balance: string }>(sql`
    select a.name as account, a.asset, b.balance
    from ledger.period_balances b
    join ledger.accounts a on a.number = b.account
    where b.period = ${period}
    order by b.place`);
  return levelsOf(rows.map((row) => balanceText(period, row)));
}

/** The tree over the hashes of a period's batches. */
export async function batchLevels(
  reader: Reader,
  { firstBatch, batch }: { readonly firstBatch: number; readonly batch: number },
): Promise<Levels> {
  const rows = await reader.query<{ hash: Uint8Array }>(sql`
    select hash
    from ledger.batches
    where number between ${firstBatch} and ${batch}
    order by number`);
  return levelsOf(rows.map(({ hash }) => hash));
}

export async function findPeriod(reader: Reader, number: number): Promise<Period | undefined> {
  const [row] = await reader.query<PeriodRow>(
    sql`select * from ledger.periods where number = ${number}`,
  );
  return row && parsePeriod(row);
}

/** The sealed period that a sequence is of. */
export async function findPeriodOf(reader: Reader, sequence: number): Promise<Period | undefined> {
  const [row] = await reader.query<PeriodRow>(sql`
    select *
    from ledger.periods
    where first_sequence <= ${sequence} and last_sequence >= ${sequence} and state = 'sealed'`);
  return row && parsePeriod(row);
}

/** All of them, or a page, newest first. @param after the number of the last one of the page before */
export async function periods(
  reader: Reader,
  { limit, after }: { readonly limit?: number; readonly after?: number } = {},
): Promise<readonly Period[]> {
  const rows = await reader.query<PeriodRow>(sql`
    select *
    from ledger.periods
    where number < ${Math.min(after ?? Infinity, 2 ** 31 - 1)}
    order by number desc
    limit ${limit ?? null}`);
  return rows.map(parsePeriod);
}

type PeriodRow = {
  readonly number: number;
  readonly state: 'closing' | 'sealed';
  readonly first_sequence: string;
  readonly last_sequence: string;
  readonly first_batch: string;
  readonly batch: string;
  readonly batch_hash: Uint8Array;
  readonly closed_at: Date;
  readonly accounts: number | null;
  readonly batches: Uint8Array | null;
  readonly root: Uint8Array | null;
  readonly previous: Uint8Array | null;
  readonly sealed_at: Date | null;
  readonly hash: Uint8Array | null;
};

function parsePeriod(row: PeriodRow): Period {
  const period = {
    number: row.number,
    firstSequence: Number(row.first_sequence),
    lastSequence: Number(row.last_sequence),
    firstBatch: Number(row.first_batch),
    batch: Number(row.batch),
    batchHash: toHex(row.batch_hash),
  };
  const { accounts, batches, root, previous, sealed_at: sealedAt, hash } = row;
  if (row.state === 'closing' || !batches || !root || !previous || !sealedAt || !hash) {
    return { ...period, state: 'closing', closedAt: row.closed_at, seal: undefined };
  }
  const { number, ...span } = period;
  const seal = {
    period: number,
    ...span,
    batches: toHex(batches),
    accounts: accounts ?? 0,
    root: toHex(root),
    previous: toHex(previous),
    closedAt: row.closed_at.toISOString(),
    sealedAt: sealedAt.toISOString(),
    hash: toHex(hash),
  };
  return { ...period, state: 'sealed', closedAt: row.closed_at, seal };
}
