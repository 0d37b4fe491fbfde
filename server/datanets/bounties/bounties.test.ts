import { OpenLedgerError, type PersonalDataPolicy, sha256Hex } from '@openledger/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestBounties, type TestBounties } from '../../../test/harness/bounties.ts';
import { commitmentOf } from './held-out.ts';
import { scoreOf } from './measure.ts';
import { refinedPassages } from './passages.ts';

let stage: TestBounties;
beforeAll(async () => {
  stage = await openTestBounties();
});
afterAll(() => stage.end());

let named = 0;
const REWARD = 1_000_003n;

/** A bounty on a datanet of its own, whose owner is its only reviewer. */
async function open(
  terms: {
    targetPpm?: number;
    reward?: bigint;
    kind?: 'annotate' | 'qa';
    personalData?: PersonalDataPolicy;
  } = {},
) {
  const { datanetId, questions } = await stage.archipelago(
    `islands-${++named}`,
    terms.personalData,
  );
  const { reward = REWARD, targetPpm = 400_000, kind = 'annotate' } = terms;
  const funder = await stage.party(`funder-${named}`, reward);
  const bounty = await stage.bounties.open({
    ...{ datanetId, questions, reward, targetPpm, kind, funderId: funder },
    instructions: 'Say whose passage it is.',
    submitSeconds: 3600,
    decideSeconds: 3600,
  });
  return { bounty, bountyId: bounty.id, funder, datanetId, questions };
}

const accept = (submissionId: string, accepts = true) =>
  stage.bounties.reviews.vote({
    submissionId,
    partyId: stage.owner,
    accept: accepts,
    reason: 'It was read.',
  });

const asFunder = (partyId: Awaited<ReturnType<typeof open>>['funder']) => ({ partyId, scopes: [] });
const owner = () => ({ partyId: stage.owner, scopes: [] });

/** Submits and accepts. @returns the submission as it was decided */
async function runs(bountyId: string, handle: string, pipeline: 'annotate-1' | 'clean-1') {
  const partyId = await stage.party(handle);
  const { id } = await stage.bounties.run({ bountyId, partyId, pipeline: [pipeline] });
  await accept(id);
  return stage.bounties.submission(id, { partyId, scopes: [] });
}

async function passagesOf(datanetId: string) {
  const [{ id }] = (await stage.datanets.listSnapshots({ datanetId, limit: 1 })).slice(-1);
  const passages = [];
  for await (const { recordHash: hash, text, document } of stage.datanets.snapshotRecords(id)) {
    passages.push({ hash, text, document });
  }
  return passages;
}

test('annotating is measured to help and is paid by it, exactly; the rest goes back', async () => {
  const { bounty, bountyId, funder } = await open({ targetPpm: 900_000 });
  expect(await stage.available(funder)).toBe(0n);
  expect(await stage.ledger.balance(`${bountyId}:reward`)).toBe(REWARD);
  const refiner = await stage.party('ingrid');
  const submission = await runs(bountyId, 'ingrid', 'annotate-1');
  const { beforePpm, afterPpm, deltaPpm, taken } = submission.outcome!;
  expect(taken).toBe(12);
  expect(beforePpm).toBe(bounty.basePpm);
  expect(deltaPpm).toBe(afterPpm - beforePpm);
  expect(deltaPpm).toBeGreaterThan(300_000);
  const paid = (REWARD * BigInt(deltaPpm)) / 900_000n;
  expect(submission.units).toBe(paid);
  expect(await stage.available(refiner)).toBe(paid);
  const closed = await stage.bounties.close(bountyId, asFunder(funder));
  expect(closed).toMatchObject({ paid, bestPpm: deltaPpm, accepted: 1 });
  expect(await stage.available(funder)).toBe(REWARD - paid);
  expect(await stage.ledger.balance(`${bountyId}:reward`)).toBe(0n);
});

test('what changes nothing has a delta of 0 and is paid 0', async () => {
  const { bountyId } = await open();
  const submission = await runs(bountyId, 'nils', 'clean-1');
  expect(submission).toMatchObject({ state: 'accepted', units: 0n });
  expect(submission.outcome).toMatchObject({ taken: 0, deltaPpm: 0 });
});

