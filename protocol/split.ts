/**
 * Splitting money exactly: direct legs of a price, running entitlements of a share vector, and pools of static shares.
 *
 * Weights are whole numbers that sum to 2^64, so a share of an amount is a whole number of 2^-64 units ("sub-units").
 * Sub-units are summed and never rounded; only whole units are ever credited. Sums commute, so any order of the same
 * history leaves everybody with the same credit, within one unit of the exact share, and the control account holds
 * exactly the fractions.
 */

/** The whole of a share vector. */
export const WEIGHT_ONE = 2n ** 64n;

/** The whole of a policy's parts: parts per million. */
export const PPM_ONE = 1_000_000;

/** The most direct legs one price is split into. */
export const MAX_LEGS = 16;

/** One payee's part of a price, in parts per million. */
export type Leg = { readonly to: string; readonly ppm: number };

export type Part = { readonly to: string; readonly amount: bigint };

/** Who is owed what part of an amount: sorted by `to` (UTF-16 code units), weights not negative, summing to 2^64. */
export type Shares = readonly { readonly to: string; readonly weight: bigint }[];

/**
 * Splits a price over its direct legs: floor(amount * ppm / 10^6) each, what is left to the leg named `remainderTo`.
 *
 * @param amount units, not negative
 * @param legs at most 16, distinct, ppm summing to 10^6
 * @returns one part a leg, in the order of the legs, summing to the amount
 */
export function splitLegs(
  amount: bigint,
  legs: readonly Leg[],
  remainderTo: string,
): readonly Part[] {
  assertLegs(amount, legs, remainderTo);
  const floors = legs.map(({ to, ppm }) => ({
    to,
    amount: (amount * BigInt(ppm)) / BigInt(PPM_ONE),
  }));
  const rest = floors.reduce((left, part) => left - part.amount, amount);
  return floors.map((part) =>
    part.to === remainderTo ? { ...part, amount: part.amount + rest } : part,
  );
}

/**
 * Shares a refund over what remains of each leg, by rounding the running total down: leg k gives
 * floor(amount * (r1 + ... + rk) / R) less what the legs before it gave.
 *
 * The parts sum to the amount and none exceeds what remains of its leg, so partial refunds, however many, that add up to the
 * price end in the exact mirror of the split.
 *
 * @param remaining units left of each leg, R in total
 * @param amount units, 0 to R
 */
export function refundParts(remaining: readonly bigint[], amount: bigint): readonly bigint[] {
  const total = remaining.reduce((sum, rest) => sum + rest, 0n);
  if (amount < 0n || amount > total) throw new Error('A refund is at most what remains.');
  if (amount === 0n) return remaining.map(() => 0n);
  let reached = 0n;
  let given = 0n;
  return remaining.map((rest) => {
    reached += rest;
    const part = (amount * reached) / total - given;
    given += part;
    return part;
  });
}

/**
 * Divides an amount once by weights that sum to 2^64: each part rounded down, what that leaves goes to the first.
 *
 * For what is divided again and again there are entitlements, which round nothing away.
 *
 * @returns only parts above zero; empty without weights
 */
export function splitByWeight(
  amount: bigint,
  weights: readonly { readonly party: string; readonly weight: bigint }[],
): readonly { readonly party: string; readonly amount: bigint }[] {
  const parts = weights.map(({ party, weight }) => ({
    party,
    amount: (amount * weight) / WEIGHT_ONE,
  }));
  const left = amount - parts.reduce((sum, part) => sum + part.amount, 0n);
  return parts
    .map((part, i) => (i === 0 ? { ...part, amount: part.amount + left } : part))
    .filter((part) => part.amount > 0n);
}

/**
 * The part of an amount that goes with a part of a whole: floor(amount * part / whole).
 *
 * Paying the difference to what was paid before, as `part` grows, ends in the same sum whatever the steps.
 *
 * @param amount units, not negative
 * @param part 0 to `whole`
 */
export function proportionOf(
  amount: bigint,
  { part, whole }: { readonly part: bigint; readonly whole: bigint },
): bigint {
  if (amount < 0n) throw new Error('A part of a negative amount is not paid.');
  if (part < 0n || part > whole || whole === 0n) throw new Error(`${part} is no part of ${whole}.`);
  return (amount * part) / whole;
}

/** Sub-units by payee. */
export type SubUnits = ReadonlyMap<string, bigint>;

/** What a party has been entitled to so far, in sub-units, and what of it was credited, in units. */
export type Entitlement = { readonly entitled: bigint; readonly credited: bigint };

export const NO_ENTITLEMENT: Entitlement = { entitled: 0n, credited: 0n };

