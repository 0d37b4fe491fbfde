/**
 * A sum of units, exact at any size, and cheap to add to while amounts fit the 53 bits of a double: those are kept apart, and
 * carried over when they have grown. An audit adds many times as often as it looks.
 */
export class Tally {
  #high = 0n;
  #low = 0;
  /** As long as the low part is not below it, the sum is not below zero. */
  #floor = 0;

  /** @param units a decimal, with a sign where it is taken away */
  add(units: number | bigint): void {
    const low = typeof units === 'number' ? this.#low + units : Number.NaN;
    if (low > -LIMIT && low < LIMIT) {
      this.#low = low;
      return;
    }
    this.#high += BigInt(this.#low) + BigInt(units);
    this.#low = 0;
    this.#floor = this.#high > BigInt(LIMIT) ? -LIMIT : -Number(this.#high);
  }

  get units(): bigint {
    return this.#high + BigInt(this.#low);
  }

  get isNegative(): boolean {
    return this.#low < this.#floor;
  }
}

/** Far enough from 2^53 that one more amount of that size is exact. */
const LIMIT = 2 ** 52;

/** Decimal digits as the number that they say, where a double says it exactly. */
export const unitsIn = (digits: string): number | bigint =>
  digits.length <= SAFE_DIGITS ? Number(digits) : BigInt(digits);

const SAFE_DIGITS = 15;
