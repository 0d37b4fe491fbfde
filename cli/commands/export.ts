/** `export SNAPSHOT [--to DIR]`: a snapshot as files, JSON lines with their Croissant description beside them. */
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
import { flagOf, parseArguments } from '../arguments.ts';
import { openSession } from '../session.ts';

/** @throws conflict when a record was withdrawn while they were read: then nothing is described */
export async function exportSnapshot(argv: readonly string[]): Promise<number> {
  const args = parseArguments(argv);
  const [snapshotId = ''] = args.words;
  if (args.words.length !== 1 || !isId('snapshot', snapshotId)) {
    throw new OpenLedgerError(
      'invalid_input',
      'Say which snapshot: openledger export snp_... [--to DIR]',
    );
  }
  const folder = flagOf(args, 'to') ?? snapshotId;
  const { client } = await openSession(args);
  await mkdir(folder, { recursive: true });
  const description = await client.datanets.describeSnapshot({ snapshotId });
  const [file] = parseCroissant(description).distribution;
  const digest = createHash('sha256');
  const lines = Readable.from(linesOf(client, snapshotId, digest));
  await pipeline(lines, createWriteStream(join(folder, 'records.jsonl')));
  if (file['@type'] !== 'cr:FileObject' || file.sha256 !== digest.digest('hex')) {
    throw new OpenLedgerError('conflict', 'A record was withdrawn meanwhile. Export it again.');
  }
  await writeFile(join(folder, 'croissant.json'), `${JSON.stringify(description, null, 2)}\n`);
  console.log(join(folder, 'croissant.json'));
  return 0;
}

async function* linesOf(
  client: Client,
  snapshotId: Id<'snapshot'>,
  digest: ReturnType<typeof createHash>,
): AsyncGenerator<string> {
  for (let after: string | undefined; ; ) {
    const { items, next } = await client.datanets.listSnapshotRecords({
      ...{ snapshotId, limit: 500, after },
    });
    for (const record of items) {
      const line = `${canonicalize(record)}\n`;
      digest.update(line);
      yield line;
    }
    if (next === undefined) return;
    after = next;
  }
}
