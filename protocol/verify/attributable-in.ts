/** All that shares follow from, as a bundle shows it. */
import type { Attributable } from '../channels.ts';
import { type Evidence, measuredFrom } from '../evidence.ts';
import { parseEntitlement, sharesOf } from '../snapshot.ts';
import type { Shares } from '../split.ts';
import type { Bundle } from './bundle.ts';
import { must } from './check.ts';
import { ownersIn } from './owners-in.ts';

/** @returns undefined where there was nothing to trace against */
export function attributableIn({
  receipt,
  policy,
  records,
}: Pick<Bundle, 'receipt' | 'policy' | 'records'>): Attributable | undefined {
  const { attribution, channels, snapshots, retrieved } = receipt;
  if (!attribution) return undefined;
  const ownersOfWord = ownersIn({ records });
  const entitlements = new Map<string, Shares>(
    records.map(({ record, owners }) => [record, sharesOf(parseEntitlement(owners))]),
  );
  return {
    ...{ policy, snapshots, retrieved },
    evidence: attribution,
    channels: channels ?? undefined,
    measure: (evidence: Evidence) => measuredFrom(evidence, ownersOfWord),
    ownersOf: (recordHash) => {
      const owners = entitlements.get(recordHash);
      must(owners !== undefined, `The owners of record ${recordHash} are not shown.`);
      return owners;
    },
  };
}
