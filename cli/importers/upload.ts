/**
 * Uploads drafts to a datanet's import: in batches, with progress, going on where it stopped.
 *
 * The server keeps how many lines it has taken and a digest chained over them. The source is read from its beginning;
 * if its first lines have that digest, those behind them are sent. Otherwise the source has changed and all is sent again,
 * what is known already counting as duplicates.
 *
 * A source that grows is sent in rounds: once all of it is taken, the round is finished with what it has reached, and the
 * next one sends only what came after. An interrupted round is finished before that moves.
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
  /**
   * Reads the source from its beginning; called again where the source has changed.
   *
   * @param since what an earlier, finished round has reached: only what came after it has to be read
   */
  readonly drafts: (since: string | undefined) => AsyncIterable<Draft>;
  /** What the drafts reach to. Absent: the source is no growing one, and its import is never finished. */
  readonly reached?: string;
  readonly onProgress?: (progress: UploadProgress) => void;
};

export type UploadProgress = {
  /** Drafts dealt with, those of earlier runs included. */
  readonly taken: number;
  readonly accepted: number;
};

/** What became of the whole import, earlier runs included; of a growing source, of this round. */
export type UploadReport = {
  readonly importId: Id<'import'>;
  readonly round: number;
  readonly taken: number;
  readonly accepted: number;
  readonly rejected: Import['rejected'];
  readonly personalDataFound: Import['personalDataFound'];
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
  const sent =
    (await sendRest(client, opened, options)) ??
    (await sendRest(client, await restart(client, opened), options));
  if (!sent) throw new Error('A source that was read from its beginning has no beginning.');
  await finish(client, sent.import, options.reached);
  const { id: importId, round, taken, accepted, rejected, personalDataFound } = sent.import;
  return {
    ...{ importId, round, taken, accepted, rejected, personalDataFound },
    rejections: sent.rejections,
  };
}

/** Sends what comes behind the lines taken. @returns undefined where the source does not begin with them any more */
async function sendRest(
  client: Client,
  standing: Import,
  options: UploadOptions,
): Promise<(Pick<UploadReport, 'rejections'> & { readonly import: Import }) | undefined> {
  const source = options.drafts(standing.since)[Symbol.asyncIterator]();
  if (!(await skipTaken(source, standing))) {
    await source.return?.();
    return undefined;
  }
  const rejections: UploadReport['rejections'][number][] = [];
  let current = standing;
  for await (const batch of batches({ [Symbol.asyncIterator]: () => source })) {
    const sent = await send(client, current, batch);
    current = sent.import;
    for (const { line, reason, message } of sent.rejections) {
      const { source: found } = batch[line - 1].draft;
      const path = found?.path ?? found?.url ?? '';
      if (rejections.length < MOST_REJECTIONS)
        rejections.push({ path, line: found?.line, reason, message });
    }
    options.onProgress?.({ taken: current.taken, accepted: current.accepted });
  }
  return { import: current, rejections };
}

type Line = { readonly draft: Draft; readonly text: string };

/** Reads as many drafts as were taken. @returns whether they are the same */
async function skipTaken(
  source: AsyncIterator<Draft>,
  { taken, digest }: Import,
): Promise<boolean> {
  let ours = '0'.repeat(64);
  for (let count = 0; count < taken; count++) {
    const { done, value } = await source.next();
    if (done) return false;
    ours = chained(ours, JSON.stringify(value));
  }
  return ours === digest;
}

const restart = (client: Client, { datanetId, id: importId }: Import): Promise<Import> =>
  client.datanets.restartImport({ datanetId, importId });

/** Sends a batch until the server says that it has it; an answer that was lost is asked for again. */
function send(
  client: Client,
  before: Import,
  batch: readonly Line[],
): Promise<{
  readonly import: Import;
  readonly rejections: OutputOf<typeof api.datanets.uploadImport>['intake']['rejections'];
}> {
  const which = { datanetId: before.datanetId, importId: before.id };
  const digest = batch.reduce((sum, { text }) => chained(sum, text), before.digest);
  return untilAnswered(async (attempt) => {
    const now = attempt === 1 ? before : await client.datanets.getImport(which);
    if (now.taken !== before.taken) {
      assertTook(now, digest);
      return { import: now, rejections: [] };
    }
    const body = [Buffer.from(batch.map(({ text }) => `${text}\n`).join(''))];
    const sent = await client.datanets.uploadImport({ ...which, from: before.taken }, { body });
    assertTook(sent.import, digest);
    return { import: sent.import, rejections: sent.intake.rejections };
  });
}

/** Only a round that took something, or moves on, is finished: looking and finding nothing new leaves no trace. */
async function finish(
  client: Client,
  { datanetId, id: importId, digest, taken, since }: Import,
  reached: string | undefined,
): Promise<void> {
  if (reached === undefined || (taken === 0 && reached === since)) return;
  await untilAnswered(() => client.datanets.finishImport({ datanetId, importId, digest, reached }));
}

const ATTEMPTS = 4;

async function untilAnswered<Answer>(ask: (attempt: number) => Promise<Answer>): Promise<Answer> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await ask(attempt);
    } catch (error) {
      const wasLost = error instanceof OpenLedgerError && error.code === 'unavailable';
      if (!wasLost || attempt === ATTEMPTS) throw error;
      await new Promise((resolve) => setTimeout(resolve, 250 * 4 ** attempt));
    }
  }
}

function assertTook({ digest, name }: Import, expected: string): void {
  if (digest === expected) return;
  throw new OpenLedgerError('conflict', `Somebody else is uploading to the import ${name}.`);
}

async function* batches(drafts: AsyncIterable<Draft>): AsyncGenerator<readonly Line[]> {
  let batch: Line[] = [];
  let characters = 0;
  for await (const draft of drafts) {
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
