/** Settlement periods: one is open at a time, the ones before it await their root or have it. */
import { OpenLedgerError } from '@openledger/protocol';
import type { Hex } from '../platform/chain.ts';
import type { Reader, Tx } from '../platform/db.ts';
import { sql } from '../platform/sql.ts';
import type { Stage } from './stage.ts';

export type Epoch = {
  readonly number: bigint;
  readonly openedAt: Date;
} & (
  | { readonly state: 'open' }
  | { readonly state: 'closing' | 'skipped'; readonly closedAt: Date }
  | {
      readonly state: 'publishing';
      readonly closedAt: Date;
      readonly root: Hex;
      readonly checkpoint: LogCheckpoint;
    }
  | {
      readonly state: 'published' | 'revoked';
      readonly closedAt: Date;
      readonly root: Hex;
      readonly checkpoint: LogCheckpoint;
      readonly transactionHash: Hex;
      /** From when the root pays. */
      readonly activeAt: Date;
    }
);

/** A head of the receipts' log. */
export type LogCheckpoint = {
  readonly treeSize: number;
  /** 64 lower-case hex digits. */
  readonly rootHash: string;
};

/** The epoch whose number credits earned now carry: `pending:<number>`. */
export async function openEpoch({ db, clock }: Pick<Stage, 'db' | 'clock'>): Promise<Epoch> {
  const find = async (reader: Reader) => (await listEpochs(reader, { state: 'open' }))[0];
  const open = await find(db);
  if (open) return open;
  return db.transaction(async (tx) => {
    await tx.query(sql`
      insert into settlement.epochs (number, state, opened_at)
      select coalesce(max(number), 0) + 1, 'open', ${clock.now()}
      from settlement.epochs
      on conflict do nothing`);
    return (await find(tx))!;
  });
}

/**
 * Ends an epoch, whose credits can be disputed from now on, and begins the next one. Ending one that has ended changes
 * nothing: of two who end it at once, the second must not end the next.
 *
 * @throws conflict when the epoch has not begun
 */
export async function closeEpoch(
  stage: Pick<Stage, 'db' | 'clock'>,
  number: bigint,
): Promise<Epoch> {
  await stage.db.transaction((tx) =>
    tx.query(sql`
      update settlement.epochs
      set state = 'closing', closed_at = ${stage.clock.now()}
      where number = ${number} and state = 'open'`),
  );
  await openEpoch(stage);
  const ended = await findEpoch(stage.db, number);
  if (ended && ended.state !== 'open') return ended;
  throw new OpenLedgerError('conflict', `Epoch ${number} has not begun.`);
}

export async function findEpoch(reader: Reader, number: bigint): Promise<Epoch | undefined> {
  return (await listEpochs(reader, { number }))[0];
}

type EpochFilter = { readonly number?: bigint; readonly state?: Epoch['state'] };

/** Newest first. */
export async function listEpochs(
  reader: Reader,
  { number, state }: EpochFilter = {},
  limit = 100,
): Promise<readonly Epoch[]> {
  const rows = await reader.query<EpochRow>(sql`
    select number, state, opened_at, closed_at, root, checkpoint_size, checkpoint_root, transaction_hash, active_at
    from settlement.epochs
    where (${number ?? null}::bigint is null or number = ${number ?? null})
      and (${state ?? null}::text is null or state = ${state ?? null})
    order by number desc
    limit ${limit}`);
  return rows.map(parseEpoch);
}

type EpochRow = {
  readonly number: string;
  readonly state: Epoch['state'];
  readonly opened_at: Date;
  readonly closed_at: Date;
  readonly root: Hex;
  readonly checkpoint_size: string;
  readonly checkpoint_root: string;
  readonly transaction_hash: Hex;
  readonly active_at: Date;
};

/** The table's checks promise the columns that each state has. */
function parseEpoch(row: EpochRow): Epoch {
  const opened = { number: BigInt(row.number), openedAt: row.opened_at };
  if (row.state === 'open') return { ...opened, state: row.state };
  const closed = { ...opened, closedAt: row.closed_at };
  if (row.state === 'closing' || row.state === 'skipped') return { ...closed, state: row.state };
  const checkpoint = { treeSize: Number(row.checkpoint_size), rootHash: row.checkpoint_root };
  const fixed = { ...closed, root: row.root, checkpoint };
  if (row.state === 'publishing') return { ...fixed, state: row.state };
  return {
    ...fixed,
    state: row.state,
    transactionHash: row.transaction_hash,
    activeAt: row.active_at,
  };
}

type OnChain = { readonly epoch: bigint; readonly root: Hex };

/** The chain has taken the root. A root that this ledger did not make is a stolen publisher's key: say so. */
export async function markPublished(
  tx: Tx,
  { log }: Pick<Stage, 'log'>,
  { epoch, root, activeAt, transactionHash }: OnChain & { activeAt: bigint; transactionHash: Hex },
): Promise<void> {
  await tx.query(sql`
    update settlement.epochs
    set state = 'published', transaction_hash = ${transactionHash}, active_at = to_timestamp(${activeAt})
    where number = ${epoch} and root = ${root} and state = 'publishing'`);
  const [ours] = await tx.query(sql`
    select 1 from settlement.epochs
    where number = ${epoch} and root = ${root}`);
  if (!ours) log.error('settlement.foreign_root', { epoch, root, transactionHash });
}

/** @returns whether the root was ours */
export async function markRevoked(
  tx: Tx,
  { log }: Pick<Stage, 'log'>,
  { epoch, root }: OnChain,
): Promise<boolean> {
  const marked = await tx.query(sql`
    update settlement.epochs
    set state = 'revoked'
    where number = ${epoch} and root = ${root} and state = 'published'
    returning number`);
  log.warn('settlement.revoked', { epoch, root });
  return marked.length > 0;
}
