/**
 * Uploads drafts to a datanet's import: in batches, with progress, going on where it stopped.
 *
 * The server keeps how many lines it has taken and a digest chained over them. The source is read again from its
 * beginning; if its first lines have that digest they are skipped, otherwise the source has changed and all is sent
 * again, what is known already counting as duplicates.
 */
import { createHash } from 'node:crypto';
import {
  type api,
  type Client,
  type Draft,
  type Id,
  OpenLedgerError,
  type OutputOf,
} from '@openledger/sdk';

type Import = OutputOf<typeof api.datanets.getImport>;

export type UploadOptions = {
  readonly datanetId: Id<'datanet'>;
  /** What the import is called: the same name goes on with the same import. */
  readonly name: string;
  /** Reads the source from its beginning; called again where the source has changed. */
  readonly drafts: () => AsyncIterable<Draft>;
  readonly onProgress?: (progress: UploadProgress) => void;
};

export type UploadProgress = {
  /** Drafts dealt with, those of earlier runs included. */
  readonly taken: number;
  readonly accepted: number;
};

/** What became of the whole import, earlier runs included. */
export type UploadReport = {
  readonly importId: Id<'import'>;
  readonly taken: number;
  readonly accepted: number;
  readonly rejected: Import['rejected'];
  /** The first rejections of this run, by where the text came from. */
  readonly rejections: readonly {
    readonly path: string;
    readonly line: number | undefined;
    readonly reason: string;
    readonly message: string;
  }[];
};

const BATCH_LINES = 500;
const BATCH_CHARACTERS = 4_000_000;
const MOST_REJECTIONS = 1000;

/** @throws OpenLedgerError as the server threw it; running it again then goes on behind what was taken */
export async function uploadImport(client: Client, options: UploadOptions): Promise<UploadReport> {
  const opened = await client.datanets.openImport({
    datanetId: options.datanetId,
    name: options.name,
  });
  const standing = (await continues(opened, options)) ? opened : await restart(client, opened);
  const rejections: UploadReport['rejections'][number][] = [];
  let current = standing;
  for await (const batch of batches(options.drafts(), standing.taken)) {
    const sent = await send(client, current, batch);
    current = sent.import;
    for (const { line, reason, message } of sent.rejections) {
      const { source } = batch[line - 1].draft;
      const path = source?.path ?? source?.url ?? '';
      if (rejections.length < MOST_REJECTIONS)
        rejections.push({ path, line: source?.line, reason, message });
    }
    options.onProgress?.({ taken: current.taken, accepted: current.accepted });
  }
  const { id: importId, taken, accepted, rejected } = current;
  return { importId, taken, accepted, rejected, rejections };
}

type Line = { readonly draft: Draft; readonly text: string };

/** Whether the source still begins with the lines that were taken. */
async function continues({ taken, digest }: Import, { drafts }: UploadOptions): Promise<boolean> {
  if (taken === 0) return true;
  let ours = '0'.repeat(64);
  let count = 0;
  for await (const draft of drafts()) {
    ours = chained(ours, JSON.stringify(draft));
    count += 1;
    if (count === taken) return ours === digest;
  }
  return false;
}

const restart = (client: Client, { datanetId, id: importId }: Import): Promise<Import> =>
  client.datanets.restartImport({ datanetId, importId });

/** Sends a batch until the server says that it has it; an answer that was lost is asked for again. */
async function send(
  client: Client,
  before: Import,
  batch: readonly Line[],
): Promise<{
  readonly import: Import;
  readonly rejections: OutputOf<typeof api.datanets.uploadImport>['intake']['rejections'];
}> {
  const which = { datanetId: before.datanetId, importId: before.id };
  const digest = batch.reduce((sum, { text }) => chained(sum, text), before.digest);
  for (let attempt = 1; ; attempt++) {
    try {
      const body = [Buffer.from(batch.map(({ text }) => `${text}\n`).join(''))];
      const sent = await client.datanets.uploadImport({ ...which, from: before.taken }, { body });
      assertTook(sent.import, digest);
      return { import: sent.import, rejections: sent.intake.rejections };
    } catch (error) {
      const wasLost = error instanceof OpenLedgerError && error.code === 'unavailable';
      if (!wasLost || attempt === ATTEMPTS) throw error;
      await new Promise((resolve) => setTimeout(resolve, 250 * 4 ** attempt));
      const now = await client.datanets.getImport(which).catch(() => before);
      if (now.taken !== before.taken) {
        assertTook(now, digest);
        return { import: now, rejections: [] };
      }
    }
  }
}

const ATTEMPTS = 4;

function assertTook({ digest, name }: Import, expected: string): void {
  if (digest === expected) return;
  throw new OpenLedgerError('conflict', `Somebody else is uploading to the import ${name}.`);
}

async function* batches(
  drafts: AsyncIterable<Draft>,
  skip: number,
): AsyncGenerator<readonly Line[]> {
  let batch: Line[] = [];
  let characters = 0;
  let seen = 0;
  for await (const draft of drafts) {
    seen += 1;
    if (seen <= skip) continue;
    const text = JSON.stringify(draft);
    if (
      batch.length === BATCH_LINES ||
      (batch.length > 0 && characters + text.length > BATCH_CHARACTERS)
    ) {
      yield batch;
      batch = [];
      characters = 0;
    }
    batch.push({ draft, text });
    characters += text.length;
  }
  if (batch.length > 0) yield batch;
}

const chained = (digest: string, line: string): string => sha256(digest + sha256(line));

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
