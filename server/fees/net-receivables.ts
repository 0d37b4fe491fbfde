/** Takes what parties owe from what they earn directly, as the roll-up does from what data earns them. */
import { postBatches, recordBatch } from './batches.ts';
import { maturedThrough, openEpoch } from './epochs.ts';
import { pendingOf } from './pending.ts';
import { planAlone } from './plan-alone.ts';
import { allReceivables, planRepayments, writeRepayments } from './receivables.ts';
import type { FeesHandles } from './stage.ts';

/** Repeatable. Does nothing where nobody owes anything, or those who do have nothing in pending. */
export async function netReceivables(handles: FeesHandles): Promise<void> {
  if ((await allReceivables(handles.db)).size === 0) return;
  await planAlone(handles, async (tx) => {
    const debts = await allReceivables(tx);
    const funds = await pendingOf(handles, [...debts.keys()], {
      maturedThrough: await maturedThrough(tx),
    });
    const plans = [...debts].map(([party, owed]) => planRepayments(owed, funds.get(party) ?? []));
    const moves = plans.flatMap((plan) => plan.moves);
    if (moves.length === 0) return;
    await writeRepayments(
      tx,
      plans.flatMap(({ repayments }) => repayments),
    );
    await recordBatch(tx, {
      epoch: await openEpoch(tx),
      reason: 'fees.netted',
      moves,
      recordedAt: handles.clock.now(),
    });
  });
  await postBatches(handles);
}
