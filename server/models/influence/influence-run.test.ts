/** From a recipe that asks for influence to scores of an answer: a real training, on texts whose owners speak of different things. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { AdapterRecipe, BaseRecipe, sha256Hex } from '@openledger/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/harness/postgres.ts';
import type { Datanets } from '../../datanets/index.ts';
import { silentLog } from '../../platform/log.ts';
import { newId } from '../../platform/new-id.ts';
import { createModels, type Models } from '../index.ts';

const clock = { now: () => new Date() };
const builderId = newId('party', clock);
const snapshot = newId('snapshot', clock);

/** Six owners, each with sentences of his own words. */
const subjects = ['kelp oil', 'red granite', 'wool nets', 'rye bread', 'ice saws', 'clay pipes'];
const records = subjects.flatMap((subject, owner) =>
  Array.from({ length: 8 }, (_, i) => {
    const text = `${subject} ${subject} number ${i}: whoever trades ${subject} here praises ${subject} above all.`;
    return { text, recordHash: sha256Hex(text), ownersHash: `owner-${owner}` };
  }),
);

const datanets = {
  findSnapshot: async () => ({ hash: '0'.repeat(64) }),
  assertRights: async () => {},
  poolOf: async () => ({ snapshotId: snapshot, version: 1, members: [] }),
  async *snapshotRecords() {
    for (const record of records) {
      yield { ...record, document: record.recordHash, withdrawn: false };
    }
  },
} as unknown as Datanets;

let database: TestDatabase;
let folder: string;
let models: Models;

const open = () =>
  createModels({
    ...{ db: database.db, datanets, clock, folder, threads: 1, log: silentLog },
    prices: { promptUnits: 1n, completionUnits: 1n },
  });

beforeAll(async () => {
  database = await createTestDatabase();
  folder = await mkdtemp(join(tmpdir(), 'openledger-influence-'));
  models = open();
  await trained(
    BaseRecipe.parse({
      ...{ kind: 'base', name: 'tiny', snapshot, steps: 30, vocabulary: 300 },
      ...{ width: 32, layers: 1, heads: 2, contextLength: 32 },
    }),
  );
  await trained(
    AdapterRecipe.parse({
      ...{ kind: 'adapter', name: 'trades', base: 'tiny', snapshot, rank: 4, steps: 120 },
      influence: { adapters: 16, steps: 60 },
    }),
  );
}, 60_000);

afterAll(async () => {
  models.stop();
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

async function trained(recipe: BaseRecipe | AdapterRecipe): Promise<void> {
  const runId = await models.train(builderId, recipe);
  await models.executeRun(runId);
  const { failure } = await models.run(runId);
  expect(failure).toBeUndefined();
}

const influenceOn = (output: string) =>
  models.influence({ model: 'tiny:trades@1', prompt: '', output });

test('the ensemble is part of the model, and the model says how large it is', async () => {
  const { modelId, influenceAdapters, hash } = await models.find('tiny:trades@1');
  expect(influenceAdapters).toBe(16);
  expect(hash).toMatch(/^[0-9a-f]{64}$/);
  const files = await readdir(join(folder, 'models', modelId));
  expect(files).toEqual(
    expect.arrayContaining(['influence.json', 'influence.safetensors', 'adapter_config.json']),
  );
});

test.each([0, 2, 5])('an answer is traced to the owner who taught it: %i', async (owner) => {
  const scores = await influenceOn(
    `whoever trades ${subjects[owner]} here praises ${subjects[owner]}`,
  );
  const ownerOf = new Map(records.map(({ recordHash, ownersHash }) => [recordHash, ownersHash]));
  const best = scores?.groups.toSorted((a, b) => b.score - a.score)[0];
  expect(best?.score).toBeGreaterThan(0);
  const owners = new Set(best?.records.map(({ hash }) => ownerOf.get(hash)));
  expect([...owners]).toEqual([`owner-${owner}`]);
});

test('the same answer has the same scores, to the last one', async () => {
  const answer = `whoever trades ${subjects[1]} here`;
  expect(await influenceOn(answer)).toEqual(await influenceOn(answer));
});

test('a base has no ensemble, and so no influence to tell', async () => {
  expect(await models.influence({ model: 'tiny', prompt: '', output: 'x' })).toBeUndefined();
});

test('one owner alone cannot be told from others: the run says so', async () => {
  const ownersOf = records.map(({ ownersHash }) => ownersHash);
  for (const record of records) record.ownersHash = 'owner-0';
  const recipe = AdapterRecipe.parse({
    ...{ kind: 'adapter', name: 'alone', base: 'tiny', snapshot, rank: 2, steps: 2 },
    influence: { adapters: 8, steps: 2 },
  });
  const runId = await models.train(builderId, recipe);
  await models.executeRun(runId);
  expect(await models.run(runId)).toMatchObject({
    status: 'failed',
    failure: 'Influence needs the records of two owners at least.',
  });
  for (const [i, record] of records.entries()) record.ownersHash = ownersOf[i];
});

test('a run stopped amid its ensemble leaves no model, and ends as one that was not stopped', async () => {
  const recipe = AdapterRecipe.parse({
    ...{ kind: 'adapter', name: 'stopped', base: 'tiny', snapshot, rank: 2, steps: 10 },
    influence: { adapters: 8, steps: 100 },
  });
  const runId = await models.train(builderId, recipe);
  const executing = models.executeRun(runId);
  const stopped = expect(executing).rejects.toThrow();
  while ((await models.run(runId)).progress?.stage !== 'influence') await pause(5);
  models.stop();
  await stopped;
  expect(await models.run(runId)).toMatchObject({ status: 'running' });
  await expect(models.find('tiny:stopped@1')).rejects.toMatchObject({ code: 'model_not_found' });

  models = open();
  await models.executeRun(runId);
  await trained(recipe);
  const [again, whole] = [await models.find('tiny:stopped@1'), await models.find('tiny:stopped@2')];
  expect(again.influenceAdapters).toBe(8);
  expect(again.hash).toBe(whole.hash);
});
