/** A snapshot as a data set for others: its records as JSON lines, and a Croissant 1.1 description beside them. */
import { createHash } from 'node:crypto';
import {
  CROISSANT_CONTEXT,
  CROISSANT_VERSION,
  canonicalize,
  type ExportedRecord,
} from '@openledger/protocol';
import type { Reader } from '../platform/db.ts';
import { sql } from '../platform/sql.ts';
import { type Datanet, findDatanet } from './datanets.ts';
import { licenceUrls } from './rights/rights.ts';
import {
  findSnapshot,
  type Snapshot,
  type SnapshotRecord,
  snapshotRecords,
  snapshotRecordsAfter,
} from './snapshots.ts';

/** The file of records, as the description names it. */
const RECORDS_FILE = 'records.jsonl';

/** A page of what the file holds: without withdrawn records. @param after a position @throws not_found */
export async function listExportedRecords(
  reader: Reader,
  query: { readonly snapshotId: string; readonly limit: number; readonly after?: string },
): Promise<readonly (ExportedRecord & { readonly id: string })[]> {
  await findSnapshot(reader, query.snapshotId);
  const after = /^[0-9]{1,9}$/.test(query.after ?? '') ? Number(query.after) : -1;
  const records = await snapshotRecordsAfter(reader, { ...query, after });
  return records.map((record) => ({ id: String(record.position), ...exported(record) }));
}

/**
 * The description: who made it, under which licences, and the file with its digest.
 *
 * Everybody whose text is in it is a creator, by the identity that is stored; no address, key or hint is in it.
 *
 * @throws not_found
 */
export async function describeSnapshot(
  reader: Reader,
  snapshotId: string,
): Promise<Readonly<Record<string, unknown>>> {
  const snapshot = await findSnapshot(reader, snapshotId);
  const datanet = await findDatanet(reader, snapshot.datanetId);
  const digest = createHash('sha256');
  const contents = { bytes: 0, records: 0 };
  const [contributors, licences] = [new Set<string>(), new Set<string>()];
  for await (const record of snapshotRecords(reader, snapshotId)) {
    if (record.withdrawn) continue;
    const line = Buffer.from(`${canonicalize(exported(record))}\n`);
    digest.update(line);
    contents.bytes += line.length;
    contents.records++;
    for (const contributor of record.contributors) contributors.add(contributor);
    licences.add(record.licence);
  }
  const withdrawn = await countWithdrawn(reader, snapshotId);
  return description({
    ...{ snapshot, datanet, withdrawn, ...contents, sha256: digest.digest('hex') },
    ...{ contributors: [...contributors].sort(), licences: [...licences].sort() },
  });
}

const exported = (record: SnapshotRecord): ExportedRecord => ({
  hash: record.recordHash,
  text: record.text,
  licence: record.licence,
  contributors: [...record.contributors],
  document: record.document,
  quality: record.quality,
  url: record.source.url ?? null,
  path: record.source.path ?? null,
});

async function countWithdrawn(reader: Reader, snapshotId: string): Promise<number> {
  const [{ count }] = await reader.query<{ count: string }>(sql`
    select count(*)
    from datanets.leaves
    where snapshot_id = ${snapshotId} and withdrawn_from is not null`);
  return Number(count);
}

type Described = {
  readonly snapshot: Snapshot;
  readonly datanet: Datanet;
  readonly records: number;
  readonly withdrawn: number;
  readonly bytes: number;
  readonly sha256: string;
  readonly contributors: readonly string[];
  readonly licences: readonly string[];
};

function description(described: Described): Readonly<Record<string, unknown>> {
  const { snapshot, datanet, records, withdrawn, contributors, licences } = described;
  const { manifest } = snapshot;
  const urn = `urn:openledger:snapshot:${snapshot.hash}`;
  return {
    '@context': CROISSANT_CONTEXT,
    '@type': 'sc:Dataset',
    name: datanet.name,
    description: datanet.description || `${datanet.title}: ${records} records of text.`,
    conformsTo: CROISSANT_VERSION,
    url: urn,
    identifier: urn,
    // A withdrawal leaves the snapshot as it is and takes lines out of the file.
    version: `${manifest.sequence}.0.${snapshot.poolVersion}`,
    datePublished: manifest.sealedAt,
    isLiveDataset: false,
    license: licences.flatMap((licence) => {
      const urls = licenceUrls(licence);
      return urls.length > 0 ? urls : [licence];
    }),
    creator: contributors.map((identity) => ({
      '@type': identity.startsWith('npm-package:') ? 'sc:Organization' : 'sc:Person',
      name: identity,
      identifier: identity,
    })),
    citeAs: `${datanet.title}, snapshot ${manifest.sequence}, ${manifest.sealedAt.slice(0, 10)}, ${urn}`,
    'rai:dataCollection':
      'Contributed or imported by whoever holds the sources; each record names its licence and its contributors.',
    'rai:dataCollectionType': 'Contributions and imports',
    'rai:dataPreprocessingProtocol':
      'Checked for size, encoding, licence, secrets, quality and exact duplicates before acceptance; refined records keep their lineage.',
    'rai:personalSensitiveInformation':
      'Contributors are named by identities. Addresses of committers are keyed hashes whose key is not part of this data set.',
    'rai:dataReleaseMaintenancePlan': `Withdrawn records are left out: ${withdrawn} of ${manifest.records} so far. Each withdrawal raises the last part of the version.`,
    distribution: [
      {
        '@type': 'cr:FileObject',
        '@id': RECORDS_FILE,
        name: RECORDS_FILE,
        contentUrl: RECORDS_FILE,
        contentSize: `${described.bytes} B`,
        encodingFormat: 'application/jsonlines',
        sha256: described.sha256,
      },
    ],
    recordSet: [
      {
        '@type': 'cr:RecordSet',
        '@id': 'records',
        name: 'records',
        key: { '@id': 'records/hash' },
        field: fields.map(([name, dataType, about, rest = {}]) => ({
          '@type': 'cr:Field',
          '@id': `records/${name}`,
          name,
          description: about,
          dataType,
          ...rest,
          source: { fileObject: { '@id': RECORDS_FILE }, extract: { column: name } },
        })),
      },
    ],
  };
}

const LIST = { isArray: true, arrayShape: '-1' };

const fields: readonly (readonly [
  name: keyof ExportedRecord,
  dataType: string,
  about: string,
  rest?: object,
])[] = [
  ['hash', 'sc:Text', 'SHA-256 of the text.'],
  ['text', 'sc:Text', 'The record.'],
  ['licence', 'sc:Text', 'SPDX expression.'],
  ['contributors', 'sc:Text', 'Whom to name, as identities, the largest owner first.', LIST],
  ['document', 'sc:Text', 'Hash of the contribution that the record was cut from.'],
  ['quality', 'sc:Integer', 'Parts per million.'],
  ['url', 'sc:URL', 'Where it was found, if known.'],
  ['path', 'sc:Text', 'Path inside its source, if known.'],
];