test('whoever copies what was accepted has nothing to be taken, and is paid 0', async () => {
  const { bountyId, datanetId } = await open();
  const passages = await passagesOf(datanetId);
  const copier = await stage.party('copycat');
  const waiting = await stage.bounties.run({ bountyId, partyId: copier, pipeline: ['annotate-1'] });
  const byHand = await stage.bounties.submit({
    bountyId,
    partyId: copier,
    work: passages.map(({ hash, text }) => ({
      parent: hash,
      adds: true,
      texts: [`${text} Copied.`],
    })),
  });
  const first = await runs(bountyId, 'first', 'annotate-1');
  expect(first.outcome?.deltaPpm).toBeGreaterThan(0);
  await accept(waiting.id);
  await accept(byHand.id);
  for (const { id } of [waiting, byHand]) {
    const copy = await stage.bounties.submission(id, { partyId: copier, scopes: [] });
    expect(copy).toMatchObject({ state: 'accepted', units: 0n });
    expect(copy.outcome).toMatchObject({ taken: 0, gone: 12, deltaPpm: 0 });
  }
  const again = await runs(bountyId, 'again', 'annotate-1');
  expect(again.outcome).toMatchObject({ taken: 0, deltaPpm: 0 });
});

test('dividing one improvement, or undoing and redoing it, earns what it earns at once', async () => {
  const whole = await open({ targetPpm: 900_000 });
  const { units } = await runs(whole.bountyId, 'whole', 'annotate-1');

  const { bountyId, datanetId } = await open({ targetPpm: 900_000 });
  const passages = await passagesOf(datanetId);
  const titles = ['Sandoy', 'Hirta', 'Foula', 'Lundy', 'Rona', 'Skomer'];
  const partyId = await stage.party('divider');
  const submit = async (work: { parent: string; adds: boolean; texts: string[] }[]) => {
    const { id } = await stage.bounties.submit({ bountyId, partyId, work });
    await accept(id);
    return stage.bounties.submission(id, { partyId, scopes: [] });
  };
  const annotated = passages.map(({ hash, text }, i) => ({
    ...{ parent: hash, adds: false },
    texts: [`${titles[Math.floor(i / 2)]}\n\n${text}`],
  }));
  const half = await submit(annotated.slice(0, 6));
  // He writes over the names again, which is accepted, and makes it good for pay.
  const undone = await submit(
    annotated.slice(0, 6).map(({ texts: [text] }, i) => ({
      ...{ parent: sha256Hex(text), adds: false },
      texts: [passages[i].text.replace('## ', '### ')],
    })),
  );
  expect(undone.outcome?.deltaPpm).toBeLessThan(0);
  expect(undone.units).toBe(0n);
  const redone = await submit(
    passages.slice(0, 6).map(({ text }, i) => ({
      ...{ parent: sha256Hex(text.replace('## ', '### ')), adds: false },
      texts: [`${titles[Math.floor(i / 2)]}:\n\n${text}`],
    })),
  );
  expect(redone.outcome?.deltaPpm).toBe(-undone.outcome!.deltaPpm);
  expect(redone.units).toBe(0n);
  const rest = await submit(annotated.slice(6));
  expect(half.units + rest.units).toBe(units);
  expect((await stage.bounties.find(bountyId)).paid).toBe(units);
});

test('work by hand brings no personal data into a datanet that refuses or redacts it', async () => {
  const partyId = await stage.party('gossip');
  for (const personalData of ['refuse', 'redact', 'keep'] as const) {
    const { bountyId, datanetId } = await open({ personalData });
    const [{ hash: parent, text }] = await passagesOf(datanetId);
    const work = [{ parent, adds: false, texts: [`${text} Ask inger@holm.kivik.`] }];
    const submitted = stage.bounties.submit({ bountyId, partyId, work });
    if (personalData === 'keep') await submitted;
    else {
      await expect(submitted).rejects.toMatchObject({
        ...{ code: 'unprocessable', details: { item: 1, reason: 'personal_data' } },
      });
    }
  }
});

