/** Seals a snapshot: what a datanet holds now, in a fixed order, under one root, with who is entitled to it. */
import {
  canonicalize,
  type EntitlementVector,
  entitlementHash,
  formatEntitlement,
  type Id,
  merkleRoot,
  OpenLedgerError,
  ownedHash,
  ownerMapHash,
  poolEntitlement,
  SNAPSHOT_VERSION,
  type SnapshotManifest,
  snapshotHash,
  snapshotLeaf,
  toHex,
  unigramDocument,
  unigramTableHash,
} from '@openledger/protocol';
import type { Identity } from '../identity/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Tx } from '../platform/db.ts';
import { newId } from '../platform/new-id.ts';
import { sql } from '../platform/sql.ts';
import { readSeals } from './branch-snapshot.ts';
import { type SealedRecord, sealedRecords } from './claims.ts';
import { lockDatanet } from './datanets.ts';
import { readDisputedClaims } from './disputes/disputed-claims.ts';
import { proposeDisputes } from './disputes/propose-disputes.ts';
import { type RefinerShares, readLineage } from './lineage.ts';
import { type OwnedRecord, ownRecords } from './own-records.ts';
import { createTokenIds } from './ownership/token-ids.ts';
import { insertPool } from './pools.ts';
import { countWords, readTokens } from './read-tokens.ts';
import { newestSnapshot } from './snapshots.ts';

/** Leaves in one statement. */
const PAGE = 500;

/**
 * Seals the datanet's records: refinements stand for their parents, what is not refined for itself.
 *
 * Records keep the order in which their contributions were accepted, so that the same datanet always has the same root.
 *
 * @returns the new snapshot, or the newest where nothing has changed since
 * @throws unprocessable when there is nothing to seal
 */
export async function seal(
  tx: Tx,
  handles: { readonly identity: Identity; readonly clock: Clock },
  { datanetId, shares }: { readonly datanetId: Id<'datanet'>; readonly shares: RefinerShares },
): Promise<Id<'snapshot'>> {
  const { clock } = handles;
  await lockDatanet(tx, datanetId);
  const newest = await newestSnapshot(tx, datanetId);
  const lineage = await readLineage(tx, datanetId, shares);
  const claimed = sealedRecords(lineage);
  if (claimed.length === 0) {
    throw new OpenLedgerError('unprocessable', 'The datanet holds no record to seal.', {
      datanetId,
    });
  }
  const ids = createTokenIds();
  const both = [...lineage.contributions, ...claimed];
  const texts = await readTokens(tx, { datanetId, records: both, ids });
  const textOf = (recordHash: string) => texts.get(recordHash)!;
  await proposeDisputes(tx, handles, {
    ...{ datanetId, lineage, textOf },
    sealedAt: newest && new Date(newest.manifest.sealedAt),
  });
  const table = countWords(
    ids,
    claimed.map(({ hash }) => textOf(hash)),
  );
  const records = ownRecords(claimed, {
    ...{ ids, table, lineage, textOf },
    claimsOf: await readDisputedClaims(tx, datanetId, lineage),
    seals: await readSeals(tx, datanetId),
  });
  const hashOf = entitlementHashes();
  const owners = records.map((record) => hashOf(record.owners));
  const maps = records.map(({ map }) =>
    map.map(({ words, owners }) => [words, hashOf(owners)] as const),
  );
  const leaves = records.map((record, i) =>
    snapshotLeaf({ record: record.hash, owners: owners[i], map: ownerMapHash(maps[i]) }),
  );
  const root = toHex(merkleRoot(leaves));
  if (newest?.manifest.root === root) return newest.id;

  const sealedAt = clock.now();
  const snapshotId = newId('snapshot', clock);
  const owned = records.map((record) => ({
    owners: hashOf(record.owned.owners),
    information: record.owned.information.toString(),
  }));
  const manifest: SnapshotManifest = {
    version: SNAPSHOT_VERSION,
    snapshot: snapshotId,
    datanet: datanetId,
    sequence: (newest?.manifest.sequence ?? 0) + 1,
    records: records.length,
    root,
    owned: ownedHash(owned),
    information: {
      tokenizer: table.words,
      total: table.total.toString(),
      table: unigramTableHash(table),
      tokens: table.counts.size,
    },
    licences: [...new Set(records.map(({ licence }) => licence))].sort(),
    sealedAt: sealedAt.toISOString(),
  };
  await tx.query(sql`
    insert into datanets.snapshots
      (id, datanet_id, sequence, hash, root, manifest, information, sealed_at)
    values
      (${snapshotId}, ${datanetId}, ${manifest.sequence}, ${snapshotHash(manifest)}, ${root},
       ${canonicalize(manifest)}, ${canonicalize(unigramDocument(table))}, ${sealedAt})`);
  await insertEntitlements(tx, records, hashOf);
  await insertLeaves(tx, {
    ...{ snapshotId, datanetId, records, maps, hashOf },
    identityOf: lineage.identityOf,
  });
  const members = records.map(({ owned, quality }) => ({
    owners: owned.owners,
    value: owned.information * BigInt(quality),
  }));
  await insertPool(tx, { snapshotId, version: 1, members: poolEntitlement(members), at: sealedAt });
  return snapshotId;
}

