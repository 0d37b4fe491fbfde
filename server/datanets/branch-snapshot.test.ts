import type { Draft, Id } from '@openledger/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestDatanets, sentenceAbout } from '../../test/harness/datanets.ts';

let open: Awaited<ReturnType<typeof openTestDatanets>>;
beforeAll(async () => {
  open = await openTestDatanets();
});
afterAll(() => open.database.drop());

const draft = (text: string, by: string): Draft => ({
  ...{ text, licence: 'MIT' },
  contributors: [{ identity: `handle:${by}`, weight: 1 }],
});
const page = (subject: string) =>
  `# ${subject}\n\n[![${subject}](${subject}.svg)](${subject})\n\n${sentenceAbout(subject)}\n\n${sentenceAbout(`old ${subject}`)}\n`;

async function begin(name: string) {
  const { datanets, owner } = open;
  const { id: datanetId } = await datanets.create({ name, ownerId: owner });
  const contribute = async (text: string, by: string) =>
    (await datanets.contribute({ datanetId, partyId: owner, draft: draft(text, by) })).recordHash;
  const refineAndSeal = async (id: Id<'datanet'>) => {
    await datanets.refine({ datanetId: id, refinerId: owner, pipeline: ['clean-1', 'chunk-1'] });
    return datanets.seal(id);
  };
  return { datanets, owner, datanetId, contribute, refineAndSeal };
}
const LYNX =
  'Nobody has seen the lynx of this valley for years; its tracks, however, cross the ice of the lake in most winters.';
const root = ({ manifest }: { manifest: { root: string } }) => manifest.root;

test("a branch's first snapshot is that which it came from; what came later stays behind", async () => {
  const { datanets, owner, datanetId, contribute, refineAndSeal } = await begin('trunk');
  await contribute(page('heron'), 'ann');
  await refineAndSeal(datanetId);
  await contribute(`${page('heron')}\n${page('ibex')}`, 'ben'); // half of it is ann's
  const gone = await contribute(page('jackal'), 'cat');
  const caller = { partyId: owner, scopes: ['contribute' as const] };
  await datanets.withdraw({ datanetId, recordHash: gone, reason: 'Mine.', caller });
  const snapshot = await refineAndSeal(datanetId);
  await contribute(page('kestrel'), 'dan');

  const order = { snapshotId: snapshot.id, name: 'branch', ownerId: owner };
  const branch = await datanets.branchSnapshot(order);
  expect(branch).toMatchObject({ name: 'branch', records: 3 });
  expect(root(await datanets.seal(branch.id))).toBe(root(snapshot));
  await expect(datanets.branchSnapshot(order)).rejects.toMatchObject({ code: 'conflict' });

  // It grows by itself, and a branch of the branch is the same again.
  await datanets.contribute({
    ...{ datanetId: branch.id, partyId: owner, draft: draft(LYNX, 'eve') },
  });
  const grown = await refineAndSeal(branch.id);
  expect(root(grown)).not.toBe(root(snapshot));
  const twig = await datanets.branchSnapshot({ ...order, snapshotId: grown.id, name: 'twig' });
  expect(root(await datanets.seal(twig.id))).toBe(root(grown));
});

test('what is withdrawn from a datanet is withdrawn from its branches, and nothing that a branch has of its own', async () => {
  const { datanets, owner, datanetId, contribute } = await begin('source');
  const shared = await contribute(sentenceAbout('moose'), 'ann');
  await contribute(sentenceAbout('newt'), 'ann');
  const { id: snapshotId } = await datanets.seal(datanetId);
  const branch = await datanets.branchSnapshot({ snapshotId, name: 'fork', ownerId: owner });
  const own = { datanetId: branch.id, partyId: owner, draft: draft(sentenceAbout('otter'), 'ben') };
  const { recordHash: otter } = await datanets.contribute(own);
  await contribute(sentenceAbout('otter'), 'cat'); // the same text, on its own way
  const sealed = await datanets.seal(branch.id);

  const caller = { partyId: owner, scopes: ['contribute' as const] };
  const withdraw = (recordHash: string) =>
    datanets.withdraw({ datanetId, recordHash, reason: 'Mine.', caller });
  const { withdrawn, snapshots } = await withdraw(shared);
  expect(withdrawn).toEqual([shared]);
  expect(snapshots.map((one) => one.snapshotId).sort()).toEqual([snapshotId, sealed.id].sort());
  expect((await withdraw(otter)).snapshots).toEqual([]);
  const left = await datanets.seal(branch.id);
  expect(left.manifest.records).toBe(2);
});