test('questions are committed to, kept back until the end, and then anybody computes it again', async () => {
  const { bounty, bountyId, funder, datanetId } = await open();
  await expect(stage.bounties.heldOut(bountyId)).rejects.toMatchObject({ code: 'forbidden' });
  const { id, outcome } = await runs(bountyId, 'recomputed', 'annotate-1');
  await stage.bounties.close(bountyId, asFunder(funder));
  const heldOut = await stage.bounties.heldOut(bountyId);
  expect(commitmentOf(heldOut)).toBe(bounty.commitment);
  expect(heldOut.salt).toBe(bounty.salt);

  const before = new Map((await passagesOf(datanetId)).map((one) => [one.hash, one]));
  expect(await scoreOf(before, heldOut.questions)).toBe(outcome?.beforePpm);
  const work = await Promise.all(
    (await stage.bounties.takenWork(id, { partyId: funder, scopes: [] })).map(async (one) => ({
      ...one,
      children: await Promise.all(
        one.children.map(async (child) => ({
          ...child,
          text: (await stage.datanets.recordByHash(datanetId, child.hash)).text,
        })),
      ),
    })),
  );
  expect(await scoreOf(refinedPassages(before, work), heldOut.questions)).toBe(outcome?.afterPpm);
});

test('what was accepted is sealed with its refiner, who has the share of his kind of work', async () => {
  const { bountyId, datanetId } = await open({ kind: 'qa' });
  const [passage] = await passagesOf(datanetId);
  const refiner = await stage.party('asker');
  const question = 'Question: who waves the boats in? Answer: the ferryman waves from the rocks.';
  const { id } = await stage.bounties.submit({
    ...{ bountyId, partyId: refiner },
    work: [{ parent: passage.hash, adds: true, texts: [question] }],
  });
  await accept(id);
  const snapshot = await stage.datanets.seal(datanetId);
  const sealed = [];
  for await (const record of stage.datanets.snapshotRecords(snapshot.id)) sealed.push(record);
  expect(sealed.map(({ recordHash }) => recordHash)).toContain(passage.hash);
  const added = sealed.find(({ text }) => text === question);
  expect(added?.document).toBe(passage.document);
  const share = added?.owners.find(({ party }) => party === refiner)?.weight;
  expect(share).toBe((2n ** 64n * 300_000n) / 1_000_000n);
  const { parents } = await stage.datanets.recordByHash(datanetId, sha256Hex(question));
  expect(parents).toMatchObject([{ hash: passage.hash, refinerId: refiner }]);
});

test('the words of a held-out question that no source has are not measured', async () => {
  const { bountyId, datanetId, questions } = await open();
  const passages = await passagesOf(datanetId);
  const insider = await stage.party('insider');
  const { id } = await stage.bounties.submit({
    ...{ bountyId, partyId: insider },
    work: passages.map(({ hash, document }) => ({
      ...{ parent: hash, adds: true },
      texts: [
        `On passage ${hash}: ${questions.find(({ documents }) => documents[0] === document)?.question}`,
      ],
    })),
  });
  await accept(id);
  const { outcome, units } = await stage.bounties.submission(id, {
    partyId: insider,
    scopes: [],
  });
  expect(outcome).toMatchObject({ taken: 12, stuffed: 12, deltaPpm: 0 });
  expect(units).toBe(0n);
});

test('a passage that was withdrawn meanwhile is not refined, and its text is not shown to reviewers', async () => {
  const { bountyId, datanetId } = await open();
  const [{ document }] = await passagesOf(datanetId);
  const partyId = await stage.party('late');
  const { id } = await stage.bounties.run({ bountyId, partyId, pipeline: ['annotate-1'] });
  await stage.datanets.withdraw({
    ...{ datanetId, recordHash: document, reason: 'a test', caller: owner() },
  });
  const shown = await stage.bounties.reviews.read({
    ...{ submissionId: id, partyId: stage.owner, limit: 100 },
  });
  expect(shown).toHaveLength(10);
  await accept(id);
  const { outcome } = await stage.bounties.submission(id, { partyId, scopes: [] });
  expect(outcome).toMatchObject({ taken: 10, gone: 2 });
});

test('nobody claims by hand what others have contributed', async () => {
  const { bountyId, datanetId } = await open();
  const [mine, theirs] = await passagesOf(datanetId);
  const partyId = await stage.party('thief');
  const { id } = await stage.bounties.submit({
    ...{ bountyId, partyId },
    work: [{ parent: mine.hash, adds: true, texts: [theirs.text] }],
  });
  await accept(id);
  const { outcome } = await stage.bounties.submission(id, { partyId, scopes: [] });
  expect(outcome).toMatchObject({ taken: 0, known: 1 });
});

