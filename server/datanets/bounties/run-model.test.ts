import { sha256Hex } from '@openledger/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestBounties, type TestBounties } from '../../../test/harness/bounties.ts';
import type { Caller } from '../../identity/index.ts';
import { modelRefiners, nameByModel } from '../refiners/model-refiners.ts';

let stage: TestBounties;
let answer: (prompt: string) => string;
beforeAll(async () => {
  stage = await openTestBounties((prompt) => answer(prompt));
});
afterAll(() => stage.end());

async function open() {
  const { datanetId, questions } = await stage.archipelago('asked');
  const { id: bountyId } = await stage.bounties.open({
    ...{ datanetId, questions, reward: 0n, targetPpm: 1000, kind: 'qa' },
    ...{ funderId: stage.owner, instructions: '', submitSeconds: 3600, decideSeconds: 3600 },
  });
  const partyId = await stage.party('prompter');
  const run = (refinement: keyof typeof modelRefiners, limit = 100) =>
    stage.bounties.runModel({
      ...{ bountyId, caller: { partyId } as Caller, refinement, model: 'remote/tiny', limit },
      signal: AbortSignal.timeout(10_000),
    });
  return { datanetId, run, partyId };
}

test('what a model writes stands beside its passage, checked, reviewed and named by model and template', async () => {
  const { datanetId, run, partyId } = await open();
  answer = (prompt) =>
    [
      'Here you are:',
      `1. Question: Which passage is this? Answer: It is the one that begins with ${sha256Hex(prompt).slice(0, 12)}.`,
      'Question: What is it? Answer: x',
      `Question: Which key? Answer: ${'AKIA'}J7Q2XK4LMNPR5T3V`,
      'Question: never answered',
    ].join('\n');
  const submission = await run('questions-1', 5);
  expect(submission).toMatchObject({
    passages: 5,
    pipeline: [nameByModel('questions-1', 'remote/tiny')],
  });
  const shown = await stage.bounties.reviews.read({
    ...{ submissionId: submission.id, partyId: stage.owner, limit: 10 },
  });
  for (const { texts, adds } of shown) {
    expect(adds).toBe(true);
    expect(texts[0]).toMatch(/^Question: Which passage is this\? Answer: It is the one/);
    expect(texts.join()).not.toContain('AKIA');
  }
  const vote = { submissionId: submission.id, partyId: stage.owner, accept: true, reason: 'Read.' };
  await stage.bounties.reviews.vote(vote);
  expect(
    (await stage.bounties.submission(submission.id, { partyId, scopes: [] })).outcome,
  ).toMatchObject({
    ...{ taken: 5, gone: 0, known: 0 },
  });
  const { manifest } = await stage.datanets.seal(datanetId);
  expect(manifest.records).toBeGreaterThan(12);
  answer = () => 'I cannot help with that.';
  await expect(run('questions-1')).rejects.toMatchObject({ code: 'unprocessable' });
});

test('a template keeps its name: other words are another refiner', () => {
  expect(Object.keys(modelRefiners).map((name) => nameByModel(name as 'questions-1', 'm'))).toEqual(
    ['questions-1.89793a49@m', 'summarise-1.857b97b4@m', 'translate-en-1.96e3f86b@m'],
  );
});