/** Chunks of one document mostly have one vector, which is hashed once. */
function entitlementHashes(): (vector: EntitlementVector) => string {
  const known = new Map<EntitlementVector, string>();
  const hashes = new Map<string, string>();
  return (vector) => {
    const before = known.get(vector);
    if (before !== undefined) return before;
    const key = vector.map(({ party, weight }) => `${party} ${weight}`).join();
    const hash = hashes.get(key) ?? entitlementHash(vector);
    hashes.set(key, hash);
    known.set(vector, hash);
    return hash;
  };
}

/** In the order of their hashes, so that two seals never wait for each other: datanets may share vectors. */
async function insertEntitlements(
  tx: Tx,
  records: readonly OwnedRecord[],
  hashOf: (vector: EntitlementVector) => string,
): Promise<void> {
  const distinct = new Map(
    records
      .flatMap(({ owners, owned, map }) => [owners, owned.owners, ...map.map((run) => run.owners)])
      .map((vector) => [hashOf(vector), vector]),
  );
  const vectors = new Map<string, EntitlementVector>(
    [...distinct].sort(([a], [b]) => (a < b ? -1 : 1)),
  );
  await tx.query(sql`
    insert into datanets.entitlements (hash, vector)
    select hash, vector::jsonb
    from unnest(
      ${[...vectors.keys()]}::text[],
      ${[...vectors.values()].map((vector) => JSON.stringify(formatEntitlement(vector)))}::text[]
    ) as entitlement (hash, vector)
    on conflict (hash) do nothing`);
}

type Leaves = {
  readonly snapshotId: string;
  readonly datanetId: string;
  readonly records: readonly OwnedRecord[];
  /** Of each record, words in a row and the hash of their owners' vector. */
  readonly maps: readonly (readonly (readonly [words: number, owners: string])[])[];
  readonly hashOf: (vector: EntitlementVector) => string;
  readonly identityOf: ReadonlyMap<string, string>;
};

async function insertLeaves(
  tx: Tx,
  { snapshotId, datanetId, records, maps, hashOf, identityOf }: Leaves,
): Promise<void> {
  for (let position = 0; position < records.length; position += PAGE) {
    const sealed = records.slice(position, position + PAGE);
    const owned = maps.slice(position, position + PAGE);
    await tx.query(sql`
      insert into datanets.leaves
        (snapshot_id, datanet_id, position, record_hash, document_hash, owners_hash, information, owned_hash,
         owned_information, owner_map, map_hash, quality, licence, source, contributors)
      select ${snapshotId}, ${datanetId}, ${position}::integer + place - 1, hash, document, owners, information,
        owned, owned_information, map::jsonb, map_hash, quality, licence, source::jsonb, array(select jsonb_array_elements_text(contributors::jsonb))
      from unnest(
        ${sealed.map(({ hash }) => hash)}::text[],
        ${sealed.map(({ document }) => document)}::text[],
        ${sealed.map(({ owners }) => hashOf(owners))}::text[],
        ${sealed.map(({ information }) => information)}::bigint[],
        ${sealed.map(({ owned }) => hashOf(owned.owners))}::text[],
        ${sealed.map(({ owned }) => owned.information)}::bigint[],
        ${owned.map((map) => JSON.stringify(map))}::text[],
        ${owned.map(ownerMapHash)}::text[],
        ${sealed.map(({ quality }) => quality)}::integer[],
        ${sealed.map(({ licence }) => licence)}::text[],
        ${sealed.map(({ source }) => JSON.stringify(source))}::text[],
        ${sealed.map((record) => JSON.stringify(contributorsOf(record, identityOf)))}::text[]
      ) with ordinality
        as leaf (hash, document, owners, information, owned, owned_information, map, map_hash, quality, licence, source,
          contributors, place)`);
  }
}

/** Who wrote it, the largest owner first; refiners have their part, but did not write it. */
const contributorsOf = (
  { owners }: SealedRecord,
  identityOf: ReadonlyMap<string, string>,
): readonly string[] =>
  [...owners]
    .sort((a, b) => (a.weight === b.weight ? 0 : a.weight > b.weight ? -1 : 1))
    .map(({ party }) => identityOf.get(party))
    .filter((identity) => identity !== undefined);
