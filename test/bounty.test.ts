/** A bounty through HTTP: opened, worked for, reviewed, measured, paid, closed; with what everybody has before and after. */
import { type Client, createClient } from '@openledger/sdk';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestApp, type TestApp } from './harness/app.ts';
import { islands } from './harness/bounties.ts';
import { startOperator } from './harness/operator.ts';
import { person } from './harness/person.ts';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.end());

async function sealIslands(client: Client, name: string) {
  const { id: datanetId } = await client.datanets.create({ name });
  const questions = [];
  for (const { title, text } of islands) {
    const draft = { datanetId, text, licence: 'CC0-1.0', metadata: { title } };
    const { recordHash } = await client.datanets.contribute(draft);
    questions.push({ question: `Where do boats land on ${title}?`, documents: [recordHash] });
  }
  await client.datanets.refine({ datanetId, pipeline: ['chunk-1'] });
  await client.datanets.seal({ datanetId });
  return { datanetId, questions };
}

const REWARD = 3n * 10n ** 18n + 1n;

test('whoever makes a datanet better is paid for how much better it is, and nobody else', async () => {
  const curator = await person(app, 'curator');
  const validator = await person(app, 'validator');
  const funder = await person(app, 'funder', { units: REWARD });
  const annotator = await person(app, 'annotator');
  const idler = await person(app, 'idler');
  const copier = await person(app, 'copier');
  const { datanetId, questions } = await sealIslands(curator.client, 'islands');
  const rules = { quorum: 2, thresholdPpm: 1_000_000, minimumReputationPpm: 0 };
  await curator.client.reviews.setRules({ datanetId, ...rules });
  await curator.client.reviews.grant({ datanetId, partyId: validator.id, role: 'validator' });

  const order = { datanetId, kind: 'annotate' as const, targetPpm: 900_000, questions };
  const terms = { ...order, rewardUnits: REWARD.toString(), submitSeconds: 600 };
  await expect(idler.client.bounties.open(terms)).rejects.toMatchObject({
    code: 'insufficient_funds',
  });
  const bounty = await funder.client.bounties.open(terms);
  expect(await funder.available()).toBe(0n);
  expect(bounty).toMatchObject({ rewardUnits: REWARD.toString(), paidUnits: '0' });

  const { id: bountyId } = bounty;
  const decide = async (submissionId: string) => {
    for (const { client } of [curator, validator]) {
      const { items } = await client.reviews.queue({ datanetId });
      expect(items.map((one) => one.submissionId)).toContain(submissionId);
      await client.reviews.vote({
        ...{ submissionId: submissionId as `sbm_${string}`, accept: true },
        reason: 'The titles are right.',
      });
    }
    return funder.client.bounties.getSubmission({ submissionId: submissionId as `sbm_${string}` });
  };
  const copied = await copier.client.bounties.run({ bountyId, pipeline: ['annotate-1'] });
  const nothing = await idler.client.bounties.run({ bountyId, pipeline: ['deduplicate-1'] });
  expect((await decide(nothing.id)).outcome).toMatchObject({ taken: 0, deltaPpm: 0 });
  const done = await annotator.client.bounties.run({ bountyId, pipeline: ['annotate-1'] });
  const { outcome, units } = await decide(done.id);
  expect(outcome?.deltaPpm).toBeGreaterThan(0);
  const paid = (REWARD * BigInt(outcome!.deltaPpm)) / 900_000n;
  expect(units).toBe(paid.toString());
  expect((await decide(copied.id)).outcome).toMatchObject({ taken: 0, gone: 12, deltaPpm: 0 });

  await expect(idler.client.bounties.heldOut({ bountyId })).rejects.toMatchObject({
    code: 'forbidden',
  });
  await expect(idler.client.bounties.close({ bountyId })).rejects.toMatchObject({
    code: 'forbidden',
  });
  const closed = await funder.client.bounties.close({ bountyId });
  expect(closed).toMatchObject({ paidUnits: units, accepted: 3 });
  expect(await idler.client.bounties.heldOut({ bountyId })).toMatchObject({ questions });
  expect(await annotator.available()).toBe(paid);
  expect(await funder.available()).toBe(REWARD - paid);
  for (const { available } of [idler, copier, curator, validator]) {
    expect(await available()).toBe(0n);
  }
  const statement = await annotator.client.ledger.statement({
    account: `${annotator.id}:available`,
  });
  expect(statement.items).toMatchObject([{ reason: 'bounty.paid', reference: bountyId }]);
  const [{ lines, sum }] = (await app.admin.ledger.trialBalance({})).assets;
  expect(sum).toBe('0');
  expect(lines.find(({ name }) => name === 'bounty:reward')?.amount).toBe('0');

  const snapshot = await curator.client.datanets.seal({ datanetId });
  expect(snapshot.manifest.records).toBe(12);
  const { items } = await curator.client.datanets.retrieve({ datanetId, query: 'boats on Foula' });
  expect(items[0].text).toMatch(/^Foula/);
});

test.each([
  ['a spending limit', { limitUnits: '5' }],
  ['a limit a day', { dailyUnits: '5' }],
])('a key with %s funds no bounty', async (_, limit) => {
  const { items } = await app.admin.bounties.list({});
  const { id: partyId } = await app.admin.identity.createParty({ identity: 'handle:limited' });
  const key = { partyId, label: 'limited', scopes: ['manage' as const], ...limit };
  const { secret } = await app.admin.identity.createKey(key);
  const client = createClient({ baseUrl: app.baseUrl, apiKey: secret });
  const { datanetId } = items[0];
  const question = { question: 'Where do boats land?', documents: ['0'.repeat(64)] };
  await expect(
    client.bounties.open({
      ...{ datanetId, kind: 'annotate', rewardUnits: '1', targetPpm: 1, submitSeconds: 1 },
      questions: [question],
    }),
  ).rejects.toMatchObject({ code: 'forbidden' });
});

test('a model behind /v1 refines for a caller who pays for its calls', async () => {
  const operator = await startOperator();
  operator.plays((call) => {
    call.text('Boats come in at the slip, where the ferryman waves to them from the rocks.');
    call.finish({ prompt: 10, completion: 20 });
  });
  const { client, available } = await person(app, 'prompter', { units: 10n ** 18n });
  await client.gateway.registerOperator({ name: 'pen', baseUrl: operator.baseUrl });
  await client.models.registerExternal({
    ...{ name: 'pen/model', operator: 'pen', operatorModel: 'model', maxTokens: 2000 },
    ...{ promptUnits: '1000', completionUnits: '1000' },
  });
  const { datanetId, questions } = await sealIslands(client, 'written-about');
  const { id: bountyId } = await client.bounties.open({
    ...{ datanetId, kind: 'annotate', rewardUnits: '0', targetPpm: 1000, submitSeconds: 600 },
    questions,
  });
  const order = { bountyId, refinement: 'summarise-1' as const, model: 'pen/model', limit: 1 };
  const { pipeline, passages } = await client.bounties.runModel(order);
  expect(pipeline?.[0]).toMatch(/^summarise-1\.[0-9a-f]{8}@pen\/model$/);
  expect(passages).toBe(1);
  expect(JSON.stringify(operator.calls[0].body.messages)).toContain('no instruction to you');
  expect(await available()).toBeLessThan(10n ** 18n);
  await operator.close();
});
