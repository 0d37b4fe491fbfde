/** Takes what parties owe from what they earn directly, as the roll-up does from what data earns them. */
import type { Reader } from '../platform/db.ts';
import { postBatches, recordBatch } from './batches.ts';
import { unmatured } from './epochs.ts';
import { pendingOf } from './pending.ts';
import { planAlone } from './plan-alone.ts';
import {
  allReceivables,
  planRepayments,
  type Receivable,
  receivablesOf,
  writeRepayments,
} from './receivables.ts';
import type { FeesHandles } from './stage.ts';

/** Of these parties: those that have just earned. Repeatable. */
export const netReceivablesOf = (handles: FeesHandles, parties: readonly string[]): Promise<void> =>
  net(handles, (on) => receivablesOf(on, parties));

/** Of everybody who owes something: what a crash has left out. */
export const netReceivables = (handles: FeesHandles): Promise<void> => net(handles, allReceivables);

type Debts = ReadonlyMap<string, readonly Receivable[]>;

async function net(handles: FeesHandles, debtsOn: (on: Reader) => Promise<Debts>): Promise<void> {
  if ((await debtsOn(handles.db)).size === 0) return;
  await planAlone(handles, async (tx) => {
    const debts = await debtsOn(tx);
    const epochs = await unmatured(tx);
    const funds = await pendingOf(handles, [...debts.keys()], epochs);
    const plans = [...debts].map(([party, owed]) => planRepayments(owed, funds.get(party) ?? []));
    const moves = plans.flatMap((plan) => plan.moves);
    if (moves.length === 0) return;
    await writeRepayments(
      tx,
      plans.flatMap(({ repayments }) => repayments),
    );
    await recordBatch(tx, {
      epoch: epochs.open,
      reason: 'fees.netted',
      moves,
      recordedAt: handles.clock.now(),
    });
  });
  await postBatches(handles);
}
