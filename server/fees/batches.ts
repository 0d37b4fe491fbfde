/**
 * Batches of postings that happen exactly once, whatever crashes.
 *
 * A batch is recorded in the transaction that plans it, and posted afterwards under keys made from its id. After a crash
 * it is posted again, word for word; the ledger answers with what it did the first time.
 */
import { transactionIdFor } from '../ledger/index.ts';
import type { Tx } from '../platform/db.ts';
import { sql } from '../platform/sql.ts';
import { CONTROL, type FeesHandles } from './stage.ts';

export type Move = { readonly from: string; readonly to: string; readonly amount: bigint };

export type BatchReason = 'fees.credited' | 'fees.folded' | 'fees.reversed';

type StoredMove = { readonly from: string; readonly to: string; readonly amount: string };

export const formatMoves = (moves: readonly Move[]): string =>
  JSON.stringify(moves.map(({ from, to, amount }) => ({ from, to, amount: amount.toString() })));

/** @returns the batch's id */
export async function recordBatch(
  tx: Tx,
  batch: {
    readonly epoch: number;
    readonly reason: BatchReason;
    readonly moves: readonly Move[];
  },
): Promise<string> {
  const [{ id }] = await tx.query<{ id: string }>(sql`
    insert into fees.batches (epoch, reason, postings, control)
    values (${batch.epoch}, ${batch.reason}, ${formatMoves(batch.moves)}, ${controlChange(batch.moves)})
    returning id`);
  return id;
}

/** Well below the ledger's most postings in one transaction. */
const MOVES_AT_ONCE = 5000;

/** Posts every recorded batch that is not known to be posted, oldest first. */
export async function postBatches({ db, ledger, clock }: FeesHandles): Promise<void> {
  const batches = await db.query<{
    id: string;
    recorded_at: Date;
    reason: string;
    postings: StoredMove[];
  }>(sql`
    select id, recorded_at, reason, postings
    from fees.batches
    where posted_at is null
    order by id`);
  for (const { id, recorded_at, reason, postings } of batches) {
    for (let at = 0; at < postings.length; at += MOVES_AT_ONCE) {
      await ledger.post({
        transactionId: transactionIdFor(recorded_at, `fees:batch:${id}:${at}`),
        reason,
        reference: `fees:batch:${id}`,
        postings: postings.slice(at, at + MOVES_AT_ONCE).map(parseMove),
      });
    }
    await db.transaction((tx) =>
      tx.query(sql`
        update fees.batches set posted_at = ${clock.now()}
        where id = ${id} and posted_at is null`),
    );
  }
}

const parseMove = ({ from, to, amount }: StoredMove): Move => ({
  from,
  to,
  amount: BigInt(amount),
});

const controlChange = (moves: readonly Move[]): bigint =>
  moves.reduce(
    (sum, { from, to, amount }) =>
      sum + (to === CONTROL ? amount : 0n) - (from === CONTROL ? amount : 0n),
    0n,
  );
