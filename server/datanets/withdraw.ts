/** Withdrawal: a contribution, and all that was refined from it, is never traced, retrieved or paid again. */
import { type Id, OpenLedgerError } from '@openledger/protocol';
import { type Caller, isAdmin } from '../identity/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Reader, Tx } from '../platform/db.ts';
import { sql } from '../platform/sql.ts';
import { branchesOf } from './branch-snapshot.ts';
import { createClaims } from './claims.ts';
import type { Owner } from './contributors.ts';
import { lockDatanet } from './datanets.ts';
import { type RefinerShares, readLineage } from './lineage.ts';
import { renewPool } from './pools.ts';

export type WithdrawalOrder = {
  readonly datanetId: Id<'datanet'>;
  /** A contributed record; refinements go with it. */
  readonly recordHash: string;
  readonly reason: string;
  readonly caller: Pick<Caller, 'partyId' | 'scopes'>;
};

export type Withdrawal = {
  readonly withdrawn: readonly string[];
  /** Snapshots that hold any of it, with the version of their pools from which it no longer counts. */
  readonly snapshots: readonly {
    readonly snapshotId: Id<'snapshot'>;
    readonly poolVersion: number;
  }[];
};

/**
 * Withdraws a record. Withdrawing it again changes nothing.
 *
 * A refinement goes with it where the record's contribution owns it, alone or with others; text that somebody else
 * contributed earlier stays. Nobody inherits: what is withdrawn stays reserved.
 *
 * @throws not_found, forbidden unless the caller contributed it, is one of its owners, owns the datanet or is an admin
 */
export async function withdraw(tx: Tx, clock: Clock, order: WithdrawalOrder): Promise<Withdrawal> {
  const datanet = await lockDatanet(tx, order.datanetId);
  await assertMayWithdraw(tx, order, datanet.ownerId);
  return withdrawAll(tx, clock, { ...order, recordHashes: [order.recordHash] });
}

/** Whose consent ends, in one datanet. */
export type ConsentWithdrawal = Omit<WithdrawalOrder, 'recordHash'> & {
  readonly contributorId: string;
};

/**
 * Withdraws every contribution that a party owns, alone or with others, together or not at all.
 *
 * @throws not_found for an unknown datanet, forbidden unless the caller is that party, owns the datanet or is an admin
 */
export async function withdrawContributor(
  tx: Tx,
  clock: Clock,
  order: ConsentWithdrawal,
): Promise<Withdrawal> {
  const { datanetId, contributorId, caller } = order;
  const { ownerId } = await lockDatanet(tx, datanetId);
  if (![contributorId, ownerId].includes(caller.partyId) && !isAdmin(caller)) {
    throw new OpenLedgerError(
      'forbidden',
      'Only a contributor himself and the owner of the datanet can withdraw all that is his.',
    );
  }
  const owned = await tx.query<{ hash: string }>(sql`
    select record_hash as hash
    from datanets.contributions
    where datanet_id = ${datanetId}
      and owners @> ${JSON.stringify([{ party: contributorId }])}::jsonb`);
  return withdrawAll(tx, clock, { ...order, recordHashes: owned.map(({ hash }) => hash) });
}

type Records = { readonly recordHashes: readonly string[]; readonly reason: string };

/** What goes here goes from every branch that took it along. */
async function withdrawAll(
  tx: Tx,
  clock: Clock,
  { datanetId, ...records }: Records & { readonly datanetId: string },
): Promise<Withdrawal> {
  const here = await withdrawFrom(tx, clock, { datanetId, ...records });
  const all = [here];
  for (const branch of await branchesOf(tx, datanetId)) {
    await lockDatanet(tx, branch);
    const taken = await tx.query<{ hash: string }>(sql`
      select record_hash as hash
      from datanets.contributions own
      join datanets.contributions taken using (record_hash, sequence, party_id, created_at)
      where own.datanet_id = ${datanetId} and taken.datanet_id = ${branch}
        and record_hash = any(${[...records.recordHashes]}::text[])`);
    const recordHashes = taken.map(({ hash }) => hash);
    all.push(await withdrawFrom(tx, clock, { ...records, datanetId: branch, recordHashes }));
  }
  return {
    withdrawn: [...new Set(all.flatMap(({ withdrawn }) => withdrawn))].sort(),
    snapshots: all.flatMap(({ snapshots }) => snapshots),
  };
}

