import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestBounties, type TestBounties } from '../../../test/harness/bounties.ts';
import { reputationOf } from './reviewers.ts';
import { DEFAULT_RULES, decisionOf } from './rules.ts';

let stage: TestBounties;
beforeAll(async () => {
  stage = await openTestBounties();
});
afterAll(() => stage.end());

let named = 0;
async function open(rules = DEFAULT_RULES) {
  const { datanetId, questions } = await stage.archipelago(`reviewed-${++named}`);
  const owner = { partyId: stage.owner, scopes: [] };
  await stage.bounties.reviews.setRules(datanetId, rules, owner);
  const { id: bountyId } = await stage.bounties.open({
    ...{ datanetId, questions, reward: 0n, targetPpm: 1000, kind: 'annotate' },
    ...{ funderId: stage.owner, instructions: '', submitSeconds: 3600, decideSeconds: 3600 },
  });
  const grant = async (handle: string, role: 'curator' | 'validator' = 'validator') => {
    const partyId = await stage.party(`${handle}-${named}`);
    await stage.bounties.reviews.grant({ datanetId, partyId, role, stakeUnits: 7n }, owner);
    return partyId;
  };
  const submit = async () => {
    const partyId = await stage.party(`refiner-${named}`);
    return stage.bounties.run({ bountyId, partyId, pipeline: ['annotate-1'] });
  };
  const snapshots = await stage.datanets.listSnapshots({ datanetId, limit: 1 });
  const passages: string[] = [];
  for await (const { recordHash } of stage.datanets.snapshotRecords(snapshots[0].id)) {
    passages.push(recordHash);
  }
  return { datanetId, bountyId, owner, grant, submit, passages };
}

type Party = Awaited<ReturnType<TestBounties['party']>>;
const vote = (submissionId: string, partyId: Party, accept: boolean) =>
  stage.bounties.reviews.vote({ submissionId, partyId, accept, reason: 'It was read.' });
const stateOf = async (submissionId: string, partyId: Party) =>
  (await stage.bounties.submission(submissionId, { partyId, scopes: [] })).state;

test('the quorum decides by its threshold, and votes are upheld by what is decided', async () => {
  const rules = { quorum: 3, thresholdPpm: 500_001, minimumReputationPpm: 0 };
  const { datanetId, grant, submit } = await open(rules);
  const [ann, ben, cyd, dan] = [
    await grant('ann'),
    await grant('ben'),
    await grant('cyd'),
    await grant('dan'),
  ];
  const { id, partyId } = await submit();
  await vote(id, ann, true);
  await vote(id, ben, false);
  expect(await stateOf(id, partyId)).toBe('pending');
  await vote(id, cyd, true);
  expect(await stateOf(id, partyId)).toBe('accepted');
  await expect(vote(id, dan, true)).rejects.toMatchObject({ code: 'conflict' });
  const reputation = (who: Party) => stage.bounties.reviews.reputation({ datanetId, partyId: who });
  expect(await reputation(ann)).toEqual({ decisions: 1, upheld: 1, ppm: 666_666 });
  expect(await reputation(ben)).toEqual({ decisions: 1, upheld: 0, ppm: 333_333 });
  expect(await reputation(dan)).toEqual({ decisions: 0, upheld: 0, ppm: 500_000 });
  const votes = await stage.bounties.reviews.votes(id, { partyId: dan, scopes: [] });
  expect(votes.map(({ accept, upheld }) => [accept, upheld])).toEqual([
    [true, true],
    [false, false],
    [true, true],
  ]);
  const reviewers = await stage.bounties.reviews.reviewers({ datanetId, limit: 10 });
  expect(reviewers.map(({ stakeUnits }) => stakeUnits)).toEqual([7n, 7n, 7n, 7n]);
});

test('what is rejected becomes no record and is not measured', async () => {
  const { bountyId, submit } = await open();
  const { id, partyId } = await submit();
  await vote(id, stage.owner, false);
  const submission = await stage.bounties.submission(id, { partyId, scopes: [] });
  expect(submission).toMatchObject({ state: 'rejected', units: 0n, outcome: undefined });
  expect((await stage.bounties.find(bountyId)).accepted).toBe(0);
});

