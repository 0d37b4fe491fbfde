import { access, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import {
  type AdapterRecipe,
  BaseRecipe,
  type Id,
  OpenLedgerError,
  sha256Hex,
} from '@openledger/protocol';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/harness/postgres.ts';
import type { Datanets } from '../datanets/index.ts';
import { silentLog } from '../platform/log.ts';
import { newId } from '../platform/new-id.ts';
import { createModels, type Models } from './index.ts';

const clock = { now: () => new Date() };
const builderId = newId('party', clock);
const snapshot = newId('snapshot', clock);
const texts = Array.from(
  { length: 30 },
  (_, i) => `Page ${i} says that the number after ${i} is ${i + 1}, and nothing else of interest.`,
);
const withdrawn = new Set<string>();

const asked: object[] = [];
/** What stands against a run, if anything. */
let refusal: Error | undefined;

/** One snapshot, as far as the models read datanets. */
const datanets = {
  findSnapshot: async () => ({ hash: '0'.repeat(64) }),
  assertRights: async (use: object) => {
    asked.push(use);
    if (refusal) throw refusal;
  },
  poolOf: async () => ({ snapshotId: snapshot, version: 1 + withdrawn.size, members: [] }),
  async *snapshotRecords() {
    for (const text of texts) {
      const recordHash = sha256Hex(text);
      yield { recordHash, document: recordHash, text, withdrawn: withdrawn.has(text) };
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
  folder = await mkdtemp(join(tmpdir(), 'openledger-runs-'));
});

beforeEach(() => {
  models = open();
});

afterAll(async () => {
  models.stop();
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

const base = (name: string, steps: number): BaseRecipe =>
  BaseRecipe.parse({
    ...{ kind: 'base', name, snapshot, steps, vocabulary: 300 },
    ...{ width: 16, layers: 1, heads: 2, contextLength: 16 },
  });

const adapter: AdapterRecipe = {
  ...{ kind: 'adapter', name: 'numbers', base: 'tiny', snapshot, rank: 2, steps: 3, seed: 1 },
  documentCharacters: 1000,
};

async function trained(recipe: BaseRecipe | AdapterRecipe) {
  const runId = await models.train(builderId, recipe);
  await models.executeRun(runId);
  return models.run(runId);
}

const checkpointsOf = async (runId: Id<'run'>) =>
  (await readdir(join(folder, 'runs', runId), { recursive: true }).catch(() => [])).filter((name) =>
    name.endsWith('.safetensors'),
  );

test('adapters that are made at once under one name are two versions of it', async () => {
  expect(await trained(base('tiny', 5))).toMatchObject({ status: 'done' });
  const runs = await Promise.all([trained(adapter), trained({ ...adapter, seed: 2 })]);
  expect(runs.map(({ failure }) => failure)).toEqual([undefined, undefined]);
  const names = (await models.list()).map(({ name }) => name);
  expect(names.sort()).toEqual(['tiny', 'tiny:numbers@1', 'tiny:numbers@2']);
});

test('a run asks for the rights of its snapshot and of its base, and does not begin without them', async () => {
  asked.length = 0;
  refusal = new OpenLedgerError('licences_conflict', 'They cannot be mixed.');
  await expect(models.train(builderId, adapter)).rejects.toBe(refusal);
  refusal = undefined;
  expect(asked).toEqual([{ snapshotIds: [snapshot, snapshot], context: [], commercial: true }]);
});

test('models made from a snapshot are known by it, base and adapters', async () => {
  const made = await models.madeFrom([snapshot]);
  expect(made.map(({ name }) => name).sort()).toEqual([
    ...['tiny', 'tiny:numbers@1', 'tiny:numbers@2'],
  ]);
  expect(await models.madeFrom([newId('snapshot', clock)])).toEqual([]);
});

test('a name that is taken is refused before anything is trained', async () => {
  await expect(models.train(builderId, base('tiny', 5))).rejects.toMatchObject({
    code: 'conflict',
  });
});

test('a run that fails says why and leaves no files', async () => {
  const run = await trained({ ...base('odd', 5), width: 18, heads: 4 });
  expect(run).toMatchObject({ status: 'failed', failure: expect.stringMatching(/\w/) });
  await expect(access(join(folder, 'runs', run.runId))).rejects.toThrow();
});

test('a run interrupted by a stop goes on, and without what was withdrawn meanwhile', async () => {
  const runId = await models.train(builderId, base('long', 600));
  const executing = models.executeRun(runId);
  while ((await checkpointsOf(runId)).length === 0) await pause(20);
  models.stop();
  await expect(executing).rejects.toThrow();
  expect(await models.run(runId)).toMatchObject({ status: 'running' });
  withdrawn.add(texts[3]);
  models = open();
  await models.executeRun(runId);
  const { status, failure, losses } = await models.run(runId);
  expect({ status, failure }).toEqual({ status: 'done', failure: undefined });
  const everyTenth = Array.from({ length: 60 }, (_, i) => 10 * (i + 1));
  expect(losses.map(([step]) => step)).toEqual(everyTenth);
});
