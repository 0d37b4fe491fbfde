import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { openTestDatanets, sentenceAbout } from '../../../test/harness/datanets.ts';
import { openAiEmbedder } from '../../platform/embeddings.ts';
import { createLog } from '../../platform/log.ts';
import { sql } from '../../platform/sql.ts';

/** A server of embeddings that knows two meanings, and how it is to behave. */
let asked: string[] = [];
let failures: number[] = [];
const server = createServer(async (request, response) => {
  let body = '';
  for await (const part of request) body += part;
  const status = failures.shift();
  if (status !== undefined) return void response.writeHead(status).end();
  const { input } = JSON.parse(body) as { input: string[] };
  asked.push(...input);
  const data = input.map((text, index) => ({ index, embedding: meaningOf(text) })).reverse();
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ data }));
});
const meaningOf = (text: string) => (/otter|swimmer/.test(text) ? [3, 1, 0] : [-1, 0, 2]);

const log = createLog(() => {});
const embedderAt = (allowPrivate: boolean) => {
  const { port } = server.address() as AddressInfo;
  const endpoint = { baseUrl: `http://127.0.0.1:${port}/v1`, apiKey: 'k', model: 'two' };
  return openAiEmbedder({ ...endpoint, dimensions: 3, allowPrivate }, log);
};

let world: Awaited<ReturnType<typeof openTestDatanets>>;

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  world = await openTestDatanets({ embedder: embedderAt(true) });
});
afterAll(async () => {
  world.datanets.stop();
  server.close();
  await world.database.drop();
});
beforeEach(() => {
  asked = [];
  failures = [];
});

async function sealedDatanet(name: string, ...subjects: string[]) {
  const { datanets, owner } = world;
  const { id } = await datanets.create({ name, ownerId: owner });
  const hashes: string[] = [];
  for (const subject of subjects) {
    const draft = { text: sentenceAbout(subject), licence: 'MIT' };
    hashes.push((await datanets.contribute({ datanetId: id, partyId: owner, draft })).recordHash);
  }
  await datanets.seal(id);
  return { id, hashes };
}

test('finds by meaning through the embedder, and pays for a vector once, whatever restarts', async () => {
  const { id } = await sealedDatanet('meanings', 'otter', 'gravel');
  const find = () => world.datanets.retrieve(id, 'swimmer', { limit: 1, mode: 'hybrid' });
  const found = await find();
  expect(found.mode).toBe('hybrid');
  expect(found.records[0].text).toContain('otter');
  expect(asked.length).toBe(3); // the query and two passages
  world.datanets.stop(); // the index is gone, the vectors are not
  expect((await find()).records[0].text).toContain('otter');
  expect(asked.length).toBe(4);
});

test('keeps no vector of what is withdrawn', async () => {
  const { datanets, database, owner } = world;
  const { id, hashes } = await sealedDatanet('gone', 'otter', 'gravel');
  expect((await datanets.retrieve(id, 'swimmer', { limit: 1, mode: 'hybrid' })).mode).toBe(
    'hybrid',
  );
  const count = async () => {
    const rows = await database.db.query(
      sql`select record_hash from datanets.embeddings where datanet_id = ${id}`,
    );
    return rows.length;
  };
  expect(await count()).toBe(2);
  const caller = { partyId: owner, scopes: ['contribute'] as const };
  await datanets.withdraw({ datanetId: id, recordHash: hashes[0], reason: 'mine', caller });
  expect(await count()).toBe(1);
  const found = await datanets.retrieve(id, 'swimmer', { limit: 5, mode: 'hybrid' });
  expect(found.records.every(({ text }) => !text.includes('otter'))).toBe(true);
});

test('an embedder at a private address is asked only where that is allowed', async () => {
  const embedding = embedderAt(false).embed(['otter'], { timeoutMs: 1000 });
  await expect(embedding).rejects.toMatchObject({ code: 'forbidden' });
  expect(asked).toEqual([]);
});

test('tries again what may pass, and answers by words, saying so, when the embedder fails', async () => {
  const { id } = await sealedDatanet('failures', 'otter', 'gravel');
  const find = () => world.datanets.retrieve(id, 'gravel swimmer', { limit: 1, mode: 'hybrid' });
  failures = [503];
  expect((await find()).mode).toBe('hybrid');
  failures = [400];
  const found = await find();
  expect(found.mode).toBe('words');
  expect(found.records[0].text).toContain('gravel');
});