async function withdrawFrom(
  tx: Tx,
  clock: Clock,
  { datanetId, recordHashes, reason }: Records & { readonly datanetId: string },
): Promise<Withdrawal> {
  const now = clock.now();
  const rows = await tx.query<{ hash: string }>(sql`
    update datanets.records
    set withdrawn_at = ${now}, withdrawal_reason = ${reason}
    where datanet_id = ${datanetId}
      and hash = any(${await ownedBy(tx, datanetId, recordHashes)}::text[])
      and withdrawn_at is null
    returning hash`);
  const withdrawn = rows.map(({ hash }) => hash).sort();
  await tx.query(sql`
    delete from datanets.embeddings
    where datanet_id = ${datanetId} and record_hash = any(${withdrawn}::text[])`);
  const affected = await tx.query<{ id: Id<'snapshot'> }>(sql`
    select distinct snapshot_id as id
    from datanets.leaves
    where datanet_id = ${datanetId} and record_hash = any(${withdrawn}::text[])
    order by snapshot_id`);
  const snapshots = [];
  for (const { id } of affected) {
    snapshots.push({ snapshotId: id, poolVersion: await strike(tx, id, withdrawn, now) });
  }
  return { withdrawn, snapshots };
}

async function assertMayWithdraw(
  reader: Reader,
  { datanetId, recordHash, caller }: WithdrawalOrder,
  datanetOwnerId: string,
): Promise<void> {
  const [contribution] = await reader.query<{ party_id: string; owners: Owner[] }>(sql`
    select party_id, owners
    from datanets.contributions
    where datanet_id = ${datanetId} and record_hash = ${recordHash}`);
  if (!contribution) {
    throw new OpenLedgerError(
      'not_found',
      `No contribution to this datanet is the record ${recordHash}.`,
      {
        recordHash,
      },
    );
  }
  const entitled = [
    ...[datanetOwnerId, contribution.party_id],
    ...contribution.owners.map(({ party }) => party),
  ];
  if (entitled.includes(caller.partyId) || isAdmin(caller)) return;
  throw new OpenLedgerError(
    'forbidden',
    'Only its contributors and the owner of the datanet can withdraw a record.',
  );
}

/** The records, and all that their contributions own of what was refined. */
async function ownedBy(
  reader: Reader,
  datanetId: string,
  recordHashes: readonly string[],
): Promise<readonly string[]> {
  const origins = new Set(recordHashes);
  const lineage = await readLineage(reader, datanetId, NO_SHARES);
  const claimOf = createClaims(lineage);
  const derived = new Set(lineage.edges.map(({ child }) => child));
  return [...new Set([...origins, ...derived])].filter((hash) =>
    claimOf(hash).claims.some(({ origin }) => origins.has(origin.hash)),
  );
}

/** Who has which part does not matter here. */
const NO_SHARES: RefinerShares = { clean: 0, chunk: 0, annotate: 0, translate: 0, qa: 0 };

/** Marks the leaves as not counting from the new pool version on. @returns that version */
async function strike(
  tx: Tx,
  snapshotId: string,
  hashes: readonly string[],
  now: Date,
): Promise<number> {
  await tx.query(sql`
    update datanets.leaves
    set withdrawn_from = (select max(version) + 1 from datanets.pools where pools.snapshot_id = ${snapshotId})
    where snapshot_id = ${snapshotId}
      and record_hash = any(${[...hashes]}::text[])
      and withdrawn_from is null`);
  return renewPool(tx, snapshotId, now);
}
