/** Strict money: the payer's money for each call is held in the ledger before an operator is asked. */
import { type Id, OpenLedgerError } from '@openledger/protocol';
import type { Ledger } from '../ledger/index.ts';
import type { Clock } from '../platform/clock.ts';
import { freeReservation, type Money } from './money.ts';

/** A hold outlives its call by a minute; after that only what was served may still be captured from it. */
export const HOLD_TTL_MS = 15 * 60_000;
export const CALL_LIMIT_MS = HOLD_TTL_MS - 60_000;

/** The hold of an inference has its id under another prefix, so that every later step can name it. */
export const holdIdOf = (inferenceId: string): Id<'hold'> =>
  inferenceId.replace(/^inf_/, 'hld_') as Id<'hold'>;

type HoldHandles = { readonly ledger: Ledger; readonly clock: Clock };
type Held = { readonly inferenceId: Id<'inference'>; readonly heldUnits: bigint };

export const createHolds = (handles: HoldHandles): Money => {
  const { ledger } = handles;
  const release = (inferenceId: Id<'inference'>) =>
    ledger.release({ ...endOf(inferenceId), reason: 'inference.void' }).catch(unlessEnded);
  return {
    ...{ journal: undefined, takeOverMs: undefined },
    async reserve(call) {
      if (call.heldUnits === 0n) return freeReservation;
      await hold(handles, call);
      return {
        ...freeReservation,
        async void() {
          await release(call.inferenceId);
        },
      };
    },
    async settle({ inferenceId, heldUnits, priceUnits: amount }) {
      const end = { ...endOf(inferenceId), reason: 'inference.served' };
      if (amount > 0n)
        await ledger.capture({ ...end, postings: [{ to: 'clearing:fees', amount }] });
      else if (heldUnits > 0n) await ledger.release(end);
      return true;
    },
    recover: async () => {},
    async release(inferenceId) {
      await release(inferenceId);
    },
    stop: async () => {},
  };
};

/** @throws insufficient_funds; what is missing is in the details */
export async function hold(
  { ledger, clock }: HoldHandles,
  { inferenceId, heldUnits, payerId }: Held & { readonly payerId: Id<'party'> },
): Promise<void> {
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

const endOf = (inferenceId: Id<'inference'>) => ({
  ...{ holdId: holdIdOf(inferenceId), reference: inferenceId },
});

/** It has expired, or a free call had none. */
function unlessEnded(error: unknown): void {
  const isEnded =
    error instanceof OpenLedgerError && (error.code === 'conflict' || error.code === 'not_found');
  if (!isEnded) throw error;
}
