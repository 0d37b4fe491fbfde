/** One identity is claimed, the epoch is settled on chain, and the claimant is paid. */
import {
  addressOf,
  type Client,
  createClient,
  type Id,
  OpenLedgerError,
  signPersonal,
} from '@openledger/sdk';
import { until } from './wait.ts';

export type Settlement = {
  readonly identity: string;
  readonly wallet: string;
  readonly paidUnits: bigint;
  readonly transactionHash: string;
  readonly epoch: string;
};

/**
 * In the demo an admin of this installation attests the claim; nobody outside it is asked.
 *
 * @param identity the unclaimed identity that is bound to the wallet
 * @param privateKey of the claimant's wallet
 */
export async function settleAndClaim(
  admin: Client,
  {
    baseUrl,
    identity,
    privateKey,
  }: { readonly baseUrl: string; readonly identity: string; readonly privateKey: Uint8Array },
): Promise<Settlement> {
  const wallet = addressOf(privateKey);
  const partyId = await bindClaimant(admin, { baseUrl, identity, privateKey });
  const { closed } = await admin.settlement.settle();
  const epoch = await until(
    'a published root',
    async () => {
      const { items } = await admin.settlement.epochs({ limit: 50 });
      return items.find((one) => BigInt(one.number) >= BigInt(closed) && one.state === 'published');
    },
    { everyMs: 1000 },
  );
  const paid = await until('the claim', () => claim(admin, partyId), { everyMs: 500 });
  return {
    identity,
    wallet,
    epoch: epoch.number,
    paidUnits: paid.items.reduce((sum, { paidUnits }) => sum + BigInt(paidUnits), 0n),
    transactionHash: paid.items[0].transactionHash,
  };
}

/** The root pays when its window has passed; until then there is a conflict. */
async function claim(admin: Client, partyId: Id<'party'>) {
  try {
    return await admin.settlement.claim({ partyId });
  } catch (error) {
    if (error instanceof OpenLedgerError && error.code === 'conflict') return undefined;
    throw error;
  }
}

type Claim = {
  readonly baseUrl: string;
  readonly identity: string;
  readonly privateKey: Uint8Array;
};

/** A claimant enters, proves a wallet by its signature, and claims the identity. @returns the claimed party */
async function bindClaimant(
  admin: Client,
  { baseUrl, identity, privateKey }: Claim,
): Promise<Id<'party'>> {
  const claimant = await admin.identity.createParty({ identity: 'handle:claimant' });
  const { secret } = await admin.identity.createKey({
    partyId: claimant.id,
    label: 'first loop',
    scopes: ['read', 'manage'],
  });
  const client = createClient({ baseUrl, apiKey: secret });
  const { challengeId, message } = await client.identity.requestChallenge({
    address: addressOf(privateKey),
  });
  await client.identity.bindWallet({ challengeId, signature: signPersonal(message, privateKey) });
  const request = await client.identity.requestClaim({
    identity,
    evidence: 'The first loop of this installation.',
  });
  const claim = await admin.identity.attestClaim({
    claimId: request.id,
    statement: 'Attested by the demo.',
  });
  return claim.partyId;
}
