/** What a refund or a reallocation changes, and where the money for it comes from. */
import { OPEN, type SubUnits, shareProducts, sumSubUnits } from '@openledger/protocol';
import type { Reader } from '../platform/db.ts';
import type { Move } from './batches.ts';
import type { Wish } from './corrections.ts';
import { type Change, planChange, planFoldedChange, planPayments } from './credits.ts';
import { type Demand, type Funds, planDebits } from './debits.ts';
import { unmatured } from './epochs.ts';
import { pendingOf } from './pending.ts';
import { type Advance, claimMoves, type Repayment } from './receivables.ts';
import { type Routing, remainingData } from './routings.ts';
import { CLEARING, CONTROL, type FeesHandles, partyOf } from './stage.ts';

const INSURANCE = 'insurance:protocol';

export type CorrectionPlan = {
  readonly moves: readonly Move[];
  readonly advances: readonly Advance[];
  readonly repayments: readonly Repayment[];
};

/**
 * The caller plans alone.
 *
 * @throws insufficient_funds when what has matured cannot be advanced
 */
export async function planCorrection(
  on: Reader,
  handles: FeesHandles,
  routing: Routing,
  wish: Wish,
): Promise<CorrectionPlan> {
  const change = await correctionChange(on, handles, routing, wish);
  const demands = mergeDemands([...directDemands(routing, wish), ...dataDemands(change)]);
  const funds = await fundsFor(on, handles, { routing, demands });
  const { moves, advances } = planDebits(demands, funds);
  const { moves: payments, repayments } = await planPayments(on, change);
  return {
    // What the ledger may refuse stands first, and each account is filled before it pays.
    moves: [...moves, ...claimMoves(advances), ...payments, ...refundMoves(routing, wish)],
    advances,
    repayments,
  };
}

/** The products that are taken from the newest vector, and in a reallocation given to the better one. */
export async function correctionChange(
  on: Reader,
  handles: FeesHandles,
  routing: Routing,
  wish: Wish,
): Promise<Change> {
  const sums = correctionSums(routing, wish);
  return routing.epoch <= (await unmatured(on)).after
    ? planFoldedChange(on, handles, sums, routing.epoch)
    : planChange(on, sums, routing.epoch);
}

function correctionSums(routing: Routing, wish: Wish): SubUnits {
  const { currentShares } = routing;
  if (wish.kind === 'refund') {
    const units = dataPartOf(routing, wish.parts);
    return units === 0n ? new Map() : shareProducts(-units, currentShares);
  }
  const units = remainingData(routing);
  return sumSubUnits([shareProducts(-units, currentShares), shareProducts(units, wish.shares)]);
}

export const dataPartOf = ({ legs }: Pick<Routing, 'legs'>, parts: readonly bigint[]): bigint =>
  parts[legs.findIndex(({ role }) => role === 'data')] ?? 0n;

/** The data leg lies in the control account, which its payees fill up again. */
function directDemands({ legs }: Routing, wish: Wish): readonly Demand[] {
  if (wish.kind !== 'refund') return [];
  return legs.flatMap(({ role, account }, i) =>
    role === 'data'
      ? []
      : [{ of: partyOf(account) ?? account, to: CLEARING, amount: wish.parts[i] }],
  );
}

const dataDemands = ({ units }: Change): readonly Demand[] =>
  [...units].flatMap(([payee, credit]) =>
    credit < 0n ? [{ of: payee, to: CONTROL, amount: -credit }] : [],
  );

/** One demand for each pair of sides; none of nothing. */
function mergeDemands(demands: readonly Demand[]): readonly Demand[] {
  const merged = new Map<string, Demand>();
  for (const demand of demands) {
    if (demand.amount === 0n) continue;
    const way = `${demand.of} ${demand.to}`;
    const amount = demand.amount + (merged.get(way)?.amount ?? 0n);
    merged.set(way, { ...demand, amount });
  }
  return [...merged.values()];
}

function refundMoves(routing: Routing, wish: Wish): readonly Move[] {
  if (wish.kind !== 'refund') return [];
  const data = dataPartOf(routing, wish.parts);
  const payer = `${routing.payerId}:available`;
  return [
    ...(data > 0n ? [{ from: CONTROL, to: CLEARING, amount: data }] : []),
    { from: CLEARING, to: payer, amount: wish.units },
  ];
}

/** The protocol's own accounts have a colon in their names; parties are ids. */
const isParty = (name: string): boolean => !name.includes(':');

async function fundsFor(
  on: Reader,
  handles: FeesHandles,
  { routing, demands }: { readonly routing: Routing; readonly demands: readonly Demand[] },
): Promise<Funds> {
  const { ledger } = handles;
  const names = [...new Set(demands.map(({ of }) => of))];
  const own = new Map<string, bigint>();
  for (const name of names) {
    if (!isParty(name)) own.set(name, await ledger.balance(name, OPEN));
  }
  const lenders = [];
  for (const account of [`${routing.operatorId}:stake`, INSURANCE]) {
    lenders.push({ account, amount: await ledger.balance(account, OPEN) });
  }
  const pending = await pendingOf(handles, names.filter(isParty), {
    ...(await unmatured(on)),
    first: routing.epoch,
  });
  return { own, pending, lenders };
}
