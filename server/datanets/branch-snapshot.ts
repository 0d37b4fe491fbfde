/** A datanet that goes on from a snapshot of another: the same texts by the same people, under a new owner. */
import type { Id } from '@openledger/protocol';
import type { Clock } from '../platform/clock.ts';
import type { Reader, Tx } from '../platform/db.ts';
import { newId } from '../platform/new-id.ts';
import { sql } from '../platform/sql.ts';
import { lockDatanet, namedAlone } from './datanets.ts';
import { findSnapshot } from './snapshots.ts';

export type BranchOrder = {
  readonly snapshotId: Id<'snapshot'>;
  readonly name: string;
  readonly ownerId: Id<'party'>;
};

/**
 * Everything that the snapshot followed from comes along, with its contributors, its rights, its refinements and the
 * decisions that were made about it; what came after stays behind. What was withdrawn since is withdrawn in the branch too,
 * then and later. So the branch's first snapshot has the root of the one it came from, unless something was withdrawn, is
 * disputed, or the policy's shares of refiners changed in between.
 *
 * @throws not_found, conflict when the name is taken
 */
export async function branchSnapshot(
  tx: Tx,
  clock: Clock,
  { snapshotId, name, ownerId }: BranchOrder,
): Promise<Id<'datanet'>> {
  const { datanetId: from, manifest } = await findSnapshot(tx, snapshotId);
  await lockDatanet(tx, from);
  const id = newId('datanet', clock);
  const branch = { id, from, sealedAt: new Date(manifest.sealedAt) };
  await namedAlone(name, () =>
    tx.query(sql`
      insert into datanets.datanets
        (id, name, title, description, owner_id, licences, personal_data, access, read_units, identity_key, created_at,
         branched_from)
      select ${id}, ${name}, title, description, ${ownerId}, licences, personal_data, access, read_units, identity_key,
        ${clock.now()}, ${snapshotId}
      from datanets.datanets
      where id = ${from}`),
  );
  await copyContributions(tx, clock, branch);
  await copyRefinements(tx, branch);
  await copyDecisions(tx, clock, branch);
  return id;
}

type Branch = { readonly id: Id<'datanet'>; readonly from: string; readonly sealedAt: Date };

/** They keep the import that they came with, and when they came: both decide who was first. */
async function copyContributions(tx: Tx, clock: Clock, branch: Branch): Promise<void> {
  const { id, from, sealedAt } = branch;
  await tx.query(sql`
    insert into datanets.records
      (datanet_id, hash, text, size_bytes, quality, quality_version, withdrawn_at, withdrawal_reason, created_at)
    select ${id}, hash, text, size_bytes, quality, quality_version, withdrawn_at, withdrawal_reason, created_at
    from datanets.records
    where datanet_id = ${from} and created_at <= ${sealedAt}`);
  const rows = await tx.query<{ record_hash: string }>(sql`
    select record_hash
    from datanets.contributions
    where datanet_id = ${from} and created_at <= ${sealedAt}`);
  await tx.query(sql`
    insert into datanets.contributions
      (id, datanet_id, record_hash, sequence, party_id, import_id, licence, purposes, source, metadata, owners, authorship,
       created_at)
    select own.id, ${id}, record_hash, sequence, party_id, import_id, licence, purposes, source, metadata, owners,
      authorship, created_at
    from datanets.contributions
    join unnest(
      ${rows.map(() => newId('contribution', clock))}::text[],
      ${rows.map((row) => row.record_hash)}::text[]
    ) as own (id, hash) on own.hash = record_hash
    where datanet_id = ${from}`);
  await tx.query(sql`
    update datanets.datanets
    set records = (
      select coalesce(max(sequence), 0) from datanets.contributions where contributions.datanet_id = ${id})
    where id = ${id}`);
}

async function copyRefinements(tx: Tx, { id, from, sealedAt }: Branch): Promise<void> {
  await tx.query(sql`
    insert into datanets.refinements (datanet_id, parent_hash, refinement, refiner_id, unchanged, created_at)
    select ${id}, parent_hash, refinement, refiner_id, unchanged, created_at
    from datanets.refinements
    where datanet_id = ${from} and created_at <= ${sealedAt}`);
  await tx.query(sql`
    insert into datanets.lineage (datanet_id, parent_hash, refinement, position, child_hash, lines)
    select ${id}, parent_hash, refinement, position, child_hash, lines
    from datanets.lineage
    join datanets.refinements using (datanet_id, parent_hash, refinement)
    where datanet_id = ${from} and created_at <= ${sealedAt}`);
}

/** What is still open is the other datanet's to decide; the branch's seal proposes near duplicates anew. */
async function copyDecisions(tx: Tx, clock: Clock, { id, from, sealedAt }: Branch): Promise<void> {
  const rows = await tx.query<{ id: string }>(sql`
    select disputes.id
    from datanets.disputes
    where datanet_id = ${from} and closed_at <= ${sealedAt}
    order by disputes.id`);
  await tx.query(sql`
    insert into datanets.disputes
      (id, datanet_id, record_hash, kind, earlier_hash, claimant_id, spans, similarity_ppm, evidence, escrow_id, state,
       opened_at, closed_at, closed_by, reason)
    select own.id, ${id}, record_hash, kind, earlier_hash, claimant_id, spans, similarity_ppm, evidence, escrow_id, state,
      opened_at, closed_at, closed_by, reason
    from datanets.disputes
    join unnest(
      ${rows.map(() => newId('dispute', clock))}::text[], ${rows.map((row) => row.id)}::text[]
    ) as own (id, other) on own.other = disputes.id`);
}

/** Datanets that went on from a datanet's snapshots, and so on. */
export async function branchesOf(reader: Reader, datanetId: string): Promise<readonly string[]> {
  const rows = await reader.query<{ id: string }>(sql`
    with recursive branches (id) as (
      select ${datanetId}::text
      union
      select datanets.id
      from branches
      join datanets.snapshots on snapshots.datanet_id = branches.id
      join datanets.datanets on branched_from = snapshots.id
    )
    select id
    from branches
    where id <> ${datanetId}
    order by id`);
  return rows.map(({ id }) => id);
}

/** When the snapshots were sealed that a datanet's texts came before or after: its own, and those it went on from. */
export async function readSeals(reader: Reader, datanetId: string): Promise<readonly Date[]> {
  const rows = await reader.query<{ sealed_at: Date }>(sql`
    with recursive trunks (id, last) as (
      select ${datanetId}::text, null::integer
      union
      select origin.datanet_id, origin.sequence
      from trunks
      join datanets.datanets on datanets.id = trunks.id
      join datanets.snapshots origin on origin.id = branched_from
    )
    select distinct sealed_at
    from trunks
    join datanets.snapshots on datanet_id = trunks.id and (last is null or sequence <= last)
    order by sealed_at`);
  return rows.map(({ sealed_at }) => sealed_at);
}
