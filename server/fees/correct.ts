/** Records a correction of a routed price once, and sees it through. */
import { OpenLedgerError } from '@openledger/protocol';
import { sleep } from '../platform/clock.ts';
import { recordTentativeBatch } from './batches.ts';
import { type Correction, insertCorrection, lookUpCorrection, type Wish } from './corrections.ts';
import { type Unmatured, unmatured } from './epochs.ts';
import { finishCorrection } from './finish-correction.ts';
import { planAlone } from './plan-alone.ts';
import { planCorrection } from './plan-correction.ts';
import { rollUp } from './roll-up.ts';
import { findRouting, type Routing } from './routings.ts';
import type { FeesHandles } from './stage.ts';

const RETRY_MS = 5;

/** So often is planned again when somebody takes the lenders' money between plan and posting. */
const ATTEMPTS = 5;

export type CorrectionName = {
  readonly saleId: string;
  readonly kind: Wish['kind'];
  readonly name: string;
};

/**
 * @param decide what is wished, from the routing as it stands; it throws what speaks against it
 * @returns the correction of that name, done now or done before
 * @throws not_found when the fees were never routed; insufficient_funds when nobody can advance what has matured
 */
export async function correct(
  handles: FeesHandles,
  correction: CorrectionName,
  decide: (routing: Routing, epochs: Unmatured) => Wish,
): Promise<Correction> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    await rollUp(handles); // so that what is taken back has been given
    await planAlone(handles, async (tx) => {
      if (await lookUpCorrection(tx, correction)) return;
      const routing = await findRouting(tx, correction.saleId);
      assertCredited(routing);
      const wish = decide(routing, await unmatured(tx));
      const plan = await planCorrection(tx, handles, routing, wish);
      const recordedAt = handles.clock.now();
      const batchId = await recordTentativeBatch(tx, {
        epoch: routing.epoch,
        reason: wish.kind === 'refund' ? 'fees.refunded' : 'fees.reallocated',
        reference: routing.saleId,
        moves: plan.moves,
        recordedAt,
      });
      await insertCorrection(tx, { ...wish, ...plan, batchId, recordedAt });
    });
    const done = await untilFinished(handles, correction);
    if (done) return done;
  }
  throw new OpenLedgerError(
    'insufficient_funds',
    `The ${correction.kind} of ${correction.saleId} was refused by the ledger.`,
  );
}

/** @returns undefined when the ledger refused it */
async function untilFinished(
  handles: FeesHandles,
  correction: CorrectionName,
): Promise<Correction | undefined> {
  for (;;) {
    await finishCorrection(handles);
    const found = await lookUpCorrection(handles.db, correction);
    if (!found || found.isApplied) return found;
    await sleep(RETRY_MS); // another is just finishing it
  }
}

function assertCredited({ saleId, isPosted, creditedAt }: Routing): void {
  if (isPosted && creditedAt) return;
  throw new OpenLedgerError('conflict', `The fees of ${saleId} are still being routed.`);
}
