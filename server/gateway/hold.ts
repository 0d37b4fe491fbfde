/** The payer's money, held before an operator is asked. A free call holds nothing. */
import type { Id } from '@openledger/protocol';
import type { Ledger } from '../ledger/index.ts';
import type { Clock } from '../platform/clock.ts';

/** A hold outlives its call by a minute; after that only what was served may still be captured from it. */
export const HOLD_TTL_MS = 15 * 60_000;
export const CALL_LIMIT_MS = HOLD_TTL_MS - 60_000;

/** The hold of an inference has its id under another prefix, so that every later step can name it. */
export const holdIdOf = (inferenceId: string): Id<'hold'> =>
  inferenceId.replace(/^inf_/, 'hld_') as Id<'hold'>;

type HoldHandles = { readonly ledger: Ledger; readonly clock: Clock };
type Held = { readonly inferenceId: Id<'inference'>; readonly heldUnits: bigint };

/** @throws insufficient_funds; what is missing is in the details */
export async function hold(
  { ledger, clock }: HoldHandles,
  { inferenceId, heldUnits, payerId }: Held & { readonly payerId: Id<'party'> },
): Promise<void> {
  if (heldUnits === 0n) return;
  await ledger.hold({
    reason: 'inference.held',
    holdId: holdIdOf(inferenceId),
    reference: inferenceId,
    from: `${payerId}:available`,
    to: `${payerId}:held`,
    amount: heldUnits,
    expiresAt: new Date(clock.now().getTime() + HOLD_TTL_MS),
  });
}

/** Gives the whole hold back. */
export async function letGo(
  { ledger }: Pick<HoldHandles, 'ledger'>,
  { inferenceId, heldUnits }: Held,
): Promise<void> {
  if (heldUnits === 0n) return;
  await ledger.release({
    reason: 'inference.void',
    reference: inferenceId,
    holdId: holdIdOf(inferenceId),
  });
}
