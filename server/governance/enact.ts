/** Puts a policy in force. */
import { canonicalize, defaultPolicy, FeePolicy, policyHash } from '@openledger/protocol';
import type { Tx } from '../platform/db.ts';
import { sql } from '../platform/sql.ts';

/** Puts the default policy in force unless some policy already is. */
export async function seedPolicy(tx: Tx, since: Date): Promise<void> {
  await tx.query(sql`lock table governance.terms in share row exclusive mode`);
  const terms = await tx.query(sql`select since from governance.terms limit 1`);
  if (terms.length === 0) await enact(tx, defaultPolicy, since);
}

/** Begins a term. The policy is checked whole before it can rule. */
export async function enact(tx: Tx, policy: FeePolicy, since: Date): Promise<void> {
  const checked = FeePolicy.parse(policy);
  const hash = policyHash(checked);
  await tx.query(sql`
    insert into governance.policies (hash, document)
    values (${hash}, ${canonicalize(checked)})
    on conflict (hash) do nothing`);
  await tx.query(sql`insert into governance.terms (since, hash) values (${since}, ${hash})`);
}
