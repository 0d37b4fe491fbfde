/** Claims: somebody says that an unclaimed identity is his; attesters say that it is so. */
import { type Id, OpenLedgerError } from '@openledger/protocol';
import type { Clock } from '../platform/clock.ts';
import type { Reader, Tx } from '../platform/db.ts';
import { newId } from '../platform/new-id.ts';
import { sql } from '../platform/sql.ts';
import { parseIdentity } from './parse-identity.ts';
import { findParty, type Party } from './parties.ts';

export type Claim = {
  readonly id: Id<'claim'>;
  readonly partyId: Id<'party'>;
  readonly identity: string;
  readonly claimantId: Id<'party'>;
  readonly evidence: string;
  readonly state: 'open' | 'granted' | 'superseded';
  readonly attestations: readonly Attestation[];
  readonly createdAt: Date;
};

export type Attestation = {
  readonly attesterId: Id<'party'>;
  readonly statement: string;
  readonly at: Date;
};

/**
 * @throws not_found when nobody of this identity is known yet
 * @throws conflict when it has a wallet or a holder, or is claimed by the same party already
 */
export async function requestClaim(
  tx: Tx,
  clock: Clock,
  request: {
    readonly claimantId: Id<'party'>;
    readonly identity: string;
    readonly evidence: string;
  },
): Promise<Id<'claim'>> {
  const { identity } = parseIdentity(request.identity);
  const [row] = await tx.query<{ id: string }>(
    sql`select id from identity.parties where identity = ${identity}`,
  );
  if (!row)
    throw new OpenLedgerError('not_found', `Nobody is known as ${identity} yet.`, { identity });
  const party = await findParty(tx, row.id);
  assertClaimable(party);
  if (party.id === request.claimantId) {
    throw new OpenLedgerError(
      'conflict',
      `${identity} is the claimant's own identity: bind a wallet to it.`,
    );
  }
  const inserted = await tx.query<{ id: Id<'claim'> }>(sql`
    insert into identity.claims (id, party_id, claimant_id, evidence, state, created_at)
    values (${newId('claim', clock)}, ${party.id}, ${request.claimantId}, ${request.evidence}, 'open', ${clock.now()})
    on conflict do nothing
    returning id`);
  if (inserted.length === 0)
    throw new OpenLedgerError('conflict', `${identity} is claimed by you already.`);
  return inserted[0].id;
}

/**
 * Records an attestation; the last one needed grants the claim: from then on the party's earnings go to the claimant's
 * wallet. The two stay two parties.
 *
 * @throws conflict when the claim is not open, or the attester attested it before
 * @throws forbidden when the attester is the claimant
 * @throws unprocessable when the claimant has no wallet to receive with
 */
export async function attestClaim(
  tx: Tx,
  clock: Clock,
  attestation: {
    readonly claimId: Id<'claim'>;
    readonly attesterId: Id<'party'>;
    readonly statement: string;
    /** How many attesters make a claim true. */
    readonly needed: number;
  },
): Promise<void> {
  const { claimId, attesterId, statement, needed } = attestation;
  await lockClaimedParty(tx, claimId); // two claims to one party, or two attesters of one claim, take turns
  const claim = await findClaim(tx, claimId);
  if (claim.state !== 'open') throw new OpenLedgerError('conflict', `The claim is ${claim.state}.`);
  if (claim.claimantId === attesterId) {
    throw new OpenLedgerError('forbidden', 'Nobody attests his own claim.');
  }
  assertClaimable(await findParty(tx, claim.partyId));
  const claimant = await findParty(tx, claim.claimantId);
  if (!claimant.wallet || claimant.holderId) {
    throw new OpenLedgerError(
      'unprocessable',
      'The claimant has no wallet of his own to receive with.',
    );
  }
  if (claim.attestations.some((earlier) => earlier.attesterId === attesterId)) {
    throw new OpenLedgerError('conflict', 'You attested this claim before.');
  }
  await tx.query(sql`
    insert into identity.attestations (claim_id, attester_id, statement, attested_at)
    values (${claimId}, ${attesterId}, ${statement}, ${clock.now()})`);
  if (claim.attestations.length + 1 >= needed) await grant(tx, claim);
}

async function lockClaimedParty(tx: Tx, claimId: Id<'claim'>): Promise<void> {
  await tx.query(sql`
    select from identity.parties
    where id = (select party_id from identity.claims where id = ${claimId})
    for update`);
}

async function grant(tx: Tx, { id, partyId }: Claim): Promise<void> {
  await tx.query(sql`
    update identity.claims
    set state = case when id = ${id} then 'granted' else 'superseded' end
    where party_id = ${partyId} and state = 'open'`);
}

/** Nobody claims what has proved itself, or what the installation is. */
function assertClaimable({ identity, kind, wallet, holderId }: Party): void {
  if (holderId)
    throw new OpenLedgerError('conflict', `${identity} has been claimed.`, { holderId });
  if (wallet) throw new OpenLedgerError('conflict', `${identity} has a wallet of its own.`);
  if (kind === 'local') throw new OpenLedgerError('conflict', `${identity} cannot be claimed.`);
}

/** @throws not_found */
export async function findClaim(reader: Reader, claimId: Id<'claim'>): Promise<Claim> {
  const [row] = await reader.query<ClaimRow>(sql`${claimColumns} where claim.id = ${claimId}`);
  if (!row) throw new OpenLedgerError('not_found', `There is no claim ${claimId}.`, { claimId });
  return toClaim(row);
}

/** @param claimantId whose claims; undefined = everybody's */
export async function listClaims(
  reader: Reader,
  query: { readonly claimantId?: string; readonly limit: number; readonly after?: string },
): Promise<readonly Claim[]> {
  const claimantId = query.claimantId ?? null;
  const rows = await reader.query<ClaimRow>(sql`
    ${claimColumns}
    where (${claimantId}::text is null or claim.claimant_id = ${claimantId})
      and claim.id > ${query.after ?? ''}
    order by claim.id
    limit ${query.limit}`);
  return rows.map(toClaim);
}

type ClaimRow = {
  id: Id<'claim'>;
  party_id: Id<'party'>;
  identity: string;
  claimant_id: Id<'party'>;
  evidence: string;
  state: Claim['state'];
  attestations: { attesterId: Id<'party'>; statement: string; at: string }[];
  created_at: Date;
};

const claimColumns = sql`
  select claim.id, claim.party_id, party.identity, claim.claimant_id, claim.evidence, claim.state, claim.created_at,
         (select coalesce(json_agg(json_build_object('attesterId', attester_id, 'statement', statement, 'at', attested_at)
                                   order by attested_at, attester_id), '[]')
          from identity.attestations
          where claim_id = claim.id) as attestations
  from identity.claims claim
  join identity.parties party on party.id = claim.party_id`;

const toClaim = (row: ClaimRow): Claim => ({
  id: row.id,
  partyId: row.party_id,
  identity: row.identity,
  claimantId: row.claimant_id,
  evidence: row.evidence,
  state: row.state,
  attestations: row.attestations.map((one) => ({ ...one, at: new Date(one.at) })),
  createdAt: row.created_at,
});
