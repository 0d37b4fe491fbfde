/** Operations of settlement: money in, epochs, and claims of what was earned. */
import { z } from 'zod';
import { Sha256Hex } from '../hash.ts';
import { idSchema } from '../ids.ts';
import { Units } from '../money.ts';
import type { Operations } from '../operations.ts';

const Time = z.iso.datetime();
/** In any case: the chain shows addresses with EIP-55's checksum. */
const WalletAddress = z.string().regex(/^0x[0-9a-fA-F]{40}$/, 'Expected an EVM address.');
const Hex = z.string().regex(/^0x[0-9a-f]*$/);
const partyId = idSchema('party');

export const Epoch = z.object({
  number: z.string(),
  state: z.enum(['open', 'closing', 'skipped', 'publishing', 'published', 'revoked']),
  openedAt: Time,
  closedAt: Time.optional(),
  root: Hex.optional(),
  /** The head of the receipts' log that was anchored with the root. */
  checkpoint: z.object({ treeSize: z.number().int(), rootHash: Sha256Hex }).optional(),
  transactionHash: Hex.optional(),
  /** From when the root pays. */
  activeAt: Time.optional(),
});

export const settlementOperations = {
  vault: {
    summary: 'Show where deposits go, and the reference that credits the caller',
    method: 'GET',
    path: '/api/settlement/vault',
    scope: 'read',
    input: z.object({}),
    output: z.object({
      chainId: z.number().int(),
      isLocal: z.boolean(),
      settlement: WalletAddress,
      token: WalletAddress,
      reference: Hex,
    }),
  },
  faucet: {
    summary: 'Deposit test units for the caller; on the local chain only',
    method: 'POST',
    path: '/api/settlement/faucet',
    scope: 'manage',
    input: z.object({ units: Units }),
    output: z.object({ transactionHash: Hex }),
  },
  epochs: {
    summary: 'List settlement epochs, newest first',
    method: 'GET',
    path: '/api/settlement/epochs',
    scope: 'public',
    input: z.object({ limit: z.coerce.number<number>().int().min(1).max(500).default(50) }),
    output: z.object({ items: z.array(Epoch) }),
  },
  settle: {
    summary: 'Close the open epoch now, and publish what is due; the clock does the same by itself',
    method: 'POST',
    path: '/api/settlement/epochs',
    scope: 'admin',
    input: z.object({}),
    output: z.object({
      closed: z.string(),
      publication: z.enum(['published', 'nothing_due', 'waiting']),
    }),
  },
  claimable: {
    summary: 'Show what a party can claim on chain now, with proofs; default: the caller',
    method: 'GET',
    path: '/api/settlement/claims',
    scope: 'read',
    input: z.object({ partyId: partyId.optional() }),
    output: z.object({
      items: z.array(
        z.object({
          epoch: z.string(),
          account: WalletAddress,
          cumulativeUnits: Units,
          claimedUnits: Units,
          owedUnits: Units,
          proof: z.array(Hex),
        }),
      ),
    }),
  },
  claim: {
    summary: 'Pay a party what it can claim, to its wallet, by our relayer; default: the caller',
    method: 'POST',
    path: '/api/settlement/claims',
    scope: 'manage',
    input: z.object({ partyId: partyId.optional() }),
    output: z.object({
      items: z.array(z.object({ account: WalletAddress, paidUnits: Units, transactionHash: Hex })),
    }),
  },
  solvency: {
    summary: 'Show that the vault covers all that the ledger owes',
    method: 'GET',
    path: '/api/settlement/solvency',
    scope: 'public',
    input: z.object({}),
    output: z.object({
      solvent: z.boolean(),
      vaultUnits: Units,
      liabilitiesUnits: Units,
    }),
  },
} as const satisfies Operations;
