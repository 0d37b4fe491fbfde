import { refundParts } from '@openledger/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { afterReversal, asOriginal, planReversal } from './reversal.ts';

const OPEN = 'OPEN';
const amounts = fc.array(fc.bigInt({ min: 1n, max: 2n ** 200n }), { minLength: 1, maxLength: 12 });
const sum = (parts: readonly bigint[]) => parts.reduce((total, part) => total + part, 0n);

const original = (legs: readonly bigint[]) =>
  asOriginal({
    kind: 'post',
    postings: legs.map((amount, leg) => ({
      from: 'payer:available',
      to: `payee-${leg}:payable`,
      amount,
      asset: OPEN,
    })),
  });

test('parts of a reversal sum to its amount, and none exceeds what remains of its leg', () => {
  fc.assert(
    fc.property(amounts, fc.bigInt({ min: 0n, max: 10n ** 9n }), (remaining, billionths) => {
      const amount = (sum(remaining) * billionths) / 10n ** 9n;
      const parts = refundParts(remaining, amount);
      expect(sum(parts)).toBe(amount);
      for (const [leg, part] of parts.entries()) {
        expect(part >= 0n && part <= remaining[leg]).toBe(true);
      }
    }),
  );
});

test('each part is within one unit of the exact share', () => {
  fc.assert(
    fc.property(amounts, fc.bigInt({ min: 0n, max: 10n ** 9n }), (remaining, billionths) => {
      const total = sum(remaining);
      const amount = (total * billionths) / 10n ** 9n;
      for (const [leg, part] of refundParts(remaining, amount).entries()) {
        const error = part * total - amount * remaining[leg]; // in units of 1 / total
        expect(error < total && error > -total).toBe(true);
      }
    }),
  );
});

test('partial reversals, however many, end in the exact mirror of the original', () => {
  fc.assert(
    fc.property(amounts, fc.array(fc.bigInt({ min: 1n, max: 10n ** 9n })), (legs, cuts) => {
      let rest = original(legs);
      const returned = legs.map(() => 0n);
      const reverse = (amount: bigint | undefined) => {
        const { postings, after } = planReversal(rest, amount);
        for (const posting of postings) {
          returned[Number(/\d+/.exec(posting.from)![0])] += posting.amount;
          expect(posting.to).toBe('payer:available');
        }
        rest = after;
      };
      for (const billionths of cuts) {
        const amount = (sum(rest.remaining) * billionths) / 10n ** 9n / 2n;
        if (amount > 0n) reverse(amount);
      }
      reverse(undefined);
      expect(returned).toEqual(legs);
      expect(() => planReversal(rest, undefined)).toThrow(/what remains/);
    }),
  );
});

test('what remains is recomputed from the totals of earlier reversals alone', () => {
  const first = planReversal(original([7n, 11n, 13n]), 10n);
  const second = planReversal(first.after, 5n);
  const replayed = [10n, 5n].reduce(afterReversal, original([7n, 11n, 13n]));
  expect(replayed).toEqual(second.after);
});

test('takes no more than what remains, and says how much that is', () => {
  expect(() => planReversal(original([5n]), 6n)).toThrow(
    expect.objectContaining({ code: 'unprocessable', details: { remaining: '5' } }),
  );
});

test('what ended a hold is no leg: a refund goes to where the money came from', () => {
  const capture = asOriginal({
    kind: 'capture',
    postings: [
      { from: 'p:held', to: 'p:available', amount: 10n, asset: OPEN },
      { from: 'p:available', to: 'clearing:fees', amount: 4n, asset: OPEN },
    ],
  });
  expect(planReversal(capture, undefined).postings).toEqual([
    { from: 'clearing:fees', to: 'p:available', amount: 4n, asset: OPEN },
  ]);
});
