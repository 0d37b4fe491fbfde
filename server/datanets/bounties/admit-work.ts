/**
 * What of a refiner's work can be taken: each passage that still stands, refined into texts that he did not find in the datanet.
 *
 * Whoever was accepted first has the passage; a copy of his work is of passages that are gone, or of texts that are known.
 */
import type { Reader } from '../../platform/db.ts';
import { sql } from '../../platform/sql.ts';
import { ancestorsOf } from '../places.ts';
import { isVerbatim } from '../refiners/kind-of-work.ts';
import type { Passages, RefinedPassage } from './passages.ts';

export type Admitted = {
  readonly taken: readonly RefinedPassage[];
  readonly gone: number;
  readonly known: number;
};

export async function admitWork(
  reader: Reader,
  datanetId: string,
  { passages, work }: { readonly passages: Passages; readonly work: readonly RefinedPassage[] },
): Promise<Admitted> {
  const parents = work.map(({ parent }) => parent);
  const hashes = work.flatMap(({ parent, children }) => [parent, ...children.map(hashOf)]);
  const standings = await readStandings(reader, datanetId, hashes);
  const ancestors = await ancestorsOf(reader, datanetId, parents);
  return admit({ passages, work, standings, ancestors });
}

/** How a record stands in the datanet; what is not there has none. */
export type Standing = {
  readonly withdrawn: boolean;
  /** Refined into something that stands for it. */
  readonly replaced: boolean;
  /** Names of the refinements that it has been through. */
  readonly refinements: readonly string[];
};

/** Pure: each piece of work after the other, as those before it leave the passages. */
export function admit({
  passages,
  work,
  standings,
  ancestors,
}: {
  readonly passages: Passages;
  readonly work: readonly RefinedPassage[];
  readonly standings: ReadonlyMap<string, Standing>;
  readonly ancestors: ReadonlyMap<string, ReadonlySet<string>>;
}): Admitted {
  const taken: RefinedPassage[] = [];
  let [gone, known] = [0, 0];
  const standing = new Set(passages.keys());
  const descent = new Map(ancestors);
  const done = new Set<string>();
  for (const one of work) {
    const { parent, refinement, adds, children } = one;
    const before = standings.get(parent);
    const isGone =
      !standing.has(parent) ||
      before?.withdrawn ||
      before?.replaced ||
      before?.refinements.includes(refinement) ||
      done.has(`${parent} ${refinement}`);
    if (isGone) {
      gone++;
      continue;
    }
    const above = new Set([parent, ...(descent.get(parent) ?? [])]);
    const isKnown = ({ hash }: { readonly hash: string }) => {
      const there = standings.get(hash);
      if (above.has(hash) || there?.withdrawn || there?.replaced) return true;
      return !isVerbatim(refinement) && (there !== undefined || standing.has(hash));
    };
    // What stands beside a passage is a text each; what stands for it is taken whole or not at all.
    const fresh = children.filter((child) => !isKnown(child));
    if (adds ? fresh.length === 0 : fresh.length < children.length) {
      known++;
      continue;
    }
    taken.push({ ...one, children: fresh });
    done.add(`${parent} ${refinement}`);
    if (!adds) standing.delete(parent);
    for (const { hash } of fresh) {
      standing.add(hash);
      descent.set(hash, new Set([...above, ...(descent.get(hash) ?? [])]));
    }
  }
  return { taken, gone, known };
}

const hashOf = ({ hash }: { readonly hash: string }): string => hash;

async function readStandings(
  reader: Reader,
  datanetId: string,
  hashes: readonly string[],
): Promise<ReadonlyMap<string, Standing>> {
  const rows = await reader.query<{
    hash: string;
    withdrawn: boolean;
    replaced: boolean;
    refinements: string[];
  }>(sql`
    select hash, withdrawn_at is not null as withdrawn,
      coalesce(bool_or(not unchanged), false) as replaced,
      coalesce(array_agg(refinement) filter (where refinement is not null), '{}') as refinements
    from datanets.records
    left join datanets.refinements
      on refinements.datanet_id = records.datanet_id and parent_hash = hash
    where records.datanet_id = ${datanetId}
      and hash = any(${[...new Set(hashes)]}::text[])
    group by records.datanet_id, hash`);
  return new Map(rows.map(({ hash, ...standing }) => [hash, standing]));
}
