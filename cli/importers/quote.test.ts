import { type Client, createClient, type Draft } from '@openledger/sdk';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openDatanetsHttp } from '../../test/harness/datanets-http.ts';
import type { TestDatabase } from '../../test/harness/postgres.ts';
import { quoteImport, quoteText } from './quote.ts';

let database: TestDatabase;
let client: Client;

beforeAll(async () => {
  const opened = await openDatanetsHttp();
  database = opened.database;
  client = createClient({
    ...{ baseUrl: 'http://127.0.0.1', apiKey: opened.apiKey },
    fetch: opened.server,
  });
});
afterAll(() => database.drop());

const words = (subject: string, count: number) =>
  Array.from({ length: count }, (_, i) => `${subject}${String.fromCharCode(97 + i)}`).join(' ');

async function* from(drafts: readonly Draft[]) {
  yield* drafts;
}

test('adds up what would become of a source, and contributes nothing', async () => {
  const { id: datanetId } = await client.datanets.create({ name: 'quoted' });
  const known = { text: words('kelp', 20), licence: 'MIT' };
  await client.datanets.contribute({ datanetId, ...known });
  const report = await quoteImport(client, {
    datanetId,
    drafts: from([
      known,
      { text: `${known.text} ${words('dulse', 20)}`, licence: 'MIT' },
      { text: words('laver', 20), licence: 'unknown' },
      { text: 'y'.repeat(8_000_001), licence: 'MIT' },
    ]),
  });
  expect(report).toMatchObject({
    ...{ quoted: 4, hasMore: false, accepted: 1, refused: { duplicate: 1, licence: 1, size: 1 } },
    ...{ tokens: 40, ownedPpm: 500_000, measuredByNearest: 0, nearDuplicates: 0, nearCited: 0 },
  });
  expect(quoteText(report)).toContain('own text   500000 ppm of 40 words and symbols\n');
  expect((await client.datanets.get({ datanetId })).records).toBe(1);
});

test('asks about the first 1,000 texts, fifty at a time, and says that there are more', async () => {
  const { id: datanetId } = await client.datanets.create({ name: 'long' });
  const progress: number[] = [];
  const report = await quoteImport(client, {
    datanetId,
    drafts: from(Array.from({ length: 1001 }, (_, i) => ({ text: `short ${i}`, licence: 'MIT' }))),
    onProgress: (quoted) => progress.push(quoted),
  });
  expect(report).toMatchObject({ quoted: 1000, hasMore: true, refused: { size: 1000 } });
  expect(quoteText(report)).toContain(
    'quoted     1000, the first of more; nothing was contributed',
  );
  expect(progress.slice(0, 2)).toEqual([50, 100]);
});
