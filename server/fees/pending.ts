/** What parties have that has not matured: only this stage takes from it. */
import { OPEN } from '@openledger/protocol';
import type { Unmatured } from './epochs.ts';
import type { Fund } from './receivables.ts';
import type { FeesHandles } from './stage.ts';

/** For more parties than this, whole epochs are read and not each party's accounts. */
const FEW = 500;

/**
 * Unmatured pending accounts by party, those of epoch `first` before the others and these newest first: what matures last
 * is touched first.
 *
 * The caller plans alone, so that they hold what they hold.
 */
export async function pendingOf(
  { ledger }: Pick<FeesHandles, 'ledger'>,
  parties: readonly string[],
  { after, open, first = 0 }: Unmatured & { readonly first?: number },
): Promise<ReadonlyMap<string, readonly Fund[]>> {
  const asked =
    parties.length <= FEW
      ? parties.map((party) => ({ prefix: `${party}:pending:` }))
      : Array.from({ length: open - after }, (_, i) => ({ suffix: `:pending:${open - i}` }));
  const wanted = new Set(parties);
  const funds = new Map<string, (Fund & { readonly epoch: number })[]>();
  for (const filter of asked) {
    for (const { account, amount } of await ledger.balances({ ...filter, asset: OPEN })) {
      const [party, , epoch] = account.split(':');
      if (!wanted.has(party) || Number(epoch) <= after) continue;
      const those = funds.get(party) ?? [];
      funds.set(party, [...those, { account, amount, epoch: Number(epoch) }]);
    }
  }
  const rank = (epoch: number) => (epoch === first ? Number.POSITIVE_INFINITY : epoch);
  for (const those of funds.values()) those.sort((a, b) => rank(b.epoch) - rank(a.epoch));
  return funds;
}
