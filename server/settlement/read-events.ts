/**
 * Reads the vault's events into the ledger, each exactly once.
 *
 * Three steps a range of blocks: record every event with the postings it means (one database transaction), post them
 * (the ledger's idempotency key is the event's own name), move the cursor. A crash between any two repeats the rest.
 */
import { settlementAbi } from '@openledger/contracts';
import { type AbiEvent, type GetLogsReturnType, getAbiItem, isAddressEqual } from 'viem';
import type { PostingInput } from '../ledger/index.ts';
import type { Hex } from '../platform/chain.ts';
import type { Tx } from '../platform/db.ts';
import { sql } from '../platform/sql.ts';
import { markPublished, markRevoked } from './epochs.ts';
import { parsePartyReference } from './party-reference.ts';
import { allocateClaim, payoutsOf } from './payouts.ts';
import { postInParts } from './post-in-parts.ts';
import type { Stage } from './stage.ts';

/** Where a deposit goes whose reference names no party: owed to somebody, spendable by nobody. */
const UNNAMED_DEPOSITS = 'suspense:deposits';

/** Blocks asked for at once; public nodes refuse more. */
const RANGE = 2_000n;

const events = [
  getAbiItem({ abi: settlementAbi, name: 'Deposited' }),
  getAbiItem({ abi: settlementAbi, name: 'Claimed' }),
  getAbiItem({ abi: settlementAbi, name: 'Published' }),
  getAbiItem({ abi: settlementAbi, name: 'Revoked' }),
] as const satisfies readonly AbiEvent[];

type VaultEvent = GetLogsReturnType<undefined, typeof events, true>[number];
type ReadStage = Omit<Stage, 'sync'>;

/** @throws when the chain no longer has the block that was read last: a reorganisation deeper than the confirmations */
export async function readEvents(stage: ReadStage): Promise<void> {
  const { db, chain, vault } = stage;
  const head = await chain.finalBlock();
  for (;;) {
    const [cursor] = await db.query<{ read_block: string; read_hash: Hex }>(
      sql`select read_block, read_hash from settlement.vault`,
    );
    const read = BigInt(cursor.read_block);
    if (read >= head) return;
    if ((await chain.reader.getBlock({ blockNumber: read })).hash !== cursor.read_hash) {
      throw new Error(
        `Block ${read} was replaced after it was final: the chain and the ledger disagree.`,
      );
    }
    const to = head - read > RANGE ? read + RANGE : head;
    const { hash } = await chain.reader.getBlock({ blockNumber: to });
    const range = { address: vault.address, fromBlock: read + 1n, toBlock: to };
    const found = await chain.reader.getLogs({ ...range, events, strict: true });
    await db.transaction(async (tx) => {
      for (const event of found) await record(tx, stage, event);
    });
    for (const event of found) await post(stage, event);
    await db.transaction((tx) =>
      tx.query(sql`
        update settlement.vault
        set read_block = ${to}, read_hash = ${hash}
        where read_block = ${read}`),
    );
  }
}

async function record(tx: Tx, stage: ReadStage, event: VaultEvent): Promise<void> {
  const [known] = await tx.query(sql`
    select 1 from settlement.events
    where transaction_hash = ${event.transactionHash} and log_index = ${event.logIndex}`);
  if (known) return;
  switch (event.eventName) {
    case 'Deposited': {
      const { token, party, amount } = event.args;
      if (!isAddressEqual(token, stage.vault.token)) return;
      const owner = parsePartyReference(party);
      const to = owner ? `${owner}:available` : UNNAMED_DEPOSITS;
      const row = { kind: 'deposited', account: owner ?? party, amount } as const;
      return insertEvent(tx, stage, event, {
        ...row,
        postings: [{ from: 'external:chain', to, amount }],
      });
    }
    case 'Claimed': {
      const { token, account, amount } = event.args;
      if (!isAddressEqual(token, stage.vault.token)) return;
      const parts = await allocateClaim(tx, account, amount);
      const postings = parts.map((part) => ({
        from: `${part.party}:exported`,
        to: 'external:chain',
        amount: part.amount,
      }));
      const row = { kind: 'claimed', account: account.toLowerCase(), amount } as const;
      return insertEvent(tx, stage, event, { ...row, postings });
    }
    case 'Published':
      return markPublished(tx, stage, {
        ...event.args,
        transactionHash: event.transactionHash,
      });
    case 'Revoked': {
      if (!(await markRevoked(tx, stage, event.args))) return;
      const payouts = await payoutsOf(tx, event.args.epoch);
      const postings = payouts.map(({ party, amount }) => ({
        from: `${party}:exported`,
        to: `${party}:payable`,
        amount,
      }));
      const amount = payouts.reduce((sum, payout) => sum + payout.amount, 0n);
      const row = { kind: 'revoked', account: String(event.args.epoch), amount } as const;
      return insertEvent(tx, stage, event, { ...row, postings });
    }
  }
}

type EventRow = {
  readonly kind: 'deposited' | 'claimed' | 'revoked';
  /** The party of a deposit, the wallet of a claim, the number of a revoked epoch. */
  readonly account: string;
  readonly amount: bigint;
  readonly postings: readonly PostingInput[];
};

async function insertEvent(
  tx: Tx,
  { clock }: ReadStage,
  event: VaultEvent,
  row: EventRow,
): Promise<void> {
  const postings = JSON.stringify(
    row.postings.map((posting) => ({ ...posting, amount: `${posting.amount}` })),
  );
  await tx.query(sql`
    insert into settlement.events
      (transaction_hash, log_index, block_number, kind, account, amount, postings, seen_at)
    values (${event.transactionHash}, ${event.logIndex}, ${event.blockNumber}, ${row.kind},
      ${row.account}, ${row.amount}, ${postings}, ${clock.now()})`);
}

async function post(stage: ReadStage, event: VaultEvent): Promise<void> {
  const [row] = await stage.db.query<{
    kind: EventRow['kind'];
    postings: readonly { from: string; to: string; amount: string }[];
    seen_at: Date;
  }>(sql`
    select kind, postings, seen_at
    from settlement.events
    where transaction_hash = ${event.transactionHash} and log_index = ${event.logIndex}`);
  if (!row) return; // it moved no money
  const name = `chain:${stage.chain.id}:${event.transactionHash}:${event.logIndex}`;
  await postInParts(stage, {
    since: row.seen_at,
    name,
    reason: `chain.${row.kind}`,
    reference: name,
    postings: row.postings.map((posting) => ({ ...posting, amount: BigInt(posting.amount) })),
  });
}
