/** Gives a price back, whole or in part: the same products, subtracted, and every leg the other way. */
import { OpenLedgerError, refundParts } from '@openledger/protocol';
import { correct } from './correct.ts';
import type { Correction } from './corrections.ts';
import type { Routing, SaleId } from './routings.ts';
import type { FeesHandles } from './stage.ts';

export type Refund = {
  readonly saleId: SaleId;
  readonly refundId: string;
  readonly units: bigint;
  /** What of it had matured and was advanced; it is netted from what its parties earn. */
  readonly advancedUnits: bigint;
  readonly refundedAt: Date;
};

export type RefundWish = {
  readonly saleId: string;
  /** The caller's name for it: asked again under the same name, nothing is refunded twice. */
  readonly refundId: string;
  /** All that remains, where none are named. */
  readonly units?: bigint;
};

/**
 * Each leg gives its part of what remains, by rounding the running total, so that partial refunds sum exactly.
 *
 * @throws unprocessable when less remains; conflict when the name was used for other units, or the price is still being
 *   routed; insufficient_funds when neither bond nor insurance covers what has matured
 */
export async function refundFees(
  handles: FeesHandles,
  { saleId, refundId, units }: RefundWish,
): Promise<Refund> {
  assertName(refundId);
  const done = await correct(handles, { saleId, kind: 'refund', name: refundId }, (routing) => {
    const left = routing.remaining.reduce((sum, rest) => sum + rest, 0n);
    const wanted = units ?? left;
    assertRefundable(routing, wanted, left);
    return {
      kind: 'refund',
      saleId: routing.saleId,
      name: refundId,
      units: wanted,
      parts: refundParts(routing.remaining, wanted),
    };
  });
  return asRefund(done, units);
}

function assertName(refundId: string): void {
  if (/^[\x21-\x7e]{1,200}$/.test(refundId)) return;
  throw new OpenLedgerError(
    'invalid_input',
    'A refund needs a name of 1 to 200 visible characters.',
  );
}

function assertRefundable({ saleId }: Routing, wanted: bigint, left: bigint): void {
  if (wanted > 0n && wanted <= left) return;
  throw new OpenLedgerError('unprocessable', `No more of ${saleId} is refunded than remains.`, {
    wanted: wanted.toString(),
    remaining: left.toString(),
  });
}

function asRefund(done: Correction, units: bigint | undefined): Refund {
  if (done.kind !== 'refund' || (units !== undefined && done.units !== units)) {
    throw new OpenLedgerError('conflict', `The refund ${done.name} is another.`);
  }
  return {
    saleId: done.saleId,
    refundId: done.name,
    units: done.units,
    advancedUnits: done.advances.reduce((sum, { amount }) => sum + amount, 0n),
    refundedAt: done.recordedAt,
  };
}
