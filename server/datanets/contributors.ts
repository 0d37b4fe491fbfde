/** From who wrote a text, as an importer saw it, to parties and their weights. */
import { createHmac } from 'node:crypto';
import {
  type ContributorIdentity,
  type Draft,
  entitlementOf,
  OpenLedgerError,
} from '@openledger/protocol';
import { type Identity, type Mention, parseIdentity } from '../identity/index.ts';
import type { Tx } from '../platform/db.ts';

/** An owner of a contributed record. Weights of a record sum to 2^64; as decimal text, the way they are stored. */
export type Owner = { readonly party: string; readonly identity: string; readonly weight: string };

/** A contributor by name, before it is known which party that is. */
export type Named = { readonly mention: Mention; readonly weight: bigint };

/**
 * Spells a draft's contributors as identities.
 *
 * An address becomes `git:<HMAC-SHA-256 of the lower-case address>` under the datanet's own key: a bare hash could be
 * guessed, and no other datanet can link it.
 *
 * @returns undefined where the draft names nobody
 * @throws invalid_input when an identity is malformed, or belongs to this installation
 */
export function nameContributors(
  { contributors }: Draft,
  identityKey: Uint8Array,
): readonly Named[] | undefined {
  return contributors?.map(({ identity, weight, hint }) => ({
    mention: { identity: spell(identity, identityKey), ...(hint ? { hints: hint } : {}) },
    weight: BigInt(weight),
  }));
}

function spell(identity: ContributorIdentity, identityKey: Uint8Array): string {
  if (typeof identity !== 'string') {
    const address = identity.email.trim().toLowerCase();
    return `git:${createHmac('sha256', identityKey).update(address).digest('hex')}`;
  }
  const parsed = parseIdentity(identity);
  if (parsed.kind === 'local') {
    throw new OpenLedgerError('invalid_input', `${identity} belongs to this installation.`);
  }
  return parsed.identity;
}

/** Owners, and the party of each name, in the order of the names. */
export type Resolved = { readonly owners: readonly Owner[]; readonly partyOf: readonly string[] };

/** Finds or makes the parties of many records' contributors at once. @returns in the order of the records */
export async function resolveOwners(
  tx: Tx,
  identity: Identity,
  records: readonly (readonly Named[])[],
): Promise<readonly Resolved[]> {
  const mentions = records.flat().map(({ mention }) => mention);
  if (mentions.length === 0) return records.map(() => ({ owners: [], partyOf: [] }));
  const parties = await identity.resolveParties(tx, mentions);
  return records.map((named) => {
    const identities = new Map<string, string>();
    const claims = named.map(({ mention, weight }) => {
      const party = parties.get(mention.identity)!;
      if (!identities.has(party)) identities.set(party, mention.identity);
      return { party, weight };
    });
    const owners = entitlementOf(claims).map(({ party, weight }) => ({
      party,
      identity: identities.get(party)!,
      weight: weight.toString(),
    }));
    return { owners, partyOf: claims.map(({ party }) => party) };
  });
}
