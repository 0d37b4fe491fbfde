/** Names of transactions that follow from what they do, so that asking again is asking for the same one. */
import { createHash } from 'node:crypto';
import { type Id, type IdKind, makeId, OpenLedgerError } from '@openledger/protocol';

/**
 * The id of what is done once for an origin: the origin's time, and 74 bits of SHA-256 over the origin and the act. The same
 * origin and act give the same id, at any time and in any process; the time in it leads to the log's partition.
 *
 * @param origin a UUIDv7 id, or a stored moment: one that is the same whenever this is asked again
 * @param act what is done, e.g. `fees.routed`; with a moment as origin it must name what it is done to as well
 * @throws invalid_input when the origin is an id without a time in it
 */
export function transactionIdFor(origin: Id<IdKind> | Date, act: string): Id<'transaction'> {
  const name = typeof origin === 'string' ? origin : origin.toISOString();
  const now = typeof origin === 'string' ? timeOf(origin) : origin.getTime();
  return makeId('transaction', {
    now,
    random: createHash('sha256').update(`${name}\n${act}`).digest(),
  });
}

/** Milliseconds since 1970, as a UUIDv7 says them. */
export function timeOf(id: Id<IdKind>): number {
  const hex = id.slice(id.indexOf('_') + 1);
  if (!/^[0-9a-f]{32}$/.test(hex)) {
    throw new OpenLedgerError('invalid_input', `"${id}" has no time in it.`, { id });
  }
  return Number.parseInt(hex.slice(0, 12), 16);
}
