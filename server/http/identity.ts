/** Identity over HTTP. */
import { api, type OutputOf } from '@openledger/protocol';
import {
  type Caller,
  type Claim,
  type Identity,
  isAdmin,
  type Key,
  type KeyLimits,
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

    createKey: async ({ partyId, label, scopes, models, ...mandate }, { caller }) => {
      const { key, secret } = await identity.createKey(caller, {
        ...{ partyId: partyId ?? caller.partyId, label, scopes, models },
        ...readMandate(mandate),
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

/** What a key may spend and use, and until when. */
export const readMandate = ({ limitUnits, expiresAt, ...limits }: WireMandate) => ({
  limitUnits: limitUnits === undefined ? undefined : BigInt(limitUnits),
  limits: readLimits(limits),
  expiresAt: expiresAt === undefined ? undefined : new Date(expiresAt),
});

type WireLimits = Pick<
  OutputOf<typeof api.identity.revokeKey>,
  'dailyUnits' | 'modelUnits' | 'requestsPerMinute' | 'tokensPerMinute'
>;
type WireMandate = WireLimits & { readonly limitUnits?: string; readonly expiresAt?: string };

function readLimits({ dailyUnits, modelUnits, ...rates }: WireLimits): KeyLimits | undefined {
  const limits: KeyLimits = {
    ...rates,
    ...(dailyUnits !== undefined && { dailyUnits: BigInt(dailyUnits) }),
    ...(modelUnits && { modelUnits: mapValues(modelUnits, BigInt) }),
  };
  return Object.values(limits).some((limit) => limit !== undefined) ? limits : undefined;
}

const wireLimits = ({ dailyUnits, modelUnits, ...rates }: KeyLimits): WireLimits => ({
  ...rates,
  dailyUnits: dailyUnits?.toString(),
  modelUnits: modelUnits && mapValues(modelUnits, String),
});

const mapValues = <From, To>(
  record: Readonly<Record<string, From>>,
  map: (value: From) => To,
): Record<string, To> =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(value)]));

export const wireKey = ({ limits, ...key }: Key): OutputOf<typeof api.identity.revokeKey> => ({
  ...key,
  ...(limits && wireLimits(limits)),
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
