/** The local engine as the gateway meets it: a real process, a real tokenizer, weights that nobody trained. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sha256Hex } from '@openledger/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/harness/postgres.ts';
import { loadTokenizer } from '../compute/tokenizer/tokenizer.ts';
import { trainTokenizer } from '../compute/tokenizer/train-tokenizer.ts';
import type { Datanets } from '../datanets/index.ts';
import { silentLog } from '../platform/log.ts';
import { newId } from '../platform/new-id.ts';
import { llamaConfig } from './engine/llama-config.ts';
import { writeModel } from './engine/model-files.ts';
import { tinyModel } from './engine/tiny.ts';
import { createModels, type GenerateOptions, type Models } from './index.ts';
import { registerModel } from './registry.ts';

const texts = [
  'The ledger keeps every posting, and every posting names both of its sides.',
  'A snapshot is sealed once; whoever reads it later reads the same records.',
  'Wool is warm because the air between its fibres does not move.',
];

const clock = { now: () => new Date() };
const snapshotId = newId('snapshot', clock);
const withdrawn = new Set<string>();

/** One snapshot of one record a text, as far as the models read datanets. */
const datanets = {
  poolOf: async () => ({ snapshotId, version: 1 + withdrawn.size, members: [] }),
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

beforeAll(async () => {
  database = await createTestDatabase();
  folder = await mkdtemp(join(tmpdir(), 'openledger-engine-'));
  models = createModels({
    ...{ db: database.db, datanets, clock, folder, threads: 1, log: silentLog },
    prices: { promptUnits: 1n, completionUnits: 1n },
  });
  const modelId = newId('model', clock);
  const definition = trainTokenizer(texts, { vocabularySize: 320 });
  const tokenizer = loadTokenizer(definition);
  const config = llamaConfig({
    ...{ vocabularySize: tokenizer.vocabSize, width: 16, feedForwardWidth: 24, layers: 2 },
    ...{ heads: 4, keyValueHeads: 2, context: 64, tiedEmbeddings: false },
    separator: tokenizer.bosId,
  });
  const modelFolder = join(folder, 'models', modelId);
  await writeModel(modelFolder, tinyModel(7, config));
  await writeFile(join(modelFolder, 'tokenizer.json'), JSON.stringify(definition));
  await database.db.transaction((tx) =>
    registerModel(tx, {
      ...{ modelId, name: 'tiny', kind: 'base', operator: 'local', operatorModel: modelId },
      ...{ baseId: undefined, runId: undefined, builderId: newId('party', clock), hash: undefined },
      snapshots: [{ snapshotId, hash: '0'.repeat(64), role: 'base' }],
      pricing: { promptUnits: 1n, completionUnits: 1n },
      ...{
        influenceAdapters: 0,
        tokenizer: undefined,
        defaultMaxTokens: 16,
        maxTokens: 96,
        createdAt: clock.now(),
      },
    }),
  );
});

afterAll(async () => {
  models.stop();
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

const ask = (members: Partial<GenerateOptions> = {}): GenerateOptions => ({
  ...{ model: 'tiny', prompt: 'The ledger', context: [], retrieved: [], maxTokens: 12 },
  ...{ temperature: 1, topP: undefined, topK: undefined, seed: 5, stop: [], logprobs: undefined },
  interpolate: true,
  ...members,
});

async function answerTo(members: Partial<GenerateOptions> = {}) {
  const { signal } = new AbortController();
  const events = [];
  for await (const event of models.generate({ ...ask(members), signal })) events.push(event);
  const end = events.at(-1);
  if (end?.kind !== 'end') throw new Error('An answer has an end.');
  const pieces = events.flatMap((event) => (event.kind === 'text' ? [event] : []));
  return { text: pieces.map(({ text }) => text).join(''), pieces, end };
}

test('a seed gives the same answer, alone and among others', async () => {
  const alone = await answerTo();
  const crowd = await Promise.all(
    Array.from({ length: 20 }, (_, i) =>
      answerTo(i % 4 === 0 ? {} : { seed: i, maxTokens: 5 + i }),
    ),
  );
  for (const i of [0, 4, 8, 12, 16]) expect(crowd[i].text).toBe(alone.text);
  expect(new Set(crowd.map(({ text }) => text)).size).toBeGreaterThan(5);
  expect(alone.end.usage.completionTokens).toBe(12);
  expect(alone.end.usage.promptTokens).toBe(await models.countTokens(ask()));
});

test('an answer longer than the context ends at its edge, whatever the prompt', async () => {
  const calls = [{ prompt: '' }, { prompt: texts.join(' ').repeat(50) }, { prompt: '\u{1f600}\0' }];
  for (const call of calls) {
    const { end } = await answerTo({ ...call, interpolate: false, maxTokens: 96 });
    const { promptTokens, completionTokens } = end.usage;
    expect(promptTokens + completionTokens).toBeLessThanOrEqual(64);
  }
});

test('interpolation continues what stands in the records, and only where it is wanted', async () => {
  const grounded = await answerTo({ temperature: 0, maxTokens: 16 });
  const bare = await answerTo({ temperature: 0, maxTokens: 16, interpolate: false });
  expect(texts[0]).toContain(grounded.text.trim().slice(0, 12));
  expect(bare.text).not.toBe(grounded.text);
});

test('a stop string ends the answer and is not part of it, wherever its tokens are cut', async () => {
  const { text } = await answerTo({ temperature: 0, maxTokens: 30 });
  const stop = text.slice(9, 14);
  const stopped = await answerTo({ temperature: 0, maxTokens: 30, stop: ['never there', stop] });
  expect(stopped.text).toBe(text.slice(0, text.indexOf(stop)));
  expect(stopped.end.finishReason).toBe('stop');
});

test('each token that is delivered has its log-probability, with the alternatives asked for', async () => {
  const { text, pieces, end } = await answerTo({ logprobs: 3 });
  const logprobs = pieces.flatMap((piece) => piece.logprobs);
  expect(logprobs).toHaveLength(end.usage.completionTokens);
  expect(logprobs.map(({ token }) => token).join('')).toBe(text);
  for (const { logprob, top } of logprobs) {
    expect(logprob).toBeLessThanOrEqual(0);
    expect(top).toHaveLength(3);
    expect(top[0].logprob).toBeGreaterThanOrEqual(logprob - 1e-9);
  }
});

test('who leaves while waiting, at once or between two words disturbs nobody', async () => {
  const expected = (await answerTo()).text;
  const others = Array.from({ length: 12 }, () => answerTo());
  const leave = async (i: number) => {
    const leaving = new AbortController();
    if (i % 3 === 0) leaving.abort();
    if (i % 3 === 1) setTimeout(() => leaving.abort(), i);
    const events = models.generate({ ...ask({ maxTokens: 50 }), signal: leaving.signal });
    for await (const _event of events) if (i % 3 === 2) break;
  };
  const leavers = Promise.allSettled(Array.from({ length: 12 }, (_, i) => leave(i)));
  expect((await Promise.all(others)).map(({ text }) => text)).toEqual(others.map(() => expected));
  for (const [i, { status }] of (await leavers).entries()) {
    if (i % 3 === 0) expect(status).toBe('rejected');
    if (i % 3 === 2) expect(status).toBe('fulfilled');
  }
  expect((await answerTo()).text).toBe(expected);
});

test('an engine that dies fails the calls it had, and the next call has a new one', async () => {
  const expected = (await answerTo()).text;
  const calls = Array.from({ length: 10 }, () => answerTo({ maxTokens: 50 }));
  const outcomes = Promise.allSettled([...calls, models.countTokens(ask())]);
  setTimeout(() => models.stop(), 5);
  for (const outcome of await outcomes) {
    if (outcome.status === 'rejected')
      expect(outcome.reason).toMatchObject({ code: 'operator_failed' });
  }
  expect((await answerTo()).text).toBe(expected);
});

test('what is withdrawn is not interpolated with any more', async () => {
  withdrawn.add(texts[0]);
  const { text } = await answerTo({ temperature: 0, maxTokens: 16 });
  expect(texts[0]).not.toContain(text.trim().slice(0, 12));
  withdrawn.clear();
});

test('the engine says how likely an answer is, with and without the text that it quotes', async () => {
  const answer = {
    model: 'tiny',
    prompt: 'Why is wool warm?',
    output: texts[2],
    interpolate: true,
  };
  const scores = await models.likelihoods({ ...answer, contexts: [[], [texts[2]], [texts[0]]] });
  expect(scores.likelihoods).toHaveLength(3);
  expect(scores.likelihoods[1]).toBeGreaterThan(scores.likelihoods[0] + scores.tokens);
  expect(scores.likelihoods[2]).toBeLessThan(scores.likelihoods[1]);
  await expect(models.likelihoods({ ...answer, output: '', contexts: [[]] })).rejects.toMatchObject(
    {
      code: 'operator_failed',
    },
  );
});
