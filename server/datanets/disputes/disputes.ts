/** Disputes over whose a text is: opened by a proposal or a proof, closed by a decision, and never decided by themselves. */
import { type Id, isId, OpenLedgerError } from '@openledger/protocol';
import { type Caller, type Identity, isAdmin } from '../../identity/index.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Reader, Tx } from '../../platform/db.ts';
import { newId } from '../../platform/new-id.ts';
import { sql } from '../../platform/sql.ts';
import type { Owner } from '../contributors.ts';
import { lockDatanet } from '../datanets.ts';
import type { TokenSpan } from '../ownership/near-duplicates.ts';

export type DisputeKind = 'near_duplicate' | 'earlier_proof';
export type DisputeState = 'open' | 'upheld' | 'dismissed';

export type Dispute = {
  readonly id: Id<'dispute'>;
  readonly datanetId: Id<'datanet'>;
  /** The record whose owners are in question. */
  readonly recordHash: string;
  readonly kind: DisputeKind;
  /** Whose owners would have it; undefined where a party claims it. */
  readonly earlierHash: string | undefined;
  readonly claimantId: Id<'party'> | undefined;
  /** Disputed tokens; undefined: all. */
  readonly spans: readonly TokenSpan[] | undefined;
  readonly similarityPpm: number | undefined;
  readonly evidence: string;
  /** What the disputed text earns waits with this party. */
  readonly escrowId: Id<'party'>;
  readonly state: DisputeState;
  readonly openedAt: Date;
  readonly closedAt: Date | undefined;
  readonly closedBy: Id<'party'> | undefined;
  readonly reason: string | undefined;
};

/** How long after its acceptance a record's owners can be displaced by an earlier proof. */
const CHALLENGE_DAYS = 30;
const DAY_MS = 86_400_000;

export type ProofOrder = {
  readonly datanetId: Id<'datanet'>;
  readonly recordHash: string;
  readonly claimantId: Id<'party'>;
  /** Where it can be seen that the claimant had the text before: for the one who decides. */
  readonly evidence: string;
};

/**
 * Somebody says that a contributed record is his, and how that can be seen. Opening the same dispute again changes nothing.
 *
 * @throws not_found, conflict for one's own record, unprocessable when the record was accepted too long ago or is withdrawn
 */
export async function openDispute(
  tx: Tx,
  handles: { readonly identity: Identity; readonly clock: Clock },
  { datanetId, recordHash, claimantId, evidence }: ProofOrder,
): Promise<Id<'dispute'>> {
  await lockDatanet(tx, datanetId);
  const [record] = await tx.query<{ owners: Owner[]; created_at: Date; withdrawn: boolean }>(sql`
    select owners, contributions.created_at, withdrawn_at is not null as withdrawn
    from datanets.contributions
    join datanets.records on records.datanet_id = contributions.datanet_id and hash = record_hash
    where contributions.datanet_id = ${datanetId} and record_hash = ${recordHash}`);
  if (!record) {
    throw new OpenLedgerError('not_found', `No contribution to this datanet is ${recordHash}.`, {
      recordHash,
    });
  }
  if (record.withdrawn) {
    throw new OpenLedgerError('unprocessable', 'The record was withdrawn: nobody is paid for it.');
  }
  if (record.owners.every(({ party }) => party === claimantId)) {
    throw new OpenLedgerError('conflict', 'The record belongs to the claimant already.');
  }
  const ageMs = handles.clock.now().getTime() - record.created_at.getTime();
  if (ageMs > CHALLENGE_DAYS * DAY_MS) {
    throw new OpenLedgerError(
      'unprocessable',
      `The record was accepted more than ${CHALLENGE_DAYS} days ago.`,
      { acceptedAt: record.created_at.toISOString() },
    );
  }
  await insertDisputes(tx, handles, datanetId, [
    { recordHash, kind: 'earlier_proof', claimantId, evidence },
  ]);
  const [{ id }] = await tx.query<{ id: Id<'dispute'> }>(sql`
    select id
    from datanets.disputes
    where datanet_id = ${datanetId} and record_hash = ${recordHash} and claimant_id = ${claimantId}`);
  return id;
}

export type NewDispute = Pick<Dispute, 'recordHash' | 'kind' | 'evidence'> &
  Partial<Pick<Dispute, 'earlierHash' | 'claimantId' | 'spans' | 'similarityPpm'>>;

/** Each gets a party that its earnings wait with. What is there already stays as it is. */
export async function insertDisputes(
  tx: Tx,
  { identity, clock }: { readonly identity: Identity; readonly clock: Clock },
  datanetId: string,
  disputes: readonly NewDispute[],
): Promise<void> {
  for (const dispute of disputes) {
    const [known] = await tx.query(sql`
      select id
      from datanets.disputes
      where datanet_id = ${datanetId} and record_hash = ${dispute.recordHash}
        and (earlier_hash = ${dispute.earlierHash ?? null} or claimant_id = ${dispute.claimantId ?? null})`);
    if (known) continue;
    const id = newId('dispute', clock);
    const escrowId = await identity.resolveLocalParty(tx, {
      identity: `local:dispute-${id.slice(id.indexOf('_') + 1)}`,
      displayName: 'Disputed text',
    });
    await tx.query(sql`
      insert into datanets.disputes
        (id, datanet_id, record_hash, kind, earlier_hash, claimant_id, spans, similarity_ppm, evidence, escrow_id,
         state, opened_at)
      values
        (${id}, ${datanetId}, ${dispute.recordHash}, ${dispute.kind}, ${dispute.earlierHash ?? null},
         ${dispute.claimantId ?? null}, ${dispute.spans ? JSON.stringify(dispute.spans) : null}::jsonb,
         ${dispute.similarityPpm ?? null}, ${dispute.evidence}, ${escrowId}, 'open', ${clock.now()})`);
  }
}