test('nobody votes without a role, twice, on his own, or after it is decided', async () => {
  const { grant, submit, bountyId, datanetId, owner } = await open({ ...DEFAULT_RULES, quorum: 2 });
  const ann = await grant('ann');
  const { id, partyId } = await submit();
  await expect(vote(id, await stage.party('nobody'), true)).rejects.toMatchObject({
    code: 'forbidden',
  });
  await expect(vote(id, partyId, true)).rejects.toMatchObject({ code: 'forbidden' });
  const own = await stage.bounties.run({ bountyId, partyId: ann, pipeline: ['tag-1'] });
  await expect(vote(own.id, ann, true)).rejects.toMatchObject({ code: 'forbidden' });
  await vote(id, ann, true);
  await expect(vote(id, ann, true)).rejects.toMatchObject({ code: 'conflict' });
  await stage.bounties.reviews.revoke({ datanetId, partyId: ann }, owner);
  await expect(
    stage.bounties.reviews.queue({ datanetId, partyId: ann, limit: 10 }),
  ).rejects.toMatchObject({ code: 'forbidden' });
  await expect(
    stage.bounties.reviews.revoke({ datanetId, partyId: ann }, owner),
  ).rejects.toMatchObject({ code: 'not_found' });
  await vote(id, stage.owner, true);
  expect(await stateOf(id, partyId)).toBe('accepted');
});

test('honeypots wait like any submission, are never accepted, and who fails them loses his vote', async () => {
  const { datanetId, bountyId, grant, submit, passages } = await open();
  const [curator, careless, careful] = [
    await grant('curator', 'curator'),
    await grant('careless'),
    await grant('careful'),
  ];
  const plant = (partyId: Party, i: number) =>
    stage.bounties.reviews.plant({
      ...{ bountyId, partyId, accept: false },
      work: [
        {
          ...{ parent: passages[i], adds: false },
          texts: [
            `The moon is made of cheese, says passage ${i}, and boats land on it at low tide.`,
          ],
        },
      ],
    });
  await expect(plant(careless, 0)).rejects.toMatchObject({ code: 'forbidden' });
  const honeypots = [await plant(curator, 0), await plant(curator, 1), await plant(curator, 2)];
  const real = await submit();
  const queue = await stage.bounties.reviews.queue({ datanetId, partyId: careless, limit: 10 });
  expect(queue.map(({ id }) => id)).toEqual([...honeypots, real].map(({ id }) => id));
  expect(JSON.stringify(queue)).not.toContain(curator);
  for (const { id } of honeypots) {
    await vote(id, careless, true);
    await vote(id, careful, false);
    const seen = stage.bounties.submission(id, { partyId: careful, scopes: [] });
    await expect(seen).rejects.toMatchObject({ code: 'not_found' });
  }
  const listed = await stage.bounties.submissions({ bountyId, viewerId: careful, limit: 10 });
  expect(listed).toEqual([]);
  const { ppm } = await stage.bounties.reviews.reputation({ datanetId, partyId: careful });
  expect(ppm).toBe(800_000);
  await expect(vote(real.id, careless, false)).rejects.toMatchObject({
    code: 'forbidden',
    details: { reputationPpm: 200_000 },
  });
  await vote(real.id, careful, true);
  expect(await stateOf(real.id, real.partyId)).toBe('accepted');
  expect((await stage.bounties.find(bountyId)).accepted).toBe(1);
});

test('votes that were cast are decided by the clock where the server died before it could', async () => {
  const { submit } = await open();
  const { id, partyId } = await submit();
  await stage.db.transaction((tx) =>
    tx.query({
      text: `insert into datanets.votes (submission_id, party_id, datanet_id, accept, reason, created_at)
             select $1, $2, datanet_id, true, 'cast', now() from datanets.bounties join datanets.submissions
             on bounty_id = bounties.id where submissions.id = $1`,
      values: [id, stage.owner],
    }),
  );
  expect(await stateOf(id, partyId)).toBe('pending');
  await stage.bounties.settle();
  expect(await stateOf(id, partyId)).toBe('accepted');
});

test('more votes for it never turn an acceptance into a rejection, and reputation stays within its bounds', () => {
  fc.assert(
    fc.property(
      fc.array(fc.boolean(), { minLength: 1, maxLength: 20 }),
      fc.integer({ min: 1, max: 1_000_000 }),
      (accepts, thresholdPpm) => {
        const rules = { quorum: accepts.length, thresholdPpm, minimumReputationPpm: 0 };
        const votes = accepts.map((accept) => ({ accept }));
        const decision = decisionOf(votes, rules);
        expect(decisionOf(votes.slice(1), rules)).toBeUndefined();
        expect(decision).toBe(
          accepts.filter(Boolean).length / accepts.length >= thresholdPpm / 1_000_000,
        );
        const upheld = accepts.filter(Boolean).length;
        const { ppm } = reputationOf({ decisions: accepts.length, upheld });
        expect(ppm).toBeGreaterThan(0);
        expect(ppm).toBeLessThan(1_000_000);
      },
    ),
  );
});