test('a bounty that cannot be paid, or measured, is refused and leaves nothing behind', async () => {
  const { datanetId, questions } = await stage.archipelago('refused');
  const poor = await stage.party('poor', 5n);
  const terms = {
    ...{ datanetId, funderId: poor, kind: 'annotate' as const, instructions: '', reward: 6n },
    ...{ targetPpm: 1000, submitSeconds: 60, decideSeconds: 60, questions },
  };
  await expect(stage.bounties.open(terms)).rejects.toMatchObject({ code: 'insufficient_funds' });
  const stranger = { question: 'What is this about?', documents: [sha256Hex('nothing')] };
  for (const wrong of [stranger, { ...questions[0], question: 'Where?' }]) {
    await expect(
      stage.bounties.open({ ...terms, reward: 5n, questions: [wrong] }),
    ).rejects.toMatchObject({ code: 'unprocessable' });
  }
  const { id: empty } = await stage.datanets.create({ name: 'empty', ownerId: stage.owner });
  await expect(stage.bounties.open({ ...terms, datanetId: empty })).rejects.toMatchObject({
    code: 'unprocessable',
  });
  expect(await stage.bounties.list({ datanetId, limit: 10 })).toEqual([]);
  expect(await stage.available(poor)).toBe(5n);
  expect(await stage.bounties.open({ ...terms, reward: 0n })).toMatchObject({ reward: 0n });
});

test('bad work is refused by what is wrong with it', async () => {
  const { bountyId, datanetId } = await open();
  const [{ hash: parent, text }] = await passagesOf(datanetId);
  const partyId = await stage.party('careless');
  const submit = (...work: { parent: string; texts: string[] }[]) =>
    stage.bounties.submit({
      ...{ bountyId, partyId },
      work: work.map((one) => ({ ...one, adds: false })),
    });
  const refused = async (work: Parameters<typeof submit>, code: string, reason?: string) => {
    const error = await submit(...work).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(OpenLedgerError);
    expect(error).toMatchObject({ code, ...(reason ? { details: { reason } } : {}) });
  };
  await refused([{ parent: sha256Hex('x'), texts: [text] }], 'unprocessable');
  await refused([{ parent, texts: ['short'] }], 'unprocessable', 'size');
  await refused(
    [{ parent, texts: [`${'AKIA'}J7Q2XK4LMNPR5T3V ${text}`] }],
    'unprocessable',
    'secret',
  );
  await refused([{ parent, texts: ['%&/ '.repeat(60)] }], 'unprocessable', 'quality');
  await refused([{ parent, texts: [`${text}\0`] }], 'unprocessable', 'encoding');
  const fine = { parent, texts: [`${text} And more.`] };
  await refused([fine, fine], 'conflict');
  await expect(
    stage.bounties.run({ bountyId: `bnt_${'0'.repeat(32)}`, partyId, pipeline: ['tag-1'] }),
  ).rejects.toMatchObject({ code: 'not_found' });
  for (let i = 0; i < 10; i++) await submit(fine);
  await refused([fine], 'rate_limited');
});

test('a bounty ends by the clock: without reviews pending at its deadline, with them when their time is over', async () => {
  const [quiet, waiting] = [await open(), await open()];
  const partyId = await stage.party('waiting');
  const { id } = await stage.bounties.run({
    ...{ bountyId: waiting.bountyId, partyId, pipeline: ['annotate-1'] },
  });
  await expect(
    stage.bounties.close(waiting.bountyId, asFunder(waiting.funder)),
  ).rejects.toMatchObject({ code: 'conflict', details: { waiting: 1 } });
  await expect(stage.bounties.close(quiet.bountyId, asFunder(partyId))).rejects.toMatchObject({
    code: 'forbidden',
  });
  stage.clock.pass(3600);
  await stage.bounties.settle();
  await expect(
    stage.bounties.run({ bountyId: waiting.bountyId, partyId, pipeline: ['tag-1'] }),
  ).rejects.toMatchObject({ code: 'conflict' });
  expect(await stage.available(quiet.funder)).toBe(REWARD);
  expect(await stage.available(waiting.funder)).toBe(0n);
  stage.clock.pass(3600);
  await stage.bounties.settle();
  expect(await stage.available(waiting.funder)).toBe(REWARD);
  expect(await stage.bounties.submission(id, { partyId, scopes: [] })).toMatchObject({
    state: 'lapsed',
  });
  await expect(accept(id)).rejects.toMatchObject({ code: 'conflict' });
  expect(await stage.reserved()).toBe(
    (await stage.bounties.list({ limit: 500 }))
      .filter(({ closedAt }) => !closedAt)
      .reduce((sum, { reward, paid }) => sum + reward - paid, 0n),
  );
});
