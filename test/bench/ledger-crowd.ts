/**
 * Who pays whom in the ledger's benchmark.
 *
 * Realistic: payers are many and even, beneficiaries are few and uneven. Each split pays three that stand in every one
 * of them (operator, treasury, a builder everybody uses), and one each of 50, of 200 and of 300.
 */
import type { Id } from '@openledger/protocol';
import { createRandom, type Random } from '../../server/compute/random.ts';
import type { Ledger, Post } from '../../server/ledger/index.ts';
import { systemClock } from '../../server/platform/clock.ts';
import { newId } from '../../server/platform/new-id.ts';

/** Accounts are numbered: payers from 0, then beneficiaries, the hot ones last. Who locks in this order holds them shortest. */
export type Split = {
  readonly id: Id<'transaction'>;
  readonly payer: number;
  /** Ascending. */
  readonly beneficiaries: readonly number[];
  readonly amounts: readonly bigint[];
};

export type Crowd = {
  readonly size: number;
  readonly payers: number;
  /** The realistic split. */
  uneven(): Split;
  /** One beneficiary stands in every split, the others are drawn evenly. */
  oneHot(): Split;
  /** No account stands out. */
  even(): Split;
};

/** Percent of the price, leg by leg; the last takes what rounding leaves. */
const PARTS = [5n, 10n, 20n, 40n, 20n, 5n];
export const POSTINGS = PARTS.length;
const OF_300 = 0;
const OF_200 = 300;
const OF_50 = 500;
const HOT = 550;
const BENEFICIARIES = 553;

export function createCrowd({ payers }: { readonly payers: number }): Crowd {
  const random = createRandom(7);
  const split = (places: readonly number[]): Split => ({
    id: newId('transaction', systemClock),
    payer: random.below(payers),
    beneficiaries: places.map((place) => payers + place),
    amounts: partsOf(10n ** 15n + BigInt(random.below(10 ** 9))),
  });
  const distinct = (count: number) => drawDistinct(random, { count, below: BENEFICIARIES - 1 });
  return {
    size: payers + BENEFICIARIES,
    payers,
    uneven: () =>
      split([
        OF_300 + random.below(300),
        OF_200 + random.below(200),
        OF_50 + random.below(50),
        ...[HOT, HOT + 1, HOT + 2],
      ]),
    oneHot: () => split([...distinct(POSTINGS - 1), BENEFICIARIES - 1]),
    even: () => split(distinct(POSTINGS)),
  };
}

function drawDistinct(
  random: Random,
  { count, below }: { readonly count: number; readonly below: number },
): readonly number[] {
  const drawn: number[] = [];
  while (drawn.length < count) {
    const one = random.below(below);
    if (!drawn.includes(one)) drawn.push(one);
  }
  return drawn.sort((a, b) => a - b);
}

function partsOf(price: bigint): readonly bigint[] {
  let rest = price;
  return PARTS.map((percent, leg) => {
    const part = leg === PARTS.length - 1 ? rest : (price * percent) / 100n;
    rest -= part;
    return part;
  });
}

/** Made once: a name a party, as long as real ones. */
export function accountNames({ size, payers }: Crowd): readonly string[] {
  return Array.from({ length: size }, (_, number) => {
    const party = `pty_${(number * 2654435761).toString(16).padStart(32, '0')}`;
    return number < payers ? `${party}:available` : `${party}:pending:1`;
  });
}

/** How the ledger is asked for a split. */
export const wishOf = (
  { id, payer, beneficiaries, amounts }: Split,
  names: readonly string[],
): Post => ({
  transactionId: id,
  reason: 'fees.routed',
  reference: `inf_${id.slice(4)}`,
  postings: beneficiaries.map((to, leg) => ({
    from: names[payer],
    to: names[to],
    amount: amounts[leg],
  })),
});

/** Far more than anybody spends here, so that limits are checked and never met. */
export const FUNDS = 10n ** 24n;
const FUNDED_AT_ONCE = 5_000;

export async function fundPayers(
  ledger: Ledger,
  { payers, names }: { readonly payers: number; readonly names: readonly string[] },
): Promise<void> {
  for (let first = 0; first < payers; first += FUNDED_AT_ONCE) {
    await ledger.post({
      transactionId: newId('transaction', systemClock),
      reason: 'bench.funded',
      postings: names
        .slice(first, Math.min(payers, first + FUNDED_AT_ONCE))
        .map((to) => ({ from: 'external:bench', to, amount: FUNDS })),
    });
  }
}
