/** A key's spending limit, held under any concurrency: promised and spent together never pass it. */
import { OpenLedgerError } from '@openledger/protocol';
import type { Caller } from '../identity/index.ts';
import type { Db } from '../platform/db.ts';
import { sql } from '../platform/sql.ts';

/** Promises an amount of the key's limit to a call. @throws insufficient_funds when the limit would be passed */
export async function reserveSpending(db: Db, caller: Caller, units: bigint): Promise<void> {
  if (caller.limitUnits === undefined) return;
  const reserved = await db.transaction(async (tx) => {
    await tx.query(sql`
      insert into gateway.key_spending (key_id)
      values (${caller.keyId})
      on conflict (key_id) do nothing`);
    return tx.query(sql`
      update gateway.key_spending
      set reserved_units = reserved_units + ${units}
      where key_id = ${caller.keyId}
        and spent_units + reserved_units + ${units} <= ${caller.limitUnits}
      returning key_id`);
  });
  if (reserved.length > 0) return;
  throw new OpenLedgerError('insufficient_funds', 'This key would pass its spending limit.', {
    limitUnits: caller.limitUnits.toString(),
    neededUnits: units.toString(),
  });
}

/** Ends a promise: what was spent of it stays counted, the rest is free again. */
export async function settleSpending(
  db: Db,
  caller: Caller,
  { reserved, spent }: { readonly reserved: bigint; readonly spent: bigint },
): Promise<void> {
  if (caller.limitUnits === undefined) return;
  await db.transaction((tx) =>
    tx.query(sql`
      update gateway.key_spending
      set reserved_units = reserved_units - ${reserved}, spent_units = spent_units + ${spent}
      where key_id = ${caller.keyId}`),
  );
}
