/** What fees keep in tables: each function is one transaction, whole or not at all, and outlives every process. */
import {
  type Entitlement,
  entitle,
  foldPool,
  type Id,
  NO_ENTITLEMENT,
  refundParts,
  type Shares,
  type SubUnits,
  shareProducts,
  splitLegs,
  sumSubUnits,
  WEIGHT_ONE,
} from '@openledger/protocol';
import { BEGINNING, type World } from './world.ts';

export type Move = { readonly from: string; readonly to: string; readonly amount: bigint };

export type Routing = {
  readonly inferenceId: Id<'inference'>;
  readonly amount: bigint;
  readonly epoch: number;
  readonly moves: readonly Move[];
  readonly shares: Shares;
  /** What is left of each move. */
  remaining: readonly bigint[];
  isPosted: boolean;
  isCredited: boolean;
};

export type FeeBatch = {
  readonly id: number;
  readonly recordedAt: Date;
  readonly moves: readonly Move[];
  /** A refund ends with money going back to the payer out of clearing. */
  readonly refund?: { readonly inferenceId: Id<'inference'>; readonly amount: bigint };
  isPosted: boolean;
};

export type FeeTable = {
  readonly routings: Map<string, Routing>;
  readonly batches: FeeBatch[];
  readonly entitlements: Map<string, Entitlement>;
  /** Units of each payee, by the account they lie in. */
  readonly lying: Map<string, Map<string, bigint>>;
  /** Sub-units that came to the pool in an epoch that has not matured. */
  readonly inflows: Map<number, bigint>;
  folded: bigint;
  remainder: bigint;
  epoch: number;
  closesAt: number;
  matured: number;
};

export const EPOCH_MS = 900;
export const CONTROL = 'control:data';
const CLEARING = 'clearing:fees';
const POOL = 'pool';

export const createFeeTable = (): FeeTable => ({
  routings: new Map(),
  batches: [],
  entitlements: new Map(),
  lying: new Map(),
  inflows: new Map(),
  folded: 0n,
  remainder: 0n,
  epoch: 1,
  closesAt: EPOCH_MS,
  matured: 0,
});

const LEGS = [
  { to: 'operator', ppm: 300_000 },
  { to: 'data', ppm: 600_000 },
  { to: 'protocol', ppm: 100_000 },
];

const PAYEES = ['ann', 'ben', 'cem', 'dia', 'eva'];

/** Three members whose weights are no nice fractions. */
export const MEMBERS: Shares = [
  { to: 'ann', weight: WEIGHT_ONE / 3n },
  { to: 'ben', weight: WEIGHT_ONE / 7n },
  { to: 'eva', weight: WEIGHT_ONE - WEIGHT_ONE / 3n - WEIGHT_ONE / 7n },
];

export function recordRouting(
  table: FeeTable,
  { world, inferenceId, amount }: { world: World; inferenceId: Id<'inference'>; amount: bigint },
): void {
  if (table.routings.has(inferenceId)) return;
  const moves = splitLegs(amount, LEGS, 'protocol')
    .filter((part) => part.amount > 0n)
    .map((part) => ({
      from: CLEARING,
      to: part.to === 'data' ? CONTROL : `${part.to}:payable`,
      amount: part.amount,
    }));
  table.routings.set(inferenceId, {
    ...{ inferenceId, amount, moves, epoch: table.epoch },
    shares: drawShares(world),
    remaining: moves.map((move) => move.amount),
    isPosted: false,
    isCredited: false,
  });
}

function drawShares({ chance }: World): Shares {
  const payees = [...PAYEES, POOL].filter(() => chance.happens(0.5));
  if (payees.length === 0) payees.push('ann');
  let left = WEIGHT_ONE;
  const shares = payees.map((to, k) => {
    const isLast = k === payees.length - 1;
    const weight = isLast ? left : (left * BigInt(chance.between(0, 1_000_003))) / 1_000_003n;
    left -= weight;
    return { to, weight };
  });
  return shares;
}

export const dataOf = ({ moves, remaining }: Routing): bigint =>
  moves.reduce((sum, { to }, k) => (to === CONTROL ? sum + remaining[k] : sum), 0n);

/** Credits what is routed, in one epoch at a time. @returns whether there was something */
export function planRollUp(table: FeeTable, now: number): boolean {
  const due = [...table.routings.values()].filter((one) => one.isPosted && !one.isCredited);
  if (due.length === 0) return false;
  const epoch = Math.min(...due.map((one) => one.epoch));
  const mine = due.filter((one) => one.epoch === epoch);
  const sums = sumSubUnits(mine.map((one) => shareProducts(dataOf(one), one.shares)));
  record(table, { now, moves: change(table, { sums, epoch }) });
  for (const routing of mine) routing.isCredited = true;
  return true;
}

