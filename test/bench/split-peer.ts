/** The obvious ways to pay many: a statement a payee, and a row a member. */
import type { Db } from '../../server/platform/db.ts';
import { sql } from '../../server/platform/sql.ts';
import type { Vector } from './split-vectors.ts';

export async function createPeer(db: Db): Promise<void> {
  await db.transaction(async (tx) => {
    await tx.query(sql`create schema peer`);
    await tx.query(sql`
      create table peer.entitlements (
        payee     text primary key,
        entitled  numeric(100, 0) not null
      ) with (fillfactor = 70)`);
  });
}

/** One statement a vector and party, all in one transaction, so that only one of them waits for the disk. */
export async function upsertEach(db: Db, vectors: readonly Vector[]): Promise<void> {
  await db.transaction(async (tx) => {
    for (const { units, shares } of vectors) {
      for (const { to, weight } of shares) {
        await tx.query(sql`
          insert into peer.entitlements (payee, entitled)
          values (${to}, ${units * weight})
          on conflict (payee) do update
          set entitled = entitlements.entitled + excluded.entitled`);
      }
    }
  });
}

/** A pool whose members have a row each, all with the same weight. */
export async function createMembers(db: Db, members: number): Promise<string> {
  const pool = `peer.pool_of_${members}`;
  await db.transaction(async (tx) => {
    await tx.query({
      text: `
        create table ${pool} (
          member    bigint primary key,
          weight    numeric(20, 0) not null,
          entitled  numeric(100, 0) not null
        ) with (fillfactor = 70)`,
      values: [],
    });
    await tx.query({
      text: `insert into ${pool} select n, ${2n ** 64n / BigInt(members)}, 0 from generate_series(1, ${members}) n`,
      values: [],
    });
  });
  return pool;
}

/** One distribution: one statement that adds to every member's row. */
export async function payEach(db: Db, pool: string, units: bigint): Promise<void> {
  await db.transaction((tx) =>
    tx.query({
      text: `
        insert into ${pool}
        select member, weight, weight * $1::numeric
        from ${pool}
        on conflict (member) do update
        set entitled = ${pool}.entitled + excluded.entitled`,
      values: [units.toString()],
    }),
  );
}
