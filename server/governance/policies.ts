/** Reads policies by name and by time. */
import { FeePolicy, OpenLedgerError, parseCanonical } from '@openledger/protocol';
import type { Reader } from '../platform/db.ts';
import { prepared, sql } from '../platform/sql.ts';

/** A policy and its name. `inForceSince` is the beginning of its latest term. */
export type EnactedPolicy = {
  readonly hash: string;
  readonly policy: FeePolicy;
  readonly inForceSince: Date;
};

type Row = { hash: string; document: string; since: Date };

export async function policyInForce(on: Reader, at: Date): Promise<EnactedPolicy> {
  const [row] = await on.query<Row>(
    prepared(
      'governance.policy-at',
      sql`
    select policies.hash, document, since
    from governance.terms
    join governance.policies using (hash)
    where since <= ${at}
    order by since desc
    limit 1`,
    ),
  );
  if (!row) throw new Error('No policy is in force: governance was not started.');
  return fromRow(row);
}

/** @throws not_found when no policy of this hash was in force until `at` */
export async function findPolicy(on: Reader, hash: string, at: Date): Promise<EnactedPolicy> {
  const [row] = await on.query<Row>(
    prepared(
      'governance.find-policy',
      sql`
    select policies.hash, document, since
    from governance.terms
    join governance.policies using (hash)
    where policies.hash = ${hash} and since <= ${at}
    order by since desc
    limit 1`,
    ),
  );
  if (!row)
    throw new OpenLedgerError('not_found', `No policy ${hash} was ever in force.`, { hash });
  return fromRow(row);
}

const fromRow = ({ hash, document, since }: Row): EnactedPolicy => ({
  hash,
  policy: FeePolicy.parse(parseCanonical(document)),
  inForceSince: since,
});
