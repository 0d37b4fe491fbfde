import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, createClient, type Draft, type Id, OpenLedgerError } from '@openledger/sdk';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openDatanetsHttp } from '../../test/harness/datanets-http.ts';
import type { TestDatabase } from '../../test/harness/postgres.ts';
import { tldrDrafts, tldrIsHere } from '../../test/harness/tldr.ts';
import { jsonlDrafts } from './jsonl.ts';
import { uploadImport } from './upload.ts';

let database: TestDatabase;
let client: Client;
let folder: string;
/** Stands between client and server, and may lose requests or answers. */
let network: typeof fetch;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'openledger-test-'));
  const { server, apiKey, ...opened } = await openDatanetsHttp();
  database = opened.database;
  network = server;
  client = createClient({
    baseUrl: 'http://127.0.0.1',
    apiKey,
    fetch: (input, init) => network(input, init),
  });
  reset = () => {
    network = server;
  };
});
let reset = () => {};
afterAll(async () => {
  await database.drop();
  await rm(folder, { recursive: true });
});

const newDatanet = async (name: string, licences?: string[]) =>
  (await client.datanets.create({ name, licences })).id;

const draftOf = (subject: string): Draft => ({
  text: `The ${subject} is described here, in a sentence that says something about the ${subject}.`,
  licence: 'MIT',
});

async function* from(drafts: readonly Draft[]) {
  yield* drafts;
}

const hashesOf = async (datanetId: Id<'datanet'>) =>
  (await client.datanets.listRecords({ datanetId, limit: 500 })).items.map(({ hash }) => hash);

test('an upload that broke off goes on where it stopped, and ends as if it never had', async () => {
  const drafts = Array.from({ length: 1300 }, (_, i) => draftOf(`animal number ${i}`));
  const whole = await newDatanet('whole');
  await uploadImport(client, { datanetId: whole, name: 'x', drafts: () => from(drafts) });

  const datanetId = await newDatanet('broken');
  async function* breaking() {
    yield* drafts.slice(0, 1100);
    throw new Error('the disk is gone');
  }
  const progress: number[] = [];
  const options = {
    datanetId,
    name: 'x',
    onProgress: ({ taken }: { taken: number }) => progress.push(taken),
  };
  await expect(uploadImport(client, { ...options, drafts: breaking })).rejects.toThrow(
    'the disk is gone',
  );
  const report = await uploadImport(client, { ...options, drafts: () => from(drafts) });
  expect(report).toMatchObject({ taken: 1300, accepted: 1300, rejected: {} });
  expect(progress).toEqual([500, 1000, 1300]);
  expect(await hashesOf(datanetId)).toEqual(await hashesOf(whole));
  const again = await uploadImport(client, { ...options, drafts: () => from(drafts) });
  expect(again).toMatchObject({ taken: 1300, accepted: 1300, rejected: {} });
});

test('an answer that is lost is not sent twice', async () => {
  const datanetId = await newDatanet('lossy');
  const server = network;
  let lost = 0;
  network = async (input, init) => {
    const answer = await server(input, init);
    if (String(input).includes('/lines') && lost++ < 2) throw new Error('reset by peer');
    return answer;
  };
  const drafts = Array.from({ length: 600 }, (_, i) => draftOf(`bird number ${i}`));
  const report = await uploadImport(client, { datanetId, name: 'x', drafts: () => from(drafts) });
  reset();
  expect(lost).toBe(2);
  expect(report).toMatchObject({ taken: 600, accepted: 600, rejected: {} });
});

test('a source that has changed is sent again, and what is known counts as duplicate', async () => {
  const datanetId = await newDatanet('changed');
  const options = { datanetId, name: 'x' };
  const [ant, bee, cow] = ['ant', 'bee', 'cow'].map(draftOf);
  await uploadImport(client, { ...options, drafts: () => from([ant, cow]) });
  const grown = await uploadImport(client, { ...options, drafts: () => from([ant, cow, bee]) });
  expect(grown).toMatchObject({ taken: 3, accepted: 3, rejected: {} });
  const [dog] = ['dog'].map(draftOf);
  const changed = await uploadImport(client, { ...options, drafts: () => from([ant, dog, cow]) });
  expect(changed).toMatchObject({ taken: 3, accepted: 1, rejected: { duplicate: 2 } });
});

test('rejections say where the text came from', async () => {
  const datanetId = await newDatanet('rejections');
  await writeFile(
    join(folder, 'a.jsonl'),
    [draftOf('fox'), { text: 'tiny', licence: 'MIT' }, { ...draftOf('hen'), licence: 'unknown' }]
      .map((value) => `${JSON.stringify(value)}\n`)
      .join(''),
  );
  const drafts = () => jsonlDrafts(join(folder, 'a.jsonl'));
  const report = await uploadImport(client, { datanetId, name: 'x', drafts });
  expect(report.rejections.map(({ path, line, reason }) => [path, line, reason])).toEqual([
    ['a.jsonl', 2, 'size'],
    ['a.jsonl', 3, 'licence'],
  ]);
  await expect(
    uploadImport(client, { datanetId: `dn_${'0'.repeat(32)}`, name: 'x', drafts }),
  ).rejects.toBeInstanceOf(OpenLedgerError);
});

test('the tldr pages go in, are refined, sealed and found', {
  timeout: 300_000,
}, async (context) => {
  if (!tldrIsHere()) return context.skip('../shared/data/corpora/tldr is not here');
  const pages = tldrDrafts();
  const lines = pages.map((draft) => JSON.stringify(draft));
  await writeFile(join(folder, 'tldr.jsonl'), lines.join('\n'));
  const datanetId = await newDatanet('tldr', ['CC-BY-4.0']);
  const report = await uploadImport(client, {
    ...{ datanetId, name: 'tldr' },
    drafts: () => jsonlDrafts(join(folder, 'tldr.jsonl')),
  });
  await client.datanets.refine({ datanetId });
  const { id: snapshotId } = await client.datanets.seal({ datanetId });
  expect(report.taken).toBe(pages.length);
  expect(report.accepted).toBeGreaterThan(pages.length * 0.97);
  const { items } = await client.datanets.retrieve({
    datanetId,
    query: 'start an android activity with am',
    limit: 3,
  });
  expect(items[0].text).toContain('am start');
  expect(items[0].snapshotId).toBe(snapshotId);
});
