/**
 * Identity: who somebody is, which keys speak for him, and which wallet his earnings go to.
 *
 * It promises that
 * - an identity string has exactly one party, however often and by whomever it is named, and two parties are never merged;
 * - a key's secret is shown once and stored only as a hash; a revoked key stops at once in this process and within two
 *   seconds in others; a key hands on no more than it has;
 * - a wallet is bound by its own signature over a fresh challenge, and replaced only with the old wallet's signature;
 * - an unclaimed party's earnings go to a claimant only after the attesters needed have said so, each on record.
 *
 * It does not check a claim's evidence (attesters do), enforce spending limits (the gateway does) or hold money (the
 * ledger does). Contract wallets (EIP-1271) cannot sign here yet.
 *
 * Tables: identity.parties, keys, wallets, challenges, claims, attestations.
 */
import type { Id } from '@openledger/protocol';
import type { Clock } from '../platform/clock.ts';
import type { Db, Tx } from '../platform/db.ts';
import { sql } from '../platform/sql.ts';
import { createAuthenticator } from './authenticate.ts';
import { type Caller, isAdmin } from './caller.ts';
import { attestClaim, type Claim, findClaim, listClaims, requestClaim } from './claims.ts';
import {
  assertMayMake,
  createKey,
  findKey,
  findKeys,
  type Key,
  type KeyOrder,
  listKeys,
  revokeKey,
} from './keys.ts';
import { parseIdentity } from './parse-identity.ts';
import {
  findParties,
  findParty,
  insertParties,
  listParties,
  type Mention,
  type Party,
  type PartyQuery,
  resolveParties,
  type Wallet,
  walletsOf,
} from './parties.ts';
import { bindWallet, type Challenge, requestChallenge, type WalletProof } from './wallets.ts';

export { type Caller, isAdmin, type KeyLimits, mayDo } from './caller.ts';
export type { Claim } from './claims.ts';
export type { Key, KeyOrder } from './keys.ts';
export { parseIdentity } from './parse-identity.ts';
export type { Mention, Party, Wallet } from './parties.ts';
export type { Challenge } from './wallets.ts';

type Page = { readonly limit: number; readonly after?: string };
type NewKey = { readonly key: Key; readonly secret: string };

export type Identity = {
  /** @returns undefined for a secret that is unknown, revoked or expired */
  authenticate(secret: string): Promise<Caller | undefined>;

  /** Finds or makes the party of an identity. */
  resolveParty(tx: Tx, mention: Mention): Promise<Id<'party'>>;
  /** Many at once: party ids by identity, spelled as in the mentions. */
  resolveParties(tx: Tx, mentions: readonly Mention[]): Promise<ReadonlyMap<string, Id<'party'>>>;
  /** As `resolveParty`, for a party of this installation itself (`local:`), which imports may not name. */
  resolveLocalParty(tx: Tx, mention: Mention): Promise<Id<'party'>>;
  /** As `resolveParty`, for this installation and its admins: they may name its own parties (`local:`), imports may not. */
  registerParty(mention: Mention): Promise<Party>;
  /** @throws not_found */
  findParty(partyId: string): Promise<Party>;
  findParties(partyIds: readonly string[]): Promise<readonly Party[]>;
  listParties(query: PartyQuery): Promise<readonly Party[]>;
  /** The wallet in force of each party that has one. Several parties may share a wallet. */
  walletsOf(partyIds: readonly string[]): Promise<ReadonlyMap<string, Wallet>>;

  /** @throws forbidden when the order is more than the caller may hand on */
  createKey(caller: Caller, order: KeyOrder): Promise<NewKey>;
  /** As `createKey`, inside the caller's transaction. */
  createKeyIn(tx: Tx, caller: Caller, order: KeyOrder): Promise<NewKey>;
  findKey(caller: Caller, keyId: Id<'key'>): Promise<Key>;
  findKeys(keyIds: readonly string[]): Promise<readonly Key[]>;
  /** The caller's party's keys, or for admins another's. */
  listKeys(caller: Caller, query: Page & { readonly partyId?: string }): Promise<readonly Key[]>;
  revokeKey(caller: Caller, keyId: Id<'key'>): Promise<Key>;
  /** The first key of an installation; undefined where an admin's key is in force already. */
  ensureAdminKey(): Promise<NewKey | undefined>;

  requestChallenge(wish: { partyId: Id<'party'>; address: string }): Promise<Challenge>;
  bindWallet(proof: WalletProof): Promise<Party>;

  requestClaim(request: {
    claimantId: Id<'party'>;
    identity: string;
    evidence: string;
  }): Promise<Claim>;
  listClaims(caller: Caller, page: Page): Promise<readonly Claim[]>;
  attestClaim(attestation: {
    claimId: Id<'claim'>;
    attesterId: Id<'party'>;
    statement: string;
  }): Promise<Claim>;
};