/** Adds sub-units, and takes what whole units follow out of control or back into it. */
function change(
  table: FeeTable,
  { sums, epoch }: { readonly sums: SubUnits; readonly epoch: number },
): readonly Move[] {
  const payees = new Map(sums);
  const intoPool = payees.get(POOL) ?? 0n;
  payees.delete(POOL);
  if (epoch > table.matured) {
    table.inflows.set(epoch, (table.inflows.get(epoch) ?? 0n) + intoPool);
    return creditAll(table, { added: payees, account: `pending:${epoch}` });
  }
  return creditAll(table, {
    added: sumSubUnits([payees, fold(table, intoPool)]),
    account: 'payable',
  });
}

function fold(table: FeeTable, subUnits: bigint): SubUnits {
  const after = table.folded + subUnits;
  const { added, remainder } = foldPool({ before: table.folded, after }, MEMBERS);
  table.folded = after;
  table.remainder = remainder;
  return added;
}

function creditAll(
  table: FeeTable,
  { added, account }: { readonly added: SubUnits; readonly account: string },
): readonly Move[] {
  return [...added.keys()].sort().flatMap((payee) => {
    const before = table.entitlements.get(payee) ?? NO_ENTITLEMENT;
    const { entitlement, credit } = entitle(before, added.get(payee)!);
    table.entitlements.set(payee, entitlement);
    const lying = table.lying.get(payee) ?? new Map<string, bigint>();
    table.lying.set(payee, lying);
    const name = `${payee}:${account}`;
    if (credit > 0n) lying.set(name, (lying.get(name) ?? 0n) + credit);
    if (credit > 0n) return [{ from: CONTROL, to: name, amount: credit }];
    return takeBack(lying, -credit);
  });
}

/** From wherever the payee's units lie, the youngest first. */
function takeBack(lying: Map<string, bigint>, wanted: bigint): readonly Move[] {
  const moves: Move[] = [];
  let left = wanted;
  for (const [from, units] of [...lying].reverse()) {
    const amount = units < left ? units : left;
    if (amount === 0n) continue;
    lying.set(from, units - amount);
    left -= amount;
    moves.push({ from, to: CONTROL, amount });
  }
  if (left > 0n) throw new Error(`${left} units are owed back and lie nowhere.`);
  return moves;
}

function record(
  table: FeeTable,
  { now, moves, refund }: { now: number; moves: readonly Move[]; refund?: FeeBatch['refund'] },
): void {
  if (moves.length === 0 && !refund) return;
  const id = table.batches.length + 1;
  const recordedAt = new Date(BEGINNING + now);
  table.batches.push({ id, recordedAt, moves, refund, isPosted: false });
}

/** Takes back a part of a fee from everybody who had of it. */
export function planRefund(
  table: FeeTable,
  { now, routing, amount }: { now: number; routing: Routing; amount: bigint },
): void {
  const parts = refundParts(routing.remaining, amount);
  const data = dataOf(routing);
  routing.remaining = routing.remaining.map((rest, k) => rest - parts[k]);
  const sums = shareProducts(dataOf(routing) - data, routing.shares);
  const back = routing.moves
    .map(({ from, to }, k) => ({ from: to, to: from, amount: parts[k] }))
    .filter((move) => move.amount > 0n);
  const moves = [...change(table, { sums, epoch: routing.epoch }), ...back];
  record(table, { now, moves, refund: { inferenceId: routing.inferenceId, amount } });
}

/** Begins the next epoch where its time has come, and lets the oldest mature where all of it is credited. */
export function turnEpoch(table: FeeTable, now: number): void {
  if (now >= table.closesAt) {
    table.epoch++;
    table.closesAt = now + EPOCH_MS;
  }
  const oldest = table.matured + 1;
  const isOpen = (one: Routing) => one.epoch === oldest && !one.isCredited;
  if (oldest >= table.epoch || [...table.routings.values()].some(isOpen)) return;
  table.matured = oldest;
  const added = fold(table, table.inflows.get(oldest) ?? 0n);
  table.inflows.delete(oldest);
  const matured = [...table.lying].flatMap(([payee, lying]) => {
    const from = `${payee}:pending:${oldest}`;
    const amount = lying.get(from) ?? 0n;
    if (amount === 0n) return [];
    lying.delete(from);
    const to = `${payee}:payable`;
    lying.set(to, (lying.get(to) ?? 0n) + amount);
    return [{ from, to, amount }];
  });
  record(table, { now, moves: [...creditAll(table, { added, account: 'payable' }), ...matured] });
}
