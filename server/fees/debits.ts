/** Where the money comes from that parties have to give back. */
import { OpenLedgerError } from '@openledger/protocol';
import type { Move } from './batches.ts';
import type { Advance, Fund } from './receivables.ts';

/** What a party, or an account of the protocol's own, has to give back, and to which account. */
export type Demand = { readonly of: string; readonly to: string; readonly amount: bigint };

export type Funds = {
  /** What the protocol's own accounts have, by account. They pay from themselves and owe nobody. */
  readonly own: ReadonlyMap<string, bigint>;
  /** Each party's unmatured pending accounts, in the order they are taken from. */
  readonly pending: ReadonlyMap<string, readonly Fund[]>;
  /** Who advances what no pending covers, in order: the operator's bond, then the insurance. */
  readonly lenders: readonly Fund[];
};

/**
 * Takes every demand from where its party's units stand, and lets the lenders advance what has matured. Pure.
 *
 * @returns moves, those that the ledger may refuse first: everybody can take from the lenders and the protocol, and only
 *   this stage from pending
 * @throws insufficient_funds when lenders or the protocol's accounts do not cover it
 */
export function planDebits(
  demands: readonly Demand[],
  { own, pending, lenders }: Funds,
): { readonly moves: readonly Move[]; readonly advances: readonly Advance[] } {
  const left = new Map<string, bigint>(own);
  for (const { account, amount } of [...pending.values()].flat()) left.set(account, amount);
  for (const { account, amount } of lenders) left.set(account, amount);
  const take = (account: string, wanted: bigint): bigint => {
    const has = left.get(account) ?? 0n;
    const taken = has < wanted ? has : wanted;
    left.set(account, has - taken);
    return taken;
  };

  const ownMoves: Move[] = [];
  for (const { of: account, to, amount } of demands.filter(({ of }) => own.has(of))) {
    const missing = amount - take(account, amount);
    if (missing > 0n) throw uncovered(account, missing);
    ownMoves.push({ from: account, to, amount });
  }
  const pendingMoves: Move[] = [];
  const lent = new Map<string, Move>();
  const advances = new Map<string, Advance>();
  for (const { of: party, to, amount } of demands.filter(({ of }) => !own.has(of))) {
    let owed = amount;
    for (const { account } of pending.get(party) ?? []) {
      const taken = take(account, owed);
      owed -= taken;
      if (taken > 0n) pendingMoves.push({ from: account, to, amount: taken });
    }
    for (const { account: creditor } of lenders) {
      const taken = take(creditor, owed);
      owed -= taken;
      if (taken === 0n) continue;
      const way = `${creditor} ${to}`;
      lent.set(way, { from: creditor, to, amount: (lent.get(way)?.amount ?? 0n) + taken });
      const claim = `${creditor} ${party}`;
      const before = advances.get(claim)?.amount ?? 0n;
      advances.set(claim, { party, creditor, amount: before + taken });
    }
    if (owed > 0n) throw uncovered(party, owed);
  }
  return {
    moves: [...ownMoves, ...lent.values(), ...pendingMoves],
    advances: [...advances.values()],
  };
}

const uncovered = (account: string, missing: bigint): OpenLedgerError =>
  new OpenLedgerError(
    'insufficient_funds',
    `Nobody can advance what ${account} has to give back.`,
    {
      account,
      missing: missing.toString(),
    },
  );
