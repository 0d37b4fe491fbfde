/** Operations of identity: parties, keys, wallets, and claims of unclaimed identities. */
import { z } from 'zod';
import { idSchema } from '../ids.ts';
import { Units } from '../money.ts';
import { type Operations, scopes } from '../operations.ts';
import { Address, WalletSignature } from '../signatures.ts';
import { pageOf, paging } from './paging.ts';

/** What an identity names: a wallet, something not yet claimed, or (`local`) the installation itself. */
export const partyKinds = [
  'eip155',
  'npm-package',
  'npm',
  'git',
  'github',
  'handle',
  'local',
] as const;

/** `<kind>:<name>`; what a name may be depends on the kind and is checked by the server. */
const IdentityText = z.string().min(3).max(300);

const Time = z.iso.datetime();

export const Party = z.object({
  id: idSchema('party'),
  identity: IdentityText,
  kind: z.enum(partyKinds),
  displayName: z.string().optional(),
  /** Where its earnings go; absent while nobody has proved that the identity is his. */
  wallet: Address.optional(),
  /** The party whose claim to this identity was attested; its wallet receives. */
  holderId: idSchema('party').optional(),
  /** What an importer saw beside the name: a hint for a claim, not proof. Shown to the party and to admins. */
  hints: z.record(z.string(), z.unknown()).optional(),
  createdAt: Time,
});

const isBetween = (n: number, least: number, most: number): boolean => n >= least && n <= most;

/** What a key may use, beside what it may ever spend; absent = no such limit. */
export const keyLimits = {
  /** The most it may spend a day, by UTC. */
  dailyUnits: Units.optional(),
  /** The most it may ever spend on each of these models. */
  modelUnits: z
    .record(z.string().min(1).max(200), Units)
    .refine((units) => isBetween(Object.keys(units).length, 1, 100), 'Name 1 to 100 models.')
    .optional(),
  requestsPerMinute: z.number().int().min(1).max(1_000_000).optional(),
  /** Of prompts and answers together. */
  tokensPerMinute: z.number().int().min(1).max(1_000_000_000).optional(),
};

export const Key = z.object({
  id: idSchema('key'),
  partyId: idSchema('party'),
  label: z.string(),
  /** The secret's first characters, to tell keys apart. */
  hint: z.string(),
  scopes: z.array(z.enum(scopes)),
  /** The most this key may ever spend; absent = its party's balance is the only limit. */
  limitUnits: Units.optional(),
  ...keyLimits,
  /** The models it may call; absent = all. */
  models: z.array(z.string()).optional(),
  expiresAt: Time.optional(),
  revokedAt: Time.optional(),
  createdAt: Time,
});

export const Claim = z.object({
  id: idSchema('claim'),
  /** The unclaimed party. */
  partyId: idSchema('party'),
  identity: IdentityText,
  claimantId: idSchema('party'),
  evidence: z.string(),
  state: z.enum(['open', 'granted', 'superseded']),
  attestations: z.array(
    z.object({ attesterId: idSchema('party'), statement: z.string(), at: Time }),
  ),
  createdAt: Time,
});

export const identityOperations = {
  whoami: {
    summary: 'Say whose key this is and what it may do',
    method: 'GET',
    path: '/api/identity/whoami',
    scope: 'read',
    input: z.object({}),
    output: z.object({ party: Party, key: Key }),
  },
  createParty: {
    summary: 'Register a party by its identity, or find the one that is there',
    method: 'POST',
    path: '/api/identity/parties',
    scope: 'admin',
    input: z.object({
      identity: IdentityText,
      displayName: z.string().min(1).max(200).optional(),
    }),
    output: Party,
  },
  getParty: {
    summary: 'Show a party',
    method: 'GET',
    path: '/api/identity/parties/:partyId',
    scope: 'read',
    input: z.object({ partyId: idSchema('party') }),
    output: Party,
  },
  listParties: {
    summary: 'List parties, oldest first, or find one by its identity',
    method: 'GET',
    path: '/api/identity/parties',
    scope: 'read',
    input: z.object({
      identity: IdentityText.optional(),
      kind: z.enum(partyKinds).optional(),
      ...paging,
    }),
    output: pageOf(Party),
  },
  createKey: {
    summary: 'Make an API key; its secret is shown this once',
    method: 'POST',
    path: '/api/identity/keys',
    scope: 'manage',
    input: z.object({
      /** Default: the caller's party. Another one's keys are made by admins. */
      partyId: idSchema('party').optional(),
      label: z.string().min(1).max(100),
      scopes: z.array(z.enum(scopes)).min(1).max(scopes.length),
      limitUnits: Units.optional(),
      ...keyLimits,
      models: z.array(z.string().min(1).max(200)).min(1).max(100).optional(),
      expiresAt: Time.optional(),
    }),
    output: z.object({ key: Key, secret: z.string() }),
    status: 201,
  },
  listKeys: {
    summary: "List a party's keys, revoked ones included",
    method: 'GET',
    path: '/api/identity/keys',
    scope: 'manage',
    input: z.object({ partyId: idSchema('party').optional(), ...paging }),
    output: pageOf(Key),
  },
  revokeKey: {
    summary: 'Revoke a key and every key that it made',
    method: 'DELETE',
    path: '/api/identity/keys/:keyId',
    scope: 'manage',
    input: z.object({ keyId: idSchema('key') }),
    output: Key,
  },
  requestChallenge: {
    summary: 'Ask for the message whose signature binds a wallet to the caller',
    method: 'POST',
    path: '/api/identity/challenges',
    scope: 'manage',
    /** Lower case, or mixed case with its checksum. */
    input: z.object({ address: z.string().length(42) }),
    output: z.object({
      challengeId: idSchema('challenge'),
      /** To be signed as it stands (EIP-191, personal_sign). */
      message: z.string(),
      /** The wallet that must sign too, because the new one replaces it. */
      replaces: Address.optional(),
      expiresAt: Time,
    }),
    status: 201,
  },
  bindWallet: {
    summary: 'Bind the wallet that signed the challenge; a wallet that is replaced signs too',
    method: 'POST',
    path: '/api/identity/wallets',
    scope: 'manage',
    input: z.object({
      challengeId: idSchema('challenge'),
      signature: WalletSignature,
      replacedSignature: WalletSignature.optional(),
    }),
    output: Party,
  },
  requestClaim: {
    summary: 'Claim an unclaimed identity for the caller',
    method: 'POST',
    path: '/api/identity/claims',
    scope: 'manage',
    input: z.object({ identity: IdentityText, evidence: z.string().min(1).max(4000) }),
    output: Claim,
    status: 201,
  },
  listClaims: {
    summary: "List the caller's claims; for admins everybody's",
    method: 'GET',
    path: '/api/identity/claims',
    scope: 'manage',
    input: z.object({ ...paging }),
    output: pageOf(Claim),
  },
  attestClaim: {
    summary: 'Attest that a claim is true; enough attestations grant it',
    method: 'POST',
    path: '/api/identity/claims/:claimId/attestations',
    scope: 'admin',
    input: z.object({ claimId: idSchema('claim'), statement: z.string().min(1).max(2000) }),
    output: Claim,
  },
} as const satisfies Operations;