/** The exact products amount * weight, by payee. A reversal is the same call with the negative amount. */
export function shareProducts(amount: bigint, shares: Shares): SubUnits {
  assertShares(shares);
  return new Map(shares.map(({ to, weight }) => [to, amount * weight]));
}

/** Adds sub-units payee by payee. */
export function sumSubUnits(parts: Iterable<SubUnits>): SubUnits {
  const sums = new Map<string, bigint>();
  for (const part of parts) {
    for (const [to, subUnits] of part) sums.set(to, (sums.get(to) ?? 0n) + subUnits);
  }
  return sums;
}

/**
 * Adds sub-units to an entitlement and credits the whole units that have come together.
 *
 * The credit is negative only where sub-units were taken back by a reversal.
 */
export function entitle(
  { entitled, credited }: Entitlement,
  subUnits: bigint,
): { readonly entitlement: Entitlement; readonly credit: bigint } {
  const sum = entitled + subUnits;
  const wholeUnits = sum >> 64n; // floor, for negative sums as well
  return {
    entitlement: { entitled: sum, credited: wholeUnits },
    credit: wholeUnits - credited,
  };
}

/** The sub-units of an entitlement that no credit has paid yet; they lie in the control account. */
export const outstanding = ({ entitled, credited }: Entitlement): bigint =>
  entitled - credited * WEIGHT_ONE;

/**
 * What a pool takes in during an epoch: one sum, however many members it has.
 *
 * Who the members are is fixed by the pool's name, so a change of membership is another pool with a sum of its own, and a
 * distribution belongs for ever to the members it was made under.
 */
export type Accumulator = {
  readonly pool: string;
  readonly epoch: number;
  readonly subUnits: bigint;
};

/** Gives a pool its part of an amount. O(1): members are not touched. A refund is the negative amount. */
export const distribute = (
  { pool, epoch, subUnits }: Accumulator,
  { amount, weight }: { readonly amount: bigint; readonly weight: bigint },
): Accumulator => ({ pool, epoch, subUnits: subUnits + amount * weight });

/**
 * Passes what a pool has newly taken in on to its members.
 *
 * A member's running total is floor(total * weight / 2^64) sub-units, so he stays within one sub-unit of his exact
 * share however often the pool is folded, and no total per member has to be kept.
 *
 * A total that a refund made smaller takes back from members the same way: folds end where the last total says, whatever
 * the order.
 *
 * @param before the pool's total in sub-units at the last fold
 * @param after the pool's total in sub-units now
 * @returns the members' new sub-units, and what stays in the pool after this fold
 */
export function foldPool(
  { before, after }: { readonly before: bigint; readonly after: bigint },
  members: Shares,
): { readonly added: SubUnits; readonly remainder: bigint } {
  assertShares(members);
  const added = new Map<string, bigint>();
  let remainder = after;
  for (const { to, weight } of members) {
    const total = (after * weight) >> 64n;
    added.set(to, total - ((before * weight) >> 64n));
    remainder -= total;
  }
  return { added, remainder };
}

/** Says why a list of weights is not a share vector; undefined when it is one. */
export function faultOfShares(shares: Shares): string | undefined {
  let sum = 0n;
  for (const [i, { to, weight }] of shares.entries()) {
    if (i > 0 && shares[i - 1].to >= to) return `Shares are not sorted and distinct at ${to}.`;
    if (weight < 0n) return `The weight of ${to} is negative.`;
    sum += weight;
  }
  return sum === WEIGHT_ONE ? undefined : `The weights sum to ${sum}, not to 2^64.`;
}

/** @throws a plain Error: callers hand over vectors of their own making */
export function assertShares(shares: Shares): void {
  const fault = faultOfShares(shares);
  if (fault) throw new Error(fault);
}

function assertLegs(amount: bigint, legs: readonly Leg[], remainderTo: string): void {
  const names = new Set(legs.map(({ to }) => to));
  if (amount < 0n) throw new Error('A negative price has no legs; reverse the parts instead.');
  if (legs.length > MAX_LEGS) throw new Error(`A price has at most ${MAX_LEGS} direct legs.`);
  if (names.size !== legs.length) throw new Error('Two legs have the same name.');
  if (!names.has(remainderTo)) throw new Error(`No leg is called ${remainderTo}.`);
  if (legs.some(({ ppm }) => !Number.isSafeInteger(ppm) || ppm < 0)) {
    throw new Error('A leg has a part that is not a whole number of ppm.');
  }
  if (legs.reduce((sum, { ppm }) => sum + ppm, 0) !== PPM_ONE) {
    throw new Error('The legs do not sum to 10^6 ppm.');
  }
}
