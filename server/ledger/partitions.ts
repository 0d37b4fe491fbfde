/** The log's partitions: one a month, by the time in the ids. */
import type { Session } from '../platform/db.ts';
import { sql } from '../platform/sql.ts';

/** This month's and the next one's, made ahead so that no batch waits for them. */
export async function createPartitions(session: Session, now: Date): Promise<void> {
  for (const ahead of [0, 1]) await createPartition(session, monthOf(now, ahead));
}

/** What has come early lies in `transactions_other` and keeps the month there: a partition would have to take it in. */
async function createPartition(session: Session, month: Date): Promise<void> {
  const next = monthOf(month, 1);
  const name = `transactions_${month.toISOString().slice(0, 7).replace('-', '_')}`;
  const [from, to] = [month, next].map(firstUuidOf);
  await session.transaction(async (tx) => {
    const [{ exists, early }] = await tx.query<{ exists: boolean; early: boolean }>(sql`
      select to_regclass(${`ledger.${name}`}) is not null as exists,
             exists (select 1 from ledger.transactions_other where id >= ${from}::uuid and id < ${to}::uuid) as early`);
    if (exists || early) return;
    await tx.query({
      text: `create table ledger.${name} partition of ledger.transactions for values from ('${from}') to ('${to}')`,
      values: [],
    });
  });
}

const monthOf = (date: Date, ahead: number): Date =>
  new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + ahead, 1));

/** The lowest UUID of a moment: 48 bits of milliseconds, the rest zero (RFC 9562). */
const firstUuidOf = (moment: Date): string => {
  const hex = moment.getTime().toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-0000-0000-000000000000`;
};
