/** Test units for a party, by a real deposit on the local chain. No other chain has a faucet. */
import { openTokenAbi, settlementAbi } from '@openledger/contracts';
import { MAX_UNITS, OpenLedgerError, UNITS_PER_OPEN } from '@openledger/protocol';
import type { Hex } from '../platform/chain.ts';
import { partyReference } from './party-reference.ts';
import type { PartyId, Stage } from './stage.ts';

/** The most units in one call. */
const FAUCET_LIMIT = 1_000_000n * UNITS_PER_OPEN;

/**
 * Deposits for the party; when this returns, the ledger has credited it.
 *
 * @throws forbidden on any chain but the local one; invalid_input when the amount is not 1 unit to 1,000,000 OPEN
 */
export async function dripFaucet(
  stage: Stage,
  party: PartyId,
  amount: bigint,
): Promise<{ transactionHash: Hex }> {
  const { chain, vault, signers } = stage;
  if (!chain.isLocal) {
    throw new OpenLedgerError('forbidden', 'Only the local chain has a faucet.', {
      chainId: chain.id,
    });
  }
  if (amount <= 0n || amount > FAUCET_LIMIT) {
    throw new OpenLedgerError('invalid_input', 'The faucet gives 1 unit to 1,000,000 OPEN.', {
      amount: `${amount}`,
    });
  }
  await allowVault(stage, amount);
  const { transactionHash } = await chain.write(signers.faucet, {
    address: vault.address,
    abi: settlementAbi,
    functionName: 'deposit',
    args: [vault.token, amount, partyReference(party)],
  });
  await stage.sync();
  return { transactionHash };
}

/** Allowed without limit, once: the token then leaves the allowance as it is. */
async function allowVault({ chain, vault, signers }: Stage, amount: bigint): Promise<void> {
  const token = { address: vault.token, abi: openTokenAbi } as const;
  const owner = signers.faucet.address;
  const allowed = await chain.reader.readContract({
    ...token,
    functionName: 'allowance',
    args: [owner, vault.address],
  });
  if (allowed >= amount) return;
  await chain.write(signers.faucet, {
    ...token,
    functionName: 'approve',
    args: [vault.address, MAX_UNITS],
  });
}
