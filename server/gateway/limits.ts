/** A key's spending limit, held under any concurrency: promised and spent together never pass it. */
import { OpenLedgerError } from '@openledger/protocol';
import type { Caller } from '../identity/index.ts';
import type { Tx } from '../platform/db.ts';
import { sql } from '../platform/sql.ts';

/** Promises an amount of the key's limit to a call. @throws insufficient_funds when the limit would be passed */
export async function reserveSpending(
  tx: Tx,
  { keyId, limitUnits }: Pick<Caller, 'keyId' | 'limitUnits'>,
  units: bigint,
): Promise<void> {
  if (limitUnits === undefined) return;
  await tx.query(sql`
    insert into gateway.key_spending (key_id)
    values (${keyId})
    on conflict (key_id) do nothing`);
  const [row] = await tx.query<{ taken: string }>(sql`
    select spent_units + reserved_units as taken
    from gateway.key_spending
    where key_id = ${keyId}
    for update`);
  const missing = BigInt(row.taken) + units - limitUnits;
  if (missing > 0n) {
    throw new OpenLedgerError('insufficient_funds', 'This key would pass its spending limit.', {
      limit: limitUnits.toString(),
      available: (limitUnits - BigInt(row.taken)).toString(),
      missing: missing.toString(),
    });
  }
  await tx.query(sql`
    update gateway.key_spending
    set reserved_units = reserved_units + ${units}
    where key_id = ${keyId}`);
}

/** Ends a promise: what was spent of it stays counted, the rest is free again. Keys without a limit have no row. */
export async function settleSpending(
  tx: Tx,
  {
    keyId,
    reserved,
    spent,
  }: { readonly keyId: string; readonly reserved: bigint; readonly spent: bigint },
): Promise<void> {
  await tx.query(sql`
    update gateway.key_spending
    set reserved_units = reserved_units - ${reserved}, spent_units = spent_units + ${spent}
    where key_id = ${keyId}`);
}

/** Counts what is spent at once, beside calls; negative units are given back. @throws insufficient_funds */
export async function spend(
  tx: Tx,
  key: Pick<Caller, 'keyId' | 'limitUnits'>,
  units: bigint,
): Promise<void> {
  const reserved = units > 0n ? units : 0n;
  if (reserved > 0n) await reserveSpending(tx, key, reserved);
  await settleSpending(tx, { keyId: key.keyId, reserved, spent: units });
}
