/** What parties have that has not matured: only this stage takes from it. */
import { OPEN } from '@openledger/protocol';
import type { Fund } from './receivables.ts';
import type { FeesHandles } from './stage.ts';

/**
 * Unmatured pending accounts by party, `first` before the others and those newest first: what matures last is touched first.
 *
 * The caller plans alone, so that they hold what they hold.
 */
export async function pendingOf(
  { ledger }: Pick<FeesHandles, 'ledger'>,
  parties: readonly string[],
  { maturedThrough, first = 0 }: { readonly maturedThrough: number; readonly first?: number },
): Promise<ReadonlyMap<string, readonly Fund[]>> {
  const funds = new Map<string, readonly Fund[]>();
  for (const party of parties) {
    const prefix = `${party}:pending:`;
    const rank = ({ account }: Fund): number => {
      const epoch = Number(account.slice(prefix.length));
      return epoch === first ? Number.POSITIVE_INFINITY : epoch;
    };
    const balances = await ledger.balances({ prefix, asset: OPEN });
    const unmatured = balances.filter(
      (one) => Number(one.account.slice(prefix.length)) > maturedThrough,
    );
    funds.set(
      party,
      unmatured
        .map(({ account, amount }) => ({ account, amount }))
        .sort((a, b) => rank(b) - rank(a)),
    );
  }
  return funds;
}
