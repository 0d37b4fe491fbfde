/** What an attack brought its coalition, by all its roles together, what waits in escrow left out. */
import type { Attack } from './attacks.ts';
import { FINE, settle, type World } from './market.ts';

export type Gain = {
  /** In 2^-128 of a unit. */
  readonly honest: bigint;
  readonly attacked: bigint;
  /** attacked / honest. */
  readonly ratio: number;
  /**
   * Nothing was gained, but for weights being rounded to 2^-64 of a leg: who has many names is rounded often. It comes to less
   * than a millionth of a unit, and whole units are paid.
   */
  readonly isNone: boolean;
};

const ROUNDING = FINE / 1_000_000n;

export function gainOf({ honest, attacked, coalition }: Attack): Gain {
  const before = incomeOf(honest, coalition);
  const after = incomeOf(attacked, coalition);
  return {
    ...{ honest: before, attacked: after, isNone: after - before <= ROUNDING },
    ratio: Number(after / FINE) / Number(before / FINE),
  };
}

function incomeOf(world: World, coalition: readonly string[]): bigint {
  const net = settle(world);
  return coalition.reduce((sum, party) => sum + (net.get(party) ?? 0n), 0n);
}
