/** `export SNAPSHOT [--to DIR] [--parquet]`: a snapshot as files, its records with their Croissant description beside them. */
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  type Client,
  canonicalize,
  type Id,
  isId,
  OpenLedgerError,
  parseCroissant,
} from '@openledger/sdk';
import { flagOf, hasFlag, parseArguments } from '../arguments.ts';
import { openSession } from '../session.ts';
import { exportParquet } from './export-parquet.ts';

/** @throws conflict when a record was withdrawn while they were read: then nothing is described */
export async function exportSnapshot(argv: readonly string[]): Promise<number> {
  const args = parseArguments(argv);
  const [snapshotId = ''] = args.words;
  if (args.words.length !== 1 || !isId('snapshot', snapshotId)) {
    throw new OpenLedgerError(
      'invalid_input',
      'Say which snapshot: openledger export snp_... [--to DIR] [--parquet]',
    );
  }
  const folder = flagOf(args, 'to') ?? snapshotId;
  const { client } = await openSession(args);
  await mkdir(folder, { recursive: true });
  const description = await client.datanets.describeSnapshot({ snapshotId });
  const parsed = parseCroissant(description);
  const [file] = parsed.distribution;
  const lines = join(folder, 'records.jsonl');
  const written = { digest: createHash('sha256'), records: 0 };
  await pipeline(Readable.from(linesOf(client, snapshotId, written)), createWriteStream(lines));
  if (file['@type'] !== 'cr:FileObject' || file.sha256 !== written.digest.digest('hex')) {
    throw new OpenLedgerError('conflict', 'A record was withdrawn meanwhile. Export it again.');
  }
  const described = hasFlag(args, 'parquet')
    ? await exportParquet({ folder, lines, records: written.records }, parsed)
    : description;
  await writeFile(join(folder, 'croissant.json'), `${JSON.stringify(described, null, 2)}\n`);
  console.log(join(folder, 'croissant.json'));
  return 0;
}

async function* linesOf(
  client: Client,
  snapshotId: Id<'snapshot'>,
  written: { readonly digest: ReturnType<typeof createHash>; records: number },
): AsyncGenerator<string> {
  for (let after: string | undefined; ; ) {
    const { items, next } = await client.datanets.listSnapshotRecords({
      ...{ snapshotId, limit: 500, after },
    });
    for (const record of items) {
      const line = `${canonicalize(record)}\n`;
      written.digest.update(line);
      written.records += 1;
      yield line;
    }
    if (next === undefined) return;
    after = next;
  }
}
