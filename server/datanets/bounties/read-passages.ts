/** Reads the passages of a bounty: its snapshot's records, as the accepted submissions have left them, without what is withdrawn. */
import type { Reader } from '../../platform/db.ts';
import { textsOf } from '../places.ts';
import { snapshotRecords } from '../snapshots.ts';
import type { Bounty } from './bounties.ts';
import { type Passage, type Passages, refinedPassages } from './passages.ts';
import { readAcceptedWork } from './submissions.ts';

export async function readPassages(
  reader: Reader,
  bounty: Pick<Bounty, 'id' | 'datanetId' | 'snapshotId'>,
): Promise<Passages> {
  const accepted = await readAcceptedWork(reader, bounty.id);
  const texts = await textsOf(
    reader,
    bounty.datanetId,
    accepted.flatMap(({ children }) => children.map(({ hash }) => hash)),
  );
  const work = accepted.map((one) => ({
    ...one,
    children: one.children.flatMap((child) => {
      const text = texts.get(child.hash);
      return text === undefined ? [] : [{ ...child, text }];
    }),
  }));
  return refinedPassages(await readSealed(reader, bounty.snapshotId), work);
}

export async function readSealed(reader: Reader, snapshotId: string): Promise<Passages> {
  const passages = new Map<string, Passage>();
  for await (const { recordHash: hash, text, document, withdrawn } of snapshotRecords(
    reader,
    snapshotId,
  )) {
    if (!withdrawn) passages.set(hash, { hash, text, document });
  }
  return passages;
}
