/** Finds the contracts of this ledger, or deploys them on first use. */
import {
  openTokenAbi,
  openTokenBytecode,
  settlementAbi,
  settlementBytecode,
} from '@openledger/contracts';
import { UNITS_PER_OPEN } from '@openledger/protocol';
import { encodeDeployData } from 'viem';
import type { Address, Chain, Hex } from '../platform/chain.ts';
import type { Db } from '../platform/db.ts';
import { sql } from '../platform/sql.ts';
import type { Signers, Vault } from './stage.ts';

/** The whole supply, minted at deployment: to the faucet on the local chain, to the deployer elsewhere. */
const SUPPLY = 1_000_000_000n * UNITS_PER_OPEN;

/** What may leave the vault in one epoch: a tenth of the supply. */
const OUTFLOW_CAP = SUPPLY / 10n;

export type VaultOptions = {
  readonly db: Db;
  readonly chain: Chain;
  readonly signers: Signers;
  /** Seconds between a root's publication and its first claim. */
  readonly rootWindowSeconds: number;
  /** Contracts that someone has deployed before, whose events are read from now on; absent: deploy. */
  readonly deployed?: { readonly token: Address; readonly address: Address };
};

/**
 * Opens the vault recorded in the database, having checked that the chain still has it; records one first if needed.
 *
 * @throws when the chain is another one than the ledger's, or is older than what the ledger has read of it
 */
export async function openVault(options: VaultOptions): Promise<Vault> {
  const { chain, signers } = options;
  for (const signer of Object.values(signers)) await chain.fund(signer);
  const row = (await findVault(options.db)) ?? (await recordVault(options));
  await assertSameChain(chain, row);
  const vault = { chainId: chain.id, token: row.token, address: row.address };
  for (const address of [vault.token, vault.address]) {
    if (!(await chain.reader.getCode({ address }))) throw new Error(`No contract at ${address}.`);
  }
  if (chain.isLocal) await setWindow(options, vault);
  return vault;
}

type VaultRow = {
  readonly chain_id: string;
  readonly genesis: Hex;
  readonly token: Address;
  readonly address: Address;
  readonly read_block: string;
  readonly read_hash: Hex;
};

async function findVault(db: Db): Promise<VaultRow | undefined> {
  const [row] = await db.query<VaultRow>(sql`
    select chain_id, genesis, token, address, read_block, read_hash
    from settlement.vault`);
  return row;
}

/** Recorded only when the chain cannot lose the contracts any more; a crash before that leaves orphans, which cost nothing. */
async function recordVault(options: VaultOptions): Promise<VaultRow> {
  const { db, chain } = options;
  const start = await chain.reader.getBlockNumber();
  const { token, address } = options.deployed ?? (await deploy(options));
  await chain.untilFinal(await chain.reader.getBlockNumber());
  const genesis = await chain.reader.getBlock({ blockNumber: 0n });
  const before = await chain.reader.getBlock({ blockNumber: start });
  await db.transaction((tx) =>
    tx.query(sql`
      insert into settlement.vault (chain_id, genesis, token, address, read_block, read_hash)
      values (${chain.id}, ${genesis.hash}, ${token}, ${address}, ${before.number}, ${before.hash})
      on conflict do nothing`),
  );
  return (await findVault(db))!;
}

async function deploy({ chain, signers, rootWindowSeconds }: VaultOptions) {
  const { deployer, publisher, guardian, faucet } = signers;
  const holder = chain.isLocal ? faucet : deployer;
  const token = await chain.deploy(
    deployer,
    encodeDeployData({
      abi: openTokenAbi,
      bytecode: openTokenBytecode,
      args: [holder.address, SUPPLY],
    }),
  );
  const address = await chain.deploy(
    deployer,
    encodeDeployData({
      abi: settlementAbi,
      bytecode: settlementBytecode,
      args: [deployer.address, publisher.address, guardian.address, BigInt(rootWindowSeconds)],
    }),
  );
  await chain.write(deployer, {
    address,
    abi: settlementAbi,
    functionName: 'setToken',
    args: [token, true, OUTFLOW_CAP],
  });
  return { token, address };
}

async function assertSameChain(chain: Chain, row: VaultRow): Promise<void> {
  const blockNumber = BigInt(row.read_block);
  const hashOf = async (number: bigint) =>
    (await chain.reader.getBlock({ blockNumber: number }).catch(() => undefined))?.hash;
  const same =
    Number(row.chain_id) === chain.id &&
    (await hashOf(0n)) === row.genesis &&
    (await hashOf(blockNumber)) === row.read_hash;
  if (same) return;
  throw new Error(
    `The database belongs to chain ${row.chain_id} with genesis ${row.genesis}, read up to block ${blockNumber}; ` +
      `the chain at ${chain.rpcUrl} is another one, or an older copy. Restore the chain's folder or start with an empty database.`,
  );
}

/** On the local chain the setting is the master; elsewhere the window is the admin's decision. */
async function setWindow(
  { chain, signers, rootWindowSeconds }: VaultOptions,
  vault: Vault,
): Promise<void> {
  const contract = { address: vault.address, abi: settlementAbi } as const;
  const window = await chain.reader.readContract({ ...contract, functionName: 'disputeWindow' });
  if (window === BigInt(rootWindowSeconds)) return;
  await chain.write(signers.deployer, {
    ...contract,
    functionName: 'setDisputeWindow',
    args: [BigInt(rootWindowSeconds)],
  });
}
