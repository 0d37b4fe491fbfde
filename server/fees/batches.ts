/**
 * Batches of postings that happen exactly once, whatever crashes.
 *
 * A batch is recorded in the transaction that plans it, and posted afterwards under keys made from its id. After a crash
 * it is posted again, word for word; the ledger answers with what it did the first time.
 */
import { OPEN, WEIGHT_ONE } from '@openledger/protocol';
import { transactionIdFor } from '../ledger/index.ts';
import type { Tx } from '../platform/db.ts';
import { sql } from '../platform/sql.ts';
import { CONTROL, type FeesHandles } from './stage.ts';

export type Move = {
  readonly from: string;
  readonly to: string;
  readonly amount: bigint;
  /** OPEN where none is named. */
  readonly asset?: string;
};

export type Batch = {
  readonly epoch: number;
  readonly reason:
    | 'fees.credited'
    | 'fees.folded'
    | 'fees.refunded'
    | 'fees.reallocated'
    | 'fees.netted';
  /** What it belongs to, where that is one thing. */
  readonly reference?: string;
  readonly moves: readonly Move[];
  readonly recordedAt: Date;
};

/** Well below the ledger's most postings in one transaction. */
const MOVES_AT_ONCE = 5000;

/** So that a row stays a few megabytes when a million members are credited at once. */
const MOVES_A_BATCH = 20_000;

/** @returns the batch's id; of the last, when the moves fill several */
export async function recordBatch(tx: Tx, batch: Batch): Promise<string> {
  const { moves } = batch;
  let id = await insertBatch(tx, { ...batch, moves: moves.slice(0, MOVES_A_BATCH) });
  for (let at = MOVES_A_BATCH; at < moves.length; at += MOVES_A_BATCH) {
    id = await insertBatch(tx, { ...batch, moves: moves.slice(at, at + MOVES_A_BATCH) });
  }
  return id;
}

const insertBatch = (tx: Tx, batch: Batch): Promise<string> =>
  insert(tx, { ...batch, isTentative: false });

/** A batch that the ledger may refuse: its first transaction, that is. It is in one row, and `postMoves` is its caller's to do. */
export const recordTentativeBatch = (tx: Tx, batch: Batch): Promise<string> =>
  insert(tx, { ...batch, isTentative: true });

async function insert(tx: Tx, batch: Batch & { readonly isTentative: boolean }): Promise<string> {
  const [{ id }] = await tx.query<{ id: string }>(sql`
    insert into fees.batches (epoch, reason, reference, postings, control, recorded_at, is_tentative)
    values (
      ${batch.epoch}, ${batch.reason}, ${batch.reference ?? null}, ${formatMoves(batch.moves)},
      ${controlChange(batch.moves)}, ${batch.recordedAt}, ${batch.isTentative}
    )
    returning id`);
  return id;
}

/** Posts every recorded batch that is not known to be posted, oldest first. */
export async function postBatches(handles: FeesHandles): Promise<void> {
  const batches = await handles.db.query<BatchRow>(sql`
    select ${batchColumns}
    from fees.batches
    where posted_at is null and not is_tentative
    order by id`);
  for (const batch of batches) {
    await postMoves(handles, batch);
    await handles.db.transaction((tx) => markPosted(tx, batch.id, handles.clock.now()));
  }
}

type StoredMove = Omit<Move, 'amount'> & { readonly amount: string };

export type BatchRow = {
  id: string;
  reason: string;
  reference: string | null;
  postings: StoredMove[];
  recorded_at: Date;
};

export const batchColumns = sql`id, reason, reference, postings, recorded_at`;

/** Tells the ledger. Repeatable: the keys are made from the batch's id, and its moves never change. */
async function postMoves(handles: Pick<FeesHandles, 'ledger'>, batch: BatchRow): Promise<void> {
  for (const at of partsOf(batch)) await postPart(handles, batch, at);
}

/** Where each of a batch's transactions begins. */
export const partsOf = ({ postings }: BatchRow): readonly number[] =>
  Array.from({ length: Math.ceil(postings.length / MOVES_AT_ONCE) }, (_, i) => i * MOVES_AT_ONCE);

export async function postPart(
  { ledger }: Pick<FeesHandles, 'ledger'>,
  { id, reason, reference, postings, recorded_at }: BatchRow,
  at: number,
): Promise<void> {
  await ledger.post({
    transactionId: transactionIdFor(recorded_at, `fees:batch:${id}:${at}`),
    reason,
    reference: reference ?? `fees:batch:${id}`,
    postings: parseMoves(postings.slice(at, at + MOVES_AT_ONCE)),
  });
}

export async function markPosted(tx: Tx, batchId: string, postedAt: Date): Promise<void> {
  await tx.query(sql`
    update fees.batches set posted_at = ${postedAt}
    where id = ${batchId} and posted_at is null`);
}

/**
 * Keeps the books of the control account: what went in and out by routings and batches, and what payees and pools are owed
 * below a unit. The table's constraint refuses a transaction that would part the two.
 */
export async function bookControl(
  tx: Tx,
  change: { readonly units: bigint; readonly subUnits: bigint },
): Promise<void> {
  if (change.subUnits !== change.units * WEIGHT_ONE) {
    throw new Error(
      `${change.units} units in control would stand for ${change.subUnits} sub-units.`,
    );
  }
  await tx.query(sql`
    update fees.control
    set units = units + ${change.units}, sub_units = sub_units + ${change.subUnits}`);
}

export const controlChange = (moves: readonly Move[]): bigint =>
  moves.reduce(
    (sum, { from, to, amount, asset = OPEN }) =>
      asset === OPEN
        ? sum + (to === CONTROL ? amount : 0n) - (from === CONTROL ? amount : 0n)
        : sum,
    0n,
  );

const formatMoves = (moves: readonly Move[]): string =>
  JSON.stringify(moves.map((move) => ({ ...move, amount: move.amount.toString() })));

export const parseMoves = (stored: readonly StoredMove[]): readonly Move[] =>
  stored.map((move) => ({ ...move, amount: BigInt(move.amount) }));
