/** Fills two datanets: a general one, to train the base on, and one of chosen texts, new to the base, for the adapter. */
import type { api, Client, Draft, Id, OutputOf } from '@openledger/sdk';
import { findDatanet } from '../find-datanet.ts';
import { uploadImport } from '../importers/upload.ts';
import type { Person } from './people.ts';
import { type Output, startProgress } from './progress.ts';

/** Where the loop's texts come from. */
export type Source = {
  /** Name of the datanet, and of the import. */
  readonly name: string;
  readonly title: string;
  readonly drafts: () => AsyncIterable<Draft>;
  /** Chooses the adapter's texts; the base learns from the others. */
  readonly isSpecial: (draft: Draft) => boolean;
  /** SPDX ids to accept beside the common open ones. */
  readonly licences?: readonly string[];
};

export type Snapshot = OutputOf<typeof api.datanets.seal>;

export type Gathered = { readonly general: Snapshot; readonly special: Snapshot };

export async function gather(curator: Person, source: Source, output: Output): Promise<Gathered> {
  const general = await fill(curator, output, {
    ...source,
    drafts: () => only(source.drafts(), (draft) => !source.isSpecial(draft)),
  });
  const special = await fill(curator, output, {
    ...source,
    name: `${source.name}-chosen`,
    title: `${source.title}, chosen ones`,
    drafts: () => only(source.drafts(), source.isSpecial),
  });
  const [either] = [general, special].filter((snapshot) => snapshot !== undefined);
  if (!either) throw new Error(`${source.title} holds no text that a datanet accepts.`);
  return { general: general ?? either, special: special ?? either };
}

/** Contribute, refine, seal. @returns undefined where nothing was accepted */
async function fill(
  { client }: Person,
  output: Output,
  source: Source,
): Promise<Snapshot | undefined> {
  const progress = startProgress(output, 'contribute');
  const datanetId = await openDatanet(client, source);
  const report = await uploadImport(client, {
    datanetId,
    name: source.name,
    drafts: source.drafts,
    onProgress: ({ taken }) => progress.at(0, 1, `${taken} texts`),
  });
  const rejected = Object.values(report.rejected).reduce(
    (sum: number, count) => sum + (count ?? 0),
    0,
  );
  progress.done(
    `${source.title}: ${report.accepted} texts taken, ${rejected} refused${reasons(report.rejected)}`,
  );
  if (report.accepted === 0) return undefined;
  const refining = startProgress(output, 'refine, seal');
  const { derived } = await client.datanets.refine({ datanetId });
  const snapshot = await client.datanets.seal({ datanetId });
  refining.done(
    `${derived} records derived, ${snapshot.manifest.records} sealed under ${snapshot.manifest.root.slice(0, 16)}...`,
  );
  return snapshot;
}

async function openDatanet(
  client: Client,
  { name, title, licences }: Source,
): Promise<Id<'datanet'>> {
  const known = await findDatanet(client, name);
  if (known) return known.id;
  return (await client.datanets.create({ name, title, licences: licences && [...licences] })).id;
}

const reasons = (rejected: Readonly<Record<string, number | undefined>>): string => {
  const named = Object.entries(rejected).filter(([, count]) => count);
  return named.length === 0
    ? ''
    : ` (${named.map(([reason, count]) => `${reason} ${count}`).join(', ')})`;
};

async function* only(
  drafts: AsyncIterable<Draft>,
  isChosen: (draft: Draft) => boolean,
): AsyncGenerator<Draft> {
  for await (const draft of drafts) if (isChosen(draft)) yield draft;
}
