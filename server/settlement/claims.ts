/** What parties can claim on chain, the proofs for it, and a relayer that pays the gas for them. */
import { settlementAbi } from '@openledger/contracts';
import { OpenLedgerError } from '@openledger/protocol';
import { parseEventLogs } from 'viem';
import type { Address, Hex } from '../platform/chain.ts';
import { type Sql, sql } from '../platform/sql.ts';
import { type Leaf, type LeafTree, leafTree } from './leaf-tree.ts';
import { leavesOf } from './payouts.ts';
import type { PartyId, Stage } from './stage.ts';
import { type Root, readClaimed, readRoots } from './vault.ts';

/** The arguments of the contract's `claim`, and what it would pay. */
export type Claimable = Leaf & {
  readonly epoch: bigint;
  readonly root: Hex;
  readonly proof: readonly Hex[];
  /** What the account has received so far, in units. */
  readonly claimed: bigint;
  /** What a claim pays now, in units. */
  readonly owed: bigint;
};

/**
 * The party's leaves in the root that pays now: one for each wallet it was ever paid through, so usually one, and that of
 * the wallet it has, which may be owed only for parties that it holds.
 *
 * Anyone may bring these to the chain; the money goes to the leaf's account in any case.
 */
export async function findClaimable(stage: Stage, party: PartyId): Promise<readonly Claimable[]> {
  const { current } = await readRoots(stage);
  if (!current) return [];
  const accounts = await stage.db.query<{ account: Address }>(sql`
    select distinct account
    from settlement.payouts
    where ${await isFor(stage, party)} and epoch <= ${current.epoch}`);
  const { leaves, indexOf, tree } = await treeOf(stage, current);
  const found = accounts.map(async ({ account }) => {
    const index = indexOf.get(account);
    if (index === undefined) return []; // paid there only by a root that was revoked
    const leaf = leaves[index];
    const claimed = await readClaimed(stage, account);
    const owed = leaf.cumulative > claimed ? leaf.cumulative - claimed : 0n;
    const proof = tree.proof(index);
    return [{ ...leaf, epoch: current.epoch, root: current.hash, proof, claimed, owed }];
  });
  return (await Promise.all(found)).flat();
}

/** Payouts to the party itself, and to the wallet it has now. */
async function isFor({ walletsOf }: Stage, party: PartyId): Promise<Sql> {
  const wallet = (await walletsOf([party])).get(party)?.toLowerCase() ?? null;
  return sql`(party = ${party} or account = ${wallet})`;
}

export type PaidClaim = {
  readonly account: Address;
  /** Units paid by this transaction. */
  readonly amount: bigint;
  readonly transactionHash: Hex;
};

/**
 * Claims all that the party is owed, with the relayer's gas, and posts it when the chain has paid.
 *
 * Anyone may be faster: `claimMany` pays nothing for what has been paid meanwhile, where `claim` would revert.
 *
 * @throws conflict when nothing can be claimed now; `claimableAt` says when the root in its window will pay
 */
export async function relayClaim(stage: Stage, party: PartyId): Promise<readonly PaidClaim[]> {
  const { chain, vault, signers } = stage;
  const owed = (await findClaimable(stage, party)).filter((claim) => claim.owed > 0n);
  if (owed.length === 0) throw await nothingToClaim(stage, party);
  const { transactionHash, blockNumber, logs } = await chain.write(signers.relayer, {
    address: vault.address,
    abi: settlementAbi,
    functionName: 'claimMany',
    args: [owed],
  });
  await chain.untilFinal(blockNumber);
  await stage.sync();
  const paid = parseEventLogs({ abi: settlementAbi, eventName: 'Claimed', logs });
  if (paid.length === 0) throw await nothingToClaim(stage, party);
  return paid.map(({ args: { account, amount } }) => ({
    account: account.toLowerCase() as Address,
    amount,
    transactionHash,
  }));
}

async function nothingToClaim(stage: Stage, party: PartyId): Promise<OpenLedgerError> {
  const { pending } = await readRoots(stage);
  const [waiting] = await stage.db.query(sql`
    select 1 from settlement.payouts
    where ${await isFor(stage, party)} and epoch = ${pending?.epoch ?? null}`);
  if (!pending || !waiting) {
    return new OpenLedgerError('conflict', 'Nothing can be claimed for this party now.', { party });
  }
  const claimableAt = new Date(Number(pending.activeAt) * 1000).toISOString();
  return new OpenLedgerError('conflict', `The newest root pays from ${claimableAt}.`, {
    party,
    claimableAt,
  });
}

/** What a root added for a party, and how much of it the chain has paid. */
export type PartyPayout = {
  readonly epoch: bigint;
  readonly state: 'publishing' | 'published' | 'revoked';
  readonly account: Address;
  readonly amount: bigint;
  readonly paid: bigint;
};

/** Newest first. */
export async function listPayouts(
  { db }: Pick<Stage, 'db'>,
  party: PartyId,
  limit = 100,
): Promise<readonly PartyPayout[]> {
  const rows = await db.query<{
    epoch: string;
    state: PartyPayout['state'];
    account: Address;
    amount: string;
    paid: string;
  }>(sql`
    select payouts.epoch, epochs.state, payouts.account, payouts.amount, payouts.paid
    from settlement.payouts
    join settlement.epochs on epochs.number = payouts.epoch
    where payouts.party = ${party}
    order by payouts.epoch desc
    limit ${limit}`);
  return rows.map((row) => ({
    ...row,
    epoch: BigInt(row.epoch),
    amount: BigInt(row.amount),
    paid: BigInt(row.paid),
  }));
}

type Tree = {
  readonly leaves: readonly Leaf[];
  readonly indexOf: ReadonlyMap<Address, number>;
  readonly tree: LeafTree;
};

/** The last trees by root: many parties claim from the same one. */
const trees = new WeakMap<Stage, Map<Hex, Promise<Tree>>>();
const TREES_KEPT = 2;

async function treeOf(stage: Stage, root: Root): Promise<Tree> {
  const kept = trees.get(stage) ?? new Map<Hex, Promise<Tree>>();
  trees.set(stage, kept);
  const known = kept.get(root.hash);
  if (known) return known;
  const building = buildTree(stage, root);
  kept.set(root.hash, building);
  building.catch(() => kept.delete(root.hash));
  if (kept.size > TREES_KEPT) kept.delete([...kept.keys()][0]);
  return building;
}

async function buildTree({ db, vault }: Stage, root: Root): Promise<Tree> {
  const leaves = await leavesOf(db, root.epoch, vault.token);
  const tree = leaves.length > 0 ? await leafTree(leaves) : undefined;
  if (tree?.root !== root.hash) {
    throw new OpenLedgerError('unavailable', 'The root on the chain is not one of this ledger.', {
      ...root,
      epoch: `${root.epoch}`,
      activeAt: `${root.activeAt}`,
    });
  }
  return { leaves, tree, indexOf: new Map(leaves.map(({ account }, index) => [account, index])) };
}
