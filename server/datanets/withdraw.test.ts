import type { Id } from '@openledger/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestDatanets, sentenceAbout } from '../../test/harness/datanets.ts';
import type { TestDatabase } from '../../test/harness/postgres.ts';
import type { Identity } from '../identity/index.ts';
import type { Datanets } from './index.ts';

let database: TestDatabase;
let identity: Identity;
let datanets: Datanets;
let owner: Id<'party'>;

beforeAll(async () => {
  ({ database, identity, datanets, owner } = await openTestDatanets());
});
afterAll(() => database.drop());

const partyOf = async (handle: string) =>
  (await identity.registerParty({ identity: `handle:${handle}` })).id;

const contribute = async (datanetId: Id<'datanet'>, subject: string, handles: readonly string[]) =>
  datanets.contribute({
    ...{ datanetId, partyId: owner },
    draft: {
      text: sentenceAbout(subject),
      licence: 'MIT',
      contributors: handles.map((handle) => ({ identity: `handle:${handle}`, weight: 1 })),
    },
  });

test('a contributor takes back all that he owns, at once, refinements included, and nothing else', async () => {
  const { id: datanetId } = await datanets.create({ name: 'consent', ownerId: owner });
  const alone = await contribute(datanetId, 'adder', ['ada']);
  const shared = await contribute(datanetId, 'boa', ['ada', 'bob']);
  const other = await contribute(datanetId, 'cobra', ['bob']);
  await datanets.refine({ datanetId, refinerId: owner, pipeline: ['chunk-1'] });
  const snapshot = await datanets.seal(datanetId);
  const ada = await partyOf('ada');
  const order = { datanetId, contributorId: ada, reason: 'no more' };

  const stranger = { partyId: await partyOf('bob'), scopes: [] };
  await expect(datanets.withdrawContributor({ ...order, caller: stranger })).rejects.toMatchObject({
    code: 'forbidden',
  });

  const caller = { partyId: ada, scopes: [] };
  const ended = await datanets.withdrawContributor({ ...order, caller });
  expect(ended.withdrawn).toEqual(
    expect.arrayContaining([alone.recordHash, shared.recordHash].sort()),
  );
  expect(ended.withdrawn).not.toContain(other.recordHash);
  expect(ended.snapshots).toEqual([{ snapshotId: snapshot.id, poolVersion: 2 }]);
  const { members } = await datanets.poolOf(snapshot.id);
  expect(members.map(({ party }) => party)).not.toContain(ada);
  expect((await datanets.retrieve(datanetId, 'described', { limit: 5 })).records).toHaveLength(1);

  const again = await datanets.withdrawContributor({ ...order, caller });
  expect(again).toEqual({ withdrawn: [], snapshots: [] });
});
