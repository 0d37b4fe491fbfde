/** Whether a price goes with how a datanet is read. */
import { type DatanetAccess, OpenLedgerError } from '@openledger/protocol';

/** @throws invalid_input */
export function assertPriced(access: DatanetAccess, readUnits: bigint): void {
  if ((access === 'paid') === readUnits > 0n) return;
  const message =
    access === 'paid'
      ? 'A datanet that is read for pay names its price: readUnits.'
      : 'Only what is read for pay has a price: readUnits.';
  throw new OpenLedgerError('invalid_input', message, { access });
}
