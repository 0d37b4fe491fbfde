/** The checks of the first loop: every receipt offline, every balance, every promise that the summary makes. */
import {
  type api,
  type Bundle,
  type Client,
  firstFailure,
  type OutputOf,
  openBundle,
  recompute,
  type SnapshotExport,
  type Trust,
  verifyBundle,
} from '@openledger/sdk';
import type { Call } from './calls.ts';
import { type Output, startProgress } from './progress.ts';
import type { Settlement } from './settle.ts';
import { until } from './wait.ts';

export type Check = { readonly name: string; readonly ok: boolean; readonly detail: string };

/** A call with the receipt bundle that came of it, as text and opened. */
export type Receipted = { readonly call: Call; readonly text: string; readonly bundle: Bundle };

export type FeesSummary = OutputOf<typeof api.fees.summary>;

/** How many receipts are recomputed from the texts; all of them are verified. */
const RECOMPUTED = 12;

export async function collectReceipts(
  client: Client,
  calls: readonly Call[],
  output: Output,
): Promise<readonly Receipted[]> {
  const progress = startProgress(output, 'receipts');
  const receipts: Receipted[] = [];
  for (const call of calls) {
    const text = await until(
      `receipt ${call.receiptId}`,
      () => bundleText(client, call.receiptId),
      { everyMs: 100 },
    );
    const { bundle, results } = openBundle(text);
    if (!bundle) throw new Error(`${call.receiptId}: ${firstFailure(results)?.detail}`);
    receipts.push({ call, text, bundle });
    progress.at(receipts.length, calls.length);
  }
  progress.done(`${receipts.length} signed, in the log`);
  return receipts;
}

/** Every receipt is verified offline; some are recomputed from the texts, to show that nothing was left out. */
export function checkReceipts(
  receipts: readonly Receipted[],
  { trust, snapshots }: { readonly trust: Trust; readonly snapshots: readonly SnapshotExport[] },
): readonly Check[] {
  const failures = receipts.flatMap(({ call, text }) => {
    const failed = firstFailure(verifyBundle(text, trust));
    return failed ? [`${call.receiptId}: ${failed.check}: ${failed.detail}`] : [];
  });
  const step = Math.max(1, Math.floor(receipts.length / RECOMPUTED));
  const sample = receipts.filter((_, index) => index % step === 0);
  const differing = sample.flatMap(({ call, bundle }) => {
    const failed = firstFailure(recompute(bundle, snapshots));
    return failed ? [`${call.receiptId}: ${failed.check}: ${failed.detail}`] : [];
  });
  const [first] = receipts;
  const tampered = firstFailure(verifyBundle(flipByte(first.text), trust));
  return [
    check('every receipt verifies offline', failures, `${receipts.length} of ${receipts.length}`),
    check(
      'recomputed from the texts, nothing is missing',
      differing,
      `${sample.length} of ${sample.length}`,
    ),
    {
      name: 'a receipt with one byte changed fails',
      ok: tampered !== undefined,
      detail: tampered ? `at the check "${tampered.check}"` : 'it verified',
    },
  ];
}

export async function checkBooks(
  admin: Client,
  { calls, settlement }: { readonly calls: readonly Call[]; readonly settlement: Settlement },
): Promise<readonly Check[]> {
  const [audit, control, trial, solvency, fees] = await Promise.all([
    admin.ledger.audit(),
    admin.fees.check(),
    admin.ledger.trialBalance(),
    admin.settlement.solvency(),
    admin.fees.summary(),
  ]);
  const sums = trial.assets
    .filter(({ sum }) => sum !== '0')
    .map(({ asset, sum }) => `${asset}: ${sum}`);
  const clearing = trial.assets
    .flatMap(({ lines }) => lines)
    .filter(({ name, amount }) => name.startsWith('clearing') && amount !== '0')
    .map(({ name, amount }) => `${name}: ${amount}`);
  const p99 = fees.creditMs?.p99 ?? Number.POSITIVE_INFINITY;
  return [
    {
      name: 'every call was paid for once',
      ok: fees.inferences === calls.length,
      detail: `${fees.inferences} of ${calls.length}`,
    },
    check('all accounts sum to zero', sums, `${trial.assets.length} asset`),
    check('clearing accounts are empty', clearing, '0 units left'),
    {
      name: 'the control account holds exactly the fractions',
      ok: control.holds,
      detail: `${control.balance} units`,
    },
    {
      name: 'the ledger replays',
      ok: audit.ok,
      detail: audit.ok
        ? `${audit.transactions} transactions in ${audit.batches} batches`
        : audit.detail,
    },
    { name: 'credits within a second', ok: p99 <= 1000, detail: `p99 ${Math.round(p99)} ms` },
    {
      name: 'the vault covers all that is owed',
      ok: solvency.solvent,
      detail: `${solvency.vaultUnits} units against ${solvency.liabilitiesUnits}`,
    },
    {
      name: 'a claim moved real OPEN on the chain',
      ok: settlement.paidUnits > 0n,
      detail: settlement.transactionHash,
    },
  ];
}

const check = (name: string, faults: readonly string[], detail: string): Check =>
  faults.length === 0
    ? { name, ok: true, detail }
    : { name, ok: false, detail: faults.slice(0, 3).join('; ') };

/** Changes one letter of the output's text, or of whatever stands in the middle. */
export function flipByte(text: string, at = Math.floor(text.length / 2)): string {
  const code = text.charCodeAt(at);
  return text.slice(0, at) + String.fromCharCode(code === 0x61 ? 0x62 : 0x61) + text.slice(at + 1);
}

async function bundleText(
  client: Client,
  receiptId: Call['receiptId'],
): Promise<string | undefined> {
  try {
    return (await client.receipts.bundle({ receiptId })).bundle;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'not_found') return undefined;
    throw error;
  }
}