const ADMIN = { identity: 'local:admin', kind: 'local', displayName: 'Admin' } as const;

/** @param attestersNeeded how many attesters make a claim true */
export function createIdentity({
  db,
  clock,
  attestersNeeded = 1,
}: {
  readonly db: Db;
  readonly clock: Clock;
  readonly attestersNeeded?: number;
}): Identity {
  const { authenticate, forget } = createAuthenticator(db, clock);
  const resolveLocalParty: Identity['resolveLocalParty'] = async (tx, mention) => {
    const parsed = { ...mention, ...parseIdentity(mention.identity) };
    return (await insertParties(tx, clock, [parsed])).get(parsed.identity)!;
  };
  const createKeyIn: Identity['createKeyIn'] = async (tx, caller, order) => {
    assertMayMake(caller, order);
    return createKey(tx, clock, order, caller.keyId);
  };
  return {
    authenticate,
    resolveParty: async (tx, mention) =>
      (await resolveParties(tx, clock, [mention])).get(mention.identity)!,
    resolveLocalParty,
    resolveParties: (tx, mentions) => resolveParties(tx, clock, mentions),
    registerParty: (mention) =>
      db.transaction(async (tx) => findParty(tx, await resolveLocalParty(tx, mention))),
    findParty: (partyId) => findParty(db, partyId),
    findParties: (partyIds) => findParties(db, partyIds),
    listParties: (query) => listParties(db, query),
    walletsOf: (partyIds) => walletsOf(db, partyIds),

    createKey: (caller, order) => db.transaction((tx) => createKeyIn(tx, caller, order)),
    createKeyIn,
    findKey: (caller, keyId) => findKey(db, caller, keyId),
    findKeys: (keyIds) => findKeys(db, keyIds),
    listKeys: (caller, query) => listKeys(db, caller, query),
    async revokeKey(caller, keyId) {
      await findKey(db, caller, keyId);
      await db.transaction((tx) => revokeKey(tx, clock, keyId));
      forget();
      return findKey(db, caller, keyId);
    },
    ensureAdminKey: () => db.transaction((tx) => ensureAdminKey(tx, clock)),

    requestChallenge: (wish) => db.transaction((tx) => requestChallenge(tx, clock, wish)),
    async bindWallet(proof) {
      await db.transaction((tx) => bindWallet(tx, clock, proof));
      return findParty(db, proof.partyId);
    },

    async requestClaim(request) {
      const claimId = await db.transaction((tx) => requestClaim(tx, clock, request));
      return findClaim(db, claimId);
    },
    listClaims: (caller, page) =>
      listClaims(db, { ...page, claimantId: isAdmin(caller) ? undefined : caller.partyId }),
    async attestClaim(attestation) {
      await db.transaction((tx) =>
        attestClaim(tx, clock, { ...attestation, needed: attestersNeeded }),
      );
      return findClaim(db, attestation.claimId);
    },
  };
}

async function ensureAdminKey(tx: Tx, clock: Clock): Promise<NewKey | undefined> {
  await tx.query(sql`select pg_advisory_xact_lock(7300101)`); // two processes at first start make one key
  const [inForce] = await tx.query(sql`
    select id
    from identity.keys
    where 'admin' = any(scopes)
      and revoked_at is null
      and (expires_at is null or expires_at > ${clock.now()})
    limit 1`);
  if (inForce) return undefined;
  const parties = await insertParties(tx, clock, [ADMIN]);
  const partyId = parties.get(ADMIN.identity)!;
  return createKey(tx, clock, { partyId, label: 'first admin key', scopes: ['admin'] });
}
