/** Reads what a datanet's claims follow from: contributions, refinements and withdrawals, without any text. */
import { type FeePolicy, parseEntitlement, type RecordSource } from '@openledger/protocol';
import type { Reader } from '../platform/db.ts';
import { sql } from '../platform/sql.ts';
import type { Authorship } from './authorship.ts';
import type { DatanetLineage } from './claims.ts';
import type { Owner } from './contributors.ts';
import { kindOfWork } from './refiners/kind-of-work.ts';

export type RefinerShares = FeePolicy['refinerShares'];

export async function readLineage(
  reader: Reader,
  datanetId: string,
  shares: RefinerShares,
): Promise<DatanetLineage & { readonly identityOf: ReadonlyMap<string, string> }> {
  const contributions = await readContributions(reader, datanetId);
  const edges = await readEdges(reader, datanetId);
  const replaced = await reader.query<{ hash: string }>(sql`
    select parent_hash as hash
    from datanets.refinements
    where datanet_id = ${datanetId} and not unchanged`);
  const withdrawn = await reader.query<{ hash: string }>(sql`
    select hash
    from datanets.records
    where datanet_id = ${datanetId} and withdrawn_at is not null`);
  const owners = contributions.flatMap((row) => row.owners);
  return {
    contributions: contributions.map((row) => ({
      hash: row.record_hash,
      sequence: BigInt(row.sequence),
      arrival: row.import_id ?? row.id,
      acceptedAt: row.created_at,
      owners: parseEntitlement(row.owners),
      authorship: row.authorship ?? undefined,
      licence: row.licence,
      source: row.source,
    })),
    edges: edges.map((row) => ({
      parent: row.parent_hash,
      child: row.child_hash,
      refiner: row.refiner_id,
      ppm: shares[kindOfWork(row.refinement)],
      lines: row.lines,
    })),
    replaced: new Set(replaced.map(({ hash }) => hash)),
    withdrawn: new Set(withdrawn.map(({ hash }) => hash)),
    identityOf: new Map(owners.map(({ party, identity }) => [party, identity])),
  };
}

const readContributions = (reader: Reader, datanetId: string) =>
  reader.query<{
    id: string;
    record_hash: string;
    sequence: string;
    import_id: string | null;
    owners: Owner[];
    authorship: Authorship | null;
    licence: string;
    source: RecordSource;
    created_at: Date;
  }>(sql`
    select id, record_hash, sequence, import_id, owners, authorship, licence, source, created_at
    from datanets.contributions
    where datanet_id = ${datanetId}
    order by sequence`);

const readEdges = (reader: Reader, datanetId: string) =>
  reader.query<{
    parent_hash: string;
    child_hash: string;
    refinement: string;
    refiner_id: string;
    lines: number[];
  }>(sql`
    select parent_hash, child_hash, refinement, refiner_id, lines
    from datanets.lineage
    join datanets.refinements using (datanet_id, parent_hash, refinement)
    where datanet_id = ${datanetId}
    order by parent_hash, position`);