export type Decision = {
  readonly disputeId: Id<'dispute'>;
  readonly decision: 'uphold' | 'dismiss';
  readonly reason: string;
  readonly caller: Pick<Caller, 'partyId' | 'scopes'>;
};

/**
 * Closes a dispute: from the next seal on the text is the claimant's, or again its owners', and so is what it earned meanwhile.
 *
 * The datanet's owner decides. Who stands against his own interest may too: an owner of the record upholds, the claimant
 * dismisses.
 *
 * @throws not_found, forbidden, conflict when it was decided otherwise before
 */
export async function closeDispute(
  tx: Tx,
  clock: Clock,
  { disputeId, decision, reason, caller }: Decision,
): Promise<void> {
  const dispute = await findDispute(tx, disputeId);
  const { ownerId } = await lockDatanet(tx, dispute.datanetId);
  const yielding = decision === 'uphold' ? dispute.recordHash : dispute.earlierHash;
  const owners = yielding === undefined ? [] : await soleOwners(tx, dispute.datanetId, yielding);
  const mayDecide =
    caller.partyId === ownerId ||
    isAdmin(caller) ||
    owners.includes(caller.partyId) ||
    (decision === 'dismiss' && caller.partyId === dispute.claimantId);
  if (!mayDecide) {
    throw new OpenLedgerError(
      'forbidden',
      'The owner of the datanet decides, or who gives way by it.',
      { disputeId },
    );
  }
  const state: DisputeState = decision === 'uphold' ? 'upheld' : 'dismissed';
  const current = await findDispute(tx, disputeId);
  if (current.state === state) return;
  if (current.state !== 'open') {
    throw new OpenLedgerError('conflict', `The dispute was ${current.state} before.`, {
      disputeId,
    });
  }
  await tx.query(sql`
    update datanets.disputes
    set state = ${state}, closed_at = ${clock.now()}, closed_by = ${caller.partyId}, reason = ${reason}
    where id = ${disputeId}`);
}

/** Whoever owns a record alone can give it away; one of several cannot speak for the others. */
async function soleOwners(
  reader: Reader,
  datanetId: string,
  recordHash: string,
): Promise<readonly string[]> {
  const [row] = await reader.query<{ owners: Owner[] }>(sql`
    select owners
    from datanets.contributions
    where datanet_id = ${datanetId} and record_hash = ${recordHash}`);
  return row?.owners.length === 1 ? [row.owners[0].party] : [];
}

/** @throws not_found */
export async function findDispute(reader: Reader, disputeId: string): Promise<Dispute> {
  const [row] = await reader.query<Row>(sql`${columns} where id = ${disputeId}`);
  if (row) return fromRow(row);
  throw new OpenLedgerError('not_found', `There is no dispute ${disputeId}.`, { disputeId });
}

/** Oldest first. */
export async function listDisputes(
  reader: Reader,
  query: {
    readonly datanetId: string;
    readonly state?: DisputeState | undefined;
    readonly limit: number;
    readonly after?: string;
  },
): Promise<readonly Dispute[]> {
  const rows = await reader.query<Row>(sql`
    ${columns}
    where datanet_id = ${query.datanetId}
      and (${query.state ?? null}::text is null or state = ${query.state ?? null})
      and id > ${query.after ?? ''}
    order by id
    limit ${query.limit}`);
  return rows.map(fromRow);
}

type Row = {
  id: Id<'dispute'>;
  datanet_id: Id<'datanet'>;
  record_hash: string;
  kind: DisputeKind;
  earlier_hash: string | null;
  claimant_id: string | null;
  spans: [number, number][] | null;
  similarity_ppm: number | null;
  evidence: string;
  escrow_id: Id<'party'>;
  state: DisputeState;
  opened_at: Date;
  closed_at: Date | null;
  closed_by: Id<'party'> | null;
  reason: string | null;
};

const columns = sql`
  select id, datanet_id, record_hash, kind, earlier_hash, claimant_id, spans, similarity_ppm, evidence, escrow_id,
    state, opened_at, closed_at, closed_by, reason
  from datanets.disputes`;

const fromRow = (row: Row): Dispute => ({
  id: row.id,
  datanetId: row.datanet_id,
  recordHash: row.record_hash,
  kind: row.kind,
  earlierHash: row.earlier_hash ?? undefined,
  claimantId: row.claimant_id && isId('party', row.claimant_id) ? row.claimant_id : undefined,
  spans: row.spans ?? undefined,
  similarityPpm: row.similarity_ppm ?? undefined,
  evidence: row.evidence,
  escrowId: row.escrow_id,
  state: row.state,
  openedAt: row.opened_at,
  closedAt: row.closed_at ?? undefined,
  closedBy: row.closed_by ?? undefined,
  reason: row.reason ?? undefined,
});
