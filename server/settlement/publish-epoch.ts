/**
 * Gives an epoch its root: fix the leaves, take them out of reach, publish, and wait until the chain cannot forget.
 *
 * Every step can be repeated. Leaves are rows that never change, so a root computed again is the same root; postings
 * have the epoch in their keys; the chain refuses an epoch it has, and is asked before it is told.
 */
import { settlementAbi } from '@openledger/contracts';
import { OpenLedgerError } from '@openledger/protocol';
import { sql } from '../platform/sql.ts';
import { type Epoch, findEpoch, type LogCheckpoint, listEpochs } from './epochs.ts';
import { type Leaf, leafTree } from './leaf-tree.ts';
import { mature, partyBalances } from './mature.ts';
import { insertPayouts, leavesOf, type Payout, payoutsOf } from './payouts.ts';
import { postInParts } from './post-in-parts.ts';
import { assertSolvent } from './solvency.ts';
import type { Stage } from './stage.ts';
import { readRoots } from './vault.ts';

export type Publication =
  | { readonly kind: 'published'; readonly epoch: Epoch; readonly payouts: readonly Payout[] }
  /** No closed epoch is past its dispute window, or nobody is owed anything. */
  | { readonly kind: 'nothing_due' }
  /** The root before this one can still be revoked; try again then. */
  | { readonly kind: 'waiting'; readonly until: Date };

/**
 * Publishes one root for all closed epochs whose dispute window has passed, or finishes a publication that was cut off.
 *
 * @param checkpoint the head of the receipts' log, anchored with the root
 * @throws unavailable when the vault does not cover what the ledger owes
 */
export async function publishEpoch(stage: Stage, checkpoint: LogCheckpoint): Promise<Publication> {
  await stage.sync();
  const [unfinished] = await listEpochs(stage.db, { state: 'publishing' });
  if (unfinished) return publish(stage, unfinished.number);
  const due = await findDue(stage);
  if (due === undefined) return { kind: 'nothing_due' };
  await mature(stage, due);
  const { pending } = await readRoots(stage);
  if (pending) return { kind: 'waiting', until: new Date(Number(pending.activeAt) * 1000) };
  await assertSolvent(stage);
  if (!(await fix(stage, due, checkpoint))) return { kind: 'nothing_due' };
  return publish(stage, due);
}

/** The newest closed epoch whose dispute window has passed; its root covers the older ones. */
async function findDue({ db, clock, disputeSeconds }: Stage): Promise<bigint | undefined> {
  const [row] = await db.query<{ number: string | null }>(sql`
    select max(number) as number
    from settlement.epochs
    where state = 'closing' and closed_at <= ${new Date(clock.now().getTime() - disputeSeconds * 1000)}`);
  return row.number === null ? undefined : BigInt(row.number);
}

/** Writes down who is owed what by this epoch's root, and the root. @returns false when nobody is owed anything */
async function fix(stage: Stage, epoch: bigint, checkpoint: LogCheckpoint): Promise<boolean> {
  const payable = await partyBalances(stage, 'payable');
  const wallets = await stage.walletsOf(payable.map(({ party }) => party));
  const payouts = payable.flatMap(({ party, amount }) => {
    const account = wallets.get(party);
    return account ? [{ party, account, amount }] : [];
  });
  return stage.db.transaction(async (tx) => {
    const before = await leavesOf(tx, epoch, stage.vault.token);
    await tx.query(sql`
      update settlement.epochs
      set state = 'skipped'
      where state = 'closing' and number <= ${epoch}`);
    if (payouts.length === 0) return false;
    await insertPayouts(tx, epoch, payouts);
    const leaves = await leavesOf(tx, epoch, stage.vault.token);
    assertNoLeafFell(before, leaves);
    const { root } = await leafTree(leaves);
    await tx.query(sql`
      update settlement.epochs
      set state = 'publishing', root = ${root},
          checkpoint_size = ${checkpoint.treeSize}, checkpoint_root = ${checkpoint.rootHash}
      where number = ${epoch}`);
    return true;
  });
}

function assertNoLeafFell(before: readonly Leaf[], after: readonly Leaf[]): void {
  const now = new Map(after.map(({ account, cumulative }) => [account, cumulative]));
  for (const { account, cumulative } of before) {
    if ((now.get(account) ?? 0n) < cumulative)
      throw new Error(`The leaf of ${account} would fall.`);
  }
}

async function publish(stage: Stage, number: bigint): Promise<Publication> {
  const { db, chain, vault, signers, log } = stage;
  const epoch = await findEpoch(db, number);
  if (epoch?.state !== 'publishing') throw new Error(`Epoch ${number} has no root to publish.`);
  const payouts = await payoutsOf(db, number);
  await postInParts(stage, {
    since: epoch.closedAt,
    name: `exported:${number}`,
    reason: 'exported',
    reference: `epoch:${number}`,
    postings: payouts.map(({ party, amount }) => ({
      from: `${party}:payable`,
      to: `${party}:exported`,
      amount,
    })),
  });
  const { root } = await leafTree(await leavesOf(db, number, vault.token));
  if (root !== epoch.root) throw new Error(`The leaves of epoch ${number} have changed.`);

  const { current, pending } = await readRoots(stage);
  if (current?.hash !== root && pending?.hash !== root) {
    const checkpoint = {
      treeSize: BigInt(epoch.checkpoint.treeSize),
      root: `0x${epoch.checkpoint.rootHash}`,
    } as const;
    await chain.write(signers.publisher, {
      address: vault.address,
      abi: settlementAbi,
      functionName: 'publish',
      args: [number, root, checkpoint],
    });
  }
  await chain.untilFinal(await chain.reader.getBlockNumber());
  await stage.sync(); // reads the event of the root, which makes it published
  const published = await findEpoch(db, number);
  if (published?.state !== 'published') {
    throw new OpenLedgerError(
      'unavailable',
      `The chain did not keep the root of epoch ${number}.`,
      { root },
    );
  }
  log.info('settlement.published', { epoch: number, root, payouts: payouts.length });
  return { kind: 'published', epoch: published, payouts };
}
