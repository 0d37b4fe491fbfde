/** What must be true after any number of kills, counted from the log, the intent logs, and what the processes were promised. */
import type { Id } from '@openledger/protocol';
import type { Ledger } from '../../server/ledger/index.ts';
import { countLeased } from './count-leased.ts';
import { countStrict } from './count-strict.ts';
import type { IntentsLeft } from './intents-left.ts';
import { readLog } from './log-lines.ts';
import { type Mode, PAYERS, routeOf } from './request.ts';
import type { Said } from './said.ts';

export type RequestCounts = {
  readonly requests: number;
  readonly captured: number;
  readonly voided: number;
  readonly expired: number;
  /** Promises heard. */
  readonly acknowledged: number;
  /** Promises that were not kept. */
  readonly lost: number;
  /** Acts that the log has more than once, or under another id than the request's own. */
  readonly duplicated: number;
  /** Requests that did not end, or ended in more than one way. */
  readonly undecided: number;
};

export type Counts = {
  readonly strict: RequestCounts;
  readonly leased: RequestCounts;
  /** Sum of all balances, what is left in the payers' `held`, and what is left in clearing. */
  readonly sum: bigint;
  readonly held: bigint;
  readonly clearing: bigint;
  readonly audit: string;
};

/** Ends holds that were left, and routes what was captured and not routed, as the sweep and the flow would. */
export async function finish(ledger: Ledger): Promise<void> {
  await ledger.expireHolds(new Date(Date.now() + 3_500_000));
  const paid = (await readLog(ledger)).filter(({ kind }) => kind === 'capture' || kind === 'draw');
  await ledger.postAll(paid.map((line) => routeOf(line.reference as Id<'inference'>, line.paid)));
}

export async function check(
  ledger: Ledger,
  { said, intents }: { readonly said: Readonly<Record<Mode, Said>>; readonly intents: IntentsLeft },
): Promise<Counts> {
  const log = await readLog(ledger);
  const report = await ledger.audit();
  const [{ sum }] = await ledger.trialBalance();
  const held = await Promise.all(PAYERS.map((payer) => ledger.balance(`${payer}:held`)));
  return {
    strict: countStrict(log, said.strict),
    leased: countLeased(log, { said: said.leased, intents }),
    sum,
    held: held.reduce((total, units) => total + units, 0n),
    clearing: await ledger.balance('clearing:fees'),
    audit: report.ok ? 'ok' : `${report.check}: ${report.detail}`,
  };
}
