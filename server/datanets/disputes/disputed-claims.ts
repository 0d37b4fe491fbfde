/** What disputes change of the claims to contributed records: open ones send text to escrow, upheld ones to the claimant. */
import { type EntitlementVector, WEIGHT_ONE } from '@openledger/protocol';
import type { Reader } from '../../platform/db.ts';
import { sql } from '../../platform/sql.ts';
import type { DatanetLineage } from '../claims.ts';
import type { TokenSpan } from '../ownership/near-duplicates.ts';
import { type ClaimRun, UNPAID } from '../ownership/ownership.ts';

/** Rewrites the claims to a record. */
export type DisputedClaims = (
  recordHash: string,
  claims: readonly ClaimRun[],
) => readonly ClaimRun[];

/** Disputes in the order in which they were opened: of two over the same text the later one counts. */
export async function readDisputedClaims(
  reader: Reader,
  datanetId: string,
  { contributions, withdrawn }: Pick<DatanetLineage, 'contributions' | 'withdrawn'>,
): Promise<DisputedClaims> {
  const rows = await reader.query<{
    record_hash: string;
    earlier_hash: string | null;
    claimant_id: string | null;
    spans: [number, number][] | null;
    escrow_id: string;
    state: 'open' | 'upheld';
  }>(sql`
    select record_hash, earlier_hash, claimant_id, spans, escrow_id, state
    from datanets.disputes
    where datanet_id = ${datanetId} and state <> 'dismissed'
    order by id`);
  const ownersOf = new Map(contributions.map(({ hash, owners }) => [hash, owners]));
  const disputesOf = new Map<string, { spans: TokenSpan[] | null; owners: EntitlementVector }[]>();
  for (const row of rows) {
    const claimant = row.claimant_id
      ? alone(row.claimant_id)
      : withdrawn.has(row.earlier_hash!)
        ? UNPAID
        : ownersOf.get(row.earlier_hash!)!;
    const owners = row.state === 'open' ? alone(row.escrow_id) : claimant;
    const known = disputesOf.get(row.record_hash);
    if (known) known.push({ spans: row.spans, owners });
    else disputesOf.set(row.record_hash, [{ spans: row.spans, owners }]);
  }
  return (recordHash, claims) => {
    const end = claims.reduce((sum, { tokens }) => sum + tokens, 0);
    return (disputesOf.get(recordHash) ?? []).reduce(
      (all, { spans, owners }) =>
        (spans ?? [[0, end] as const]).reduce((cut, span) => [...givenTo(cut, span, owners)], all),
      claims,
    );
  };
}

const alone = (party: string): EntitlementVector => [{ party, weight: WEIGHT_ONE }];

/** The claims, those to the span being somebody else's. */
function* givenTo(
  claims: readonly ClaimRun[],
  [from, to]: TokenSpan,
  owners: EntitlementVector,
): Generator<ClaimRun> {
  let at = 0;
  for (const claim of claims) {
    const end = at + claim.tokens;
    const first = Math.min(Math.max(from, at), end);
    const last = Math.min(Math.max(to, first), end);
    if (first > at) yield { tokens: first - at, owners: claim.owners };
    if (last > first) yield { tokens: last - first, owners };
    if (end > last) yield { tokens: end - last, owners: claim.owners };
    at = end;
  }
}
