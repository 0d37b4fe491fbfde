/** Seals a snapshot: what a datanet holds now, in a fixed order, under one root, with who is entitled to it. */
import {
  canonicalize,
  cutWords,
  type EntitlementVector,
  entitlementHash,
  formatEntitlement,
  type Id,
  informationIn,
  merkleRoot,
  OpenLedgerError,
  poolEntitlement,
  SNAPSHOT_VERSION,
  type SnapshotManifest,
  snapshotHash,
  snapshotLeaf,
  sumUnigramTables,
  toHex,
  tokenAt,
  type UnigramTable,
  unigramDocument,
  unigramTable,
  unigramTableHash,
} from '@openledger/protocol';
import type { Clock } from '../platform/clock.ts';
import type { Reader, Tx } from '../platform/db.ts';
import { newId } from '../platform/new-id.ts';
import { sql } from '../platform/sql.ts';
import { type SealedRecord, sealedRecords } from './claims.ts';
import { lockDatanet } from './datanets.ts';
import { type RefinerShares, readLineage } from './lineage.ts';
import { insertPool } from './pools.ts';

/** Texts held in memory at a time. */
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
  clock: Clock,
  { datanetId, shares }: { readonly datanetId: Id<'datanet'>; readonly shares: RefinerShares },
): Promise<Id<'snapshot'>> {
  await lockDatanet(tx, datanetId);
  const lineage = await readLineage(tx, datanetId, shares);
  const records = sealedRecords(lineage);
  if (records.length === 0) {
    throw new OpenLedgerError('unprocessable', 'The datanet holds no record to seal.', {
      datanetId,
    });
  }
  const owners = hashOwners(records);
  const leaves = records.map((record, i) =>
    snapshotLeaf({ record: record.hash, owners: owners[i] }),
  );
  const root = toHex(merkleRoot(leaves));
  const newest = await newestSnapshot(tx, datanetId);
  if (newest?.root === root) return newest.id;

  const sealedAt = clock.now();
  const snapshotId = newId('snapshot', clock);
  const table = await countWords(tx, datanetId, records);
  const manifest: SnapshotManifest = {
    version: SNAPSHOT_VERSION,
    snapshot: snapshotId,
    datanet: datanetId,
    sequence: (newest?.sequence ?? 0) + 1,
    records: records.length,
    root,
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
  await insertEntitlements(tx, records, owners);
  const values = await insertLeaves(tx, {
    snapshotId,
    datanetId,
    records,
    owners,
    table,
    identityOf: lineage.identityOf,
  });
  const members = records.map((record, i) => ({ owners: record.owners, value: values[i] }));
  await insertPool(tx, { snapshotId, version: 1, members: poolEntitlement(members), at: sealedAt });
  return snapshotId;
}

async function newestSnapshot(
  reader: Reader,
  datanetId: string,
): Promise<{ id: Id<'snapshot'>; root: string; sequence: number } | undefined> {
  const [row] = await reader.query<{ id: Id<'snapshot'>; root: string; sequence: number }>(sql`
    select id, root, sequence
    from datanets.snapshots
    where datanet_id = ${datanetId}
    order by sequence desc
    limit 1`);
  return row;
}

/** Chunks of one document have one vector, which is hashed once. */
function hashOwners(records: readonly SealedRecord[]): readonly string[] {
  const hashes = new Map<string, string>();
  return records.map(({ owners }) => {
    const key = owners.map(({ party, weight }) => `${party} ${weight}`).join();
    const hash = hashes.get(key) ?? entitlementHash(owners);
    hashes.set(key, hash);
    return hash;
  });
}

async function countWords(
  reader: Reader,
  datanetId: string,
  records: readonly SealedRecord[],
): Promise<UnigramTable> {
  let table = unigramTable([]);
  for await (const page of pages(reader, datanetId, records)) {
    table = sumUnigramTables([table, unigramTable(page.map(({ text }) => text))]);
  }
  return table;
}

/** In the order of their hashes, so that two seals never wait for each other: datanets may share vectors. */
async function insertEntitlements(
  tx: Tx,
  records: readonly SealedRecord[],
  owners: readonly string[],
): Promise<void> {
  const distinct = new Map(records.map((record, i) => [owners[i], record.owners]));
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
  readonly records: readonly SealedRecord[];
  readonly owners: readonly string[];
  readonly table: UnigramTable;
  readonly identityOf: ReadonlyMap<string, string>;
};

/** @returns each record's weight in the pool: information times quality */
async function insertLeaves(
  tx: Tx,
  { snapshotId, datanetId, records, owners, table, identityOf }: Leaves,
): Promise<readonly bigint[]> {
  const informationOf = informationIn(table);
  const values: bigint[] = [];
  let position = 0;
  for await (const page of pages(tx, datanetId, records)) {
    const information = page.map(({ text }) => informationInText(text, informationOf));
    const sealed = records.slice(position, position + page.length);
    for (const [i, { quality }] of page.entries()) values.push(information[i] * BigInt(quality));
    await tx.query(sql`
      insert into datanets.leaves
        (snapshot_id, datanet_id, position, record_hash, document_hash, owners_hash, information, quality,
         licence, source, contributors)
      select ${snapshotId}, ${datanetId}, ${position}::integer + place - 1, hash, document, owners, information,
        quality, licence, source::jsonb, array(select jsonb_array_elements_text(contributors::jsonb))
      from unnest(
        ${sealed.map(({ hash }) => hash)}::text[],
        ${sealed.map(({ document }) => document)}::text[],
        ${owners.slice(position, position + page.length)}::text[],
        ${information}::bigint[],
        ${page.map(({ quality }) => quality)}::integer[],
        ${sealed.map(({ licence }) => licence)}::text[],
        ${sealed.map(({ source }) => JSON.stringify(source))}::text[],
        ${sealed.map((record) => JSON.stringify(contributorsOf(record, identityOf)))}::text[]
      ) with ordinality
        as leaf (hash, document, owners, information, quality, licence, source, contributors, place)`);
    position += page.length;
  }
  return values;
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

/** The information of a text's words, in 1/65,536 bits. */
function informationInText(text: string, informationOf: (word: string) => number): bigint {
  const words = cutWords(text);
  let information = 0; // at most 10^6 words of 2^22 each: exact
  for (let i = 0; i < words.count; i++) {
    if (words.wordFlags[i]) information += informationOf(tokenAt(words, i));
  }
  return BigInt(information);
}

/** Texts and qualities of the records, in their order, a page at a time. */
async function* pages(
  reader: Reader,
  datanetId: string,
  records: readonly SealedRecord[],
): AsyncGenerator<readonly { readonly text: string; readonly quality: number }[]> {
  for (let start = 0; start < records.length; start += PAGE) {
    const hashes = records.slice(start, start + PAGE).map(({ hash }) => hash);
    const rows = await reader.query<{ hash: string; text: string; quality: number }>(sql`
      select hash, text, quality
      from datanets.records
      where datanet_id = ${datanetId} and hash = any(${hashes}::text[])`);
    const rowOf = new Map(rows.map((row) => [row.hash, row]));
    yield hashes.map((hash) => rowOf.get(hash)!);
  }
}
