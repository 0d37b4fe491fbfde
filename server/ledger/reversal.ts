/** How much of each leg a reversal takes back. */
import { type CanonicalValue, OpenLedgerError, refundParts } from '@openledger/protocol';
import { isHeld } from './account.ts';
import type { Posting } from './command.ts';
import type { Original } from './state.ts';
import type { Transaction } from './transaction.ts';

const sum = (amounts: readonly bigint[]): bigint =>
  amounts.reduce((total, amount) => total + amount, 0n);

/** The original as nothing of it is reversed yet. What gave a hold back is no leg: a refund goes to where it was paid from. */
export function asOriginal({ kind, postings }: Pick<Transaction, 'kind' | 'postings'>): Original {
  const legs = postings.filter(({ from, to }) => !isHeld(from) && !isHeld(to));
  return { kind, legs, remaining: legs.map(({ amount }) => amount) };
}

/** What is left of an original after a reversal of the amount. */
export function afterReversal(original: Original, amount: bigint): Original {
  const parts = refundParts(original.remaining, amount);
  return { ...original, remaining: original.remaining.map((rest, leg) => rest - parts[leg]) };
}

const REVERSIBLE: ReadonlySet<string> = new Set(['post', 'capture', 'draw']);

/** @throws unprocessable when it cannot be reversed, or not by that much */
export function planReversal(
  original: Original,
  wanted: bigint | undefined,
): { readonly postings: readonly Posting[]; readonly after: Original } {
  const total = sum(original.remaining);
  const amount = wanted ?? total;
  if (!REVERSIBLE.has(original.kind)) {
    refuse(`A ${original.kind} is not reversed.`, { kind: original.kind });
  }
  if (total === 0n || amount > total) {
    refuse('No more can be reversed than what remains.', { remaining: total.toString() });
  }
  const assets = new Set(original.legs.map(({ asset }) => asset));
  if (assets.size > 1 && amount < total) {
    refuse('A transaction in several assets is reversed whole.', { assets: [...assets] });
  }
  const parts = refundParts(original.remaining, amount);
  const postings = original.legs
    .map(({ from, to, asset }, leg) => ({ from: to, to: from, amount: parts[leg], asset }))
    .filter((posting) => posting.amount > 0n);
  return { postings, after: afterReversal(original, amount) };
}

function refuse(sentence: string, details: Readonly<Record<string, CanonicalValue>>): never {
  throw new OpenLedgerError('unprocessable', sentence, details);
}
