/** The vault as the chain tells it. */
import { openTokenAbi, settlementAbi } from '@openledger/contracts';
import type { Address, Hex } from '../platform/chain.ts';
import type { Stage } from './stage.ts';

type Handles = Pick<Stage, 'chain' | 'vault'>;

export type Root = {
  readonly hash: Hex;
  readonly epoch: bigint;
  /** Seconds since 1970 from which it pays. */
  readonly activeAt: bigint;
};

export type Roots = {
  readonly current?: Root;
  readonly previous?: Root;
  readonly pending?: Root;
};

const NO_ROOT: Hex = `0x${'0'.repeat(64)}`;

/** Asked about the next block, not the last: on a quiet chain the last may be older than a window that has passed. */
export async function readRoots({ chain, vault }: Handles): Promise<Roots> {
  const [current, previous, pending] = await chain.reader.readContract({
    address: vault.address,
    abi: settlementAbi,
    functionName: 'roots',
    blockTag: 'pending',
  });
  const some = (root: Root) => (root.hash === NO_ROOT ? undefined : root);
  return { current: some(current), previous: some(previous), pending: some(pending) };
}

/** What the account has received in all, in units. */
export const readClaimed = ({ chain, vault }: Handles, account: Address): Promise<bigint> =>
  chain.reader.readContract({
    address: vault.address,
    abi: settlementAbi,
    functionName: 'claimed',
    args: [account, vault.token],
  });

/** What the vault held at the end of a block, in units. */
export const readHoldings = ({ chain, vault }: Handles, blockNumber: bigint): Promise<bigint> =>
  chain.reader.readContract({
    address: vault.token,
    abi: openTokenAbi,
    functionName: 'balanceOf',
    args: [vault.address],
    blockNumber,
  });
