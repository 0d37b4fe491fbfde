/** Does the vault cover everything that the ledger owes to anybody? */
import { OPEN, OpenLedgerError } from '@openledger/protocol';
import { sleep } from '../platform/clock.ts';
import { sql } from '../platform/sql.ts';
import { unpaidTotal } from './payouts.ts';
import type { Stage } from './stage.ts';
import { readHoldings } from './vault.ts';

export type Solvency = {
  /** The block at whose end the two sides are compared. */
  readonly block: bigint;
  /** OPEN in the vault, in units. */
  readonly holdings: bigint;
  /** All accounts but the outside world's: deposits, holds, escrow, pending, payable, exported, fees, pools. */
  readonly liabilities: bigint;
  /** The ledger's `exported` accounts. */
  readonly exported: bigint;
  /** Fixed in leaves and not yet claimed; equals `exported`. */
  readonly unclaimed: bigint;
  readonly isCovered: boolean;
};

const ATTEMPTS = 20;

/**
 * Compares both sides at the last block that the ledger has read, so that a payment under way counts on neither or both.
 *
 * While an event or a publication is being posted the books are a moment apart, so an uncovered pair is looked at again
 * for about a second before it counts.
 */
export async function measureSolvency(stage: Stage): Promise<Solvency> {
  for (let attempt = 1; ; attempt++) {
    const solvency = await compareBooks(stage);
    if (solvency.isCovered || attempt === ATTEMPTS) return solvency;
    await sleep(50);
  }
}

/** Every posting has two sides, so what all others have is exactly what `external:*` lacks. */
async function compareBooks(stage: Stage): Promise<Solvency> {
  await stage.sync();
  const [{ read_block }] = await stage.db.query<{ read_block: string }>(
    sql`select read_block from settlement.vault`,
  );
  const block = BigInt(read_block);
  const [outside, exported] = await Promise.all([
    stage.ledger.balances({ prefix: 'external:', asset: OPEN }),
    stage.ledger.balances({ suffix: ':exported', asset: OPEN }),
  ]);
  const liabilities = -sum(outside);
  const holdings = await readHoldings(stage, block);
  const unclaimed = await unpaidTotal(stage.db);
  const isCovered = holdings >= liabilities && sum(exported) === unclaimed;
  return { block, holdings, liabilities, exported: sum(exported), unclaimed, isCovered };
}

/** @throws unavailable when a root published now would promise what is not there */
export async function assertSolvent(stage: Stage): Promise<void> {
  const solvency = await measureSolvency(stage);
  if (solvency.isCovered) return;
  stage.log.error('settlement.insolvent', solvency);
  throw new OpenLedgerError('unavailable', 'The vault does not cover what the ledger owes.', {
    holdings: solvency.holdings.toString(),
    liabilities: solvency.liabilities.toString(),
    exported: solvency.exported.toString(),
    unclaimed: solvency.unclaimed.toString(),
  });
}

const sum = (balances: readonly { readonly amount: bigint }[]): bigint =>
  balances.reduce((total, { amount }) => total + amount, 0n);
