/** Identity over HTTP. */
import { api, type OutputOf } from '@openledger/protocol';
import {
  type Caller,
  type Claim,
  type Identity,
  isAdmin,
  type Key,
  type Party,
} from '../identity/index.ts';
import { implement, type Route } from './implement.ts';
import { pageFrom } from './page.ts';

export const identityRoutes = ({ identity }: { readonly identity: Identity }): readonly Route[] =>
  implement(api.identity, {
    whoami: async (_, { caller }) => ({
      party: wireParty(await identity.findParty(caller.partyId), caller),
      key: wireKey(await identity.findKey(caller, caller.keyId)),
    }),
    createParty: async (mention, { caller }) =>
      wireParty(await identity.registerParty(mention), caller),
    getParty: async ({ partyId }, { caller }) =>
      wireParty(await identity.findParty(partyId), caller),
    listParties: async (query, { caller }) =>
      pageFrom(await identity.listParties(query), query, (party) => wireParty(party, caller)),

    createKey: async ({ limitUnits, expiresAt, ...order }, { caller }) => {
      const { key, secret } = await identity.createKey(caller, {
        ...order,
        partyId: order.partyId ?? caller.partyId,
        limitUnits: limitUnits === undefined ? undefined : BigInt(limitUnits),
        expiresAt: expiresAt === undefined ? undefined : new Date(expiresAt),
      });
      return { key: wireKey(key), secret };
    },
    listKeys: async (query, { caller }) =>
      pageFrom(await identity.listKeys(caller, query), query, wireKey),
    revokeKey: async ({ keyId }, { caller }) => wireKey(await identity.revokeKey(caller, keyId)),

    requestChallenge: async ({ address }, { caller }) => {
      const { id, expiresAt, ...challenge } = await identity.requestChallenge({
        partyId: caller.partyId,
        address,
      });
      return { challengeId: id, ...challenge, expiresAt: expiresAt.toISOString() };
    },
    bindWallet: async (proof, { caller }) =>
      wireParty(await identity.bindWallet({ ...proof, partyId: caller.partyId }), caller),

    requestClaim: async (request, { caller }) =>
      wireClaim(await identity.requestClaim({ ...request, claimantId: caller.partyId })),
    listClaims: async (page, { caller }) =>
      pageFrom(await identity.listClaims(caller, page), page, wireClaim),
    attestClaim: async (attestation, { caller }) =>
      wireClaim(await identity.attestClaim({ ...attestation, attesterId: caller.partyId })),
  });

/** Hints may hold what its author did not mean to publish: only the party itself and admins see them. */
const wireParty = (
  { hints, createdAt, ...party }: Party,
  caller: Caller,
): OutputOf<typeof api.identity.getParty> => ({
  ...party,
  hints: party.id === caller.partyId || isAdmin(caller) ? { ...hints } : undefined,
  createdAt: createdAt.toISOString(),
});

export const wireKey = (key: Key): OutputOf<typeof api.identity.revokeKey> => ({
  ...key,
  scopes: [...key.scopes],
  models: key.models && [...key.models],
  limitUnits: key.limitUnits?.toString(),
  expiresAt: key.expiresAt?.toISOString(),
  revokedAt: key.revokedAt?.toISOString(),
  createdAt: key.createdAt.toISOString(),
});

const wireClaim = (claim: Claim): OutputOf<typeof api.identity.attestClaim> => ({
  ...claim,
  attestations: claim.attestations.map(({ at, ...said }) => ({ ...said, at: at.toISOString() })),
  createdAt: claim.createdAt.toISOString(),
});
