/** Where a party's earnings are now, in one phrase. */
import { shortOpen } from '../app/numbers.ts';

/** Units of everything credited, and of the places where credits can be; decimal strings as on the wire. */
export type Standing = {
  readonly data: string;
  readonly operator: string;
  readonly builder: string;
  readonly base: string;
  readonly pending: string;
  readonly payable: string;
  readonly escrow: string;
  readonly exported: string;
};

/** What was credited and is nowhere any more has left the ledger: the chain has paid it. */
export function standingOf(standing: Standing): string {
  const { data, operator, builder, base, pending, payable, escrow, exported } = standing;
  const sum = (...amounts: readonly string[]) =>
    amounts.reduce((all, one) => all + BigInt(one), 0n);
  const claimed = sum(data, operator, builder, base) - sum(pending, payable, escrow, exported);
  const places: readonly (readonly [bigint, string])[] = [
    [claimed, 'claimed'],
    [sum(escrow), 'in escrow'],
    [sum(payable, exported), 'to be claimed'],
    [sum(pending), 'pending'],
  ];
  const occupied = places.filter(([units]) => units > 0n);
  if (occupied.length === 1) return occupied[0][1];
  return occupied.map(([units, place]) => `${shortOpen(units)} ${place}`).join(', ');
}
