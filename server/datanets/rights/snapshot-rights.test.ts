import type { Draft, Id } from '@openledger/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestDatanets, sentenceAbout } from '../../../test/harness/datanets.ts';
import type { TestDatabase } from '../../../test/harness/postgres.ts';
import type { Datanets } from '../index.ts';

let database: TestDatabase;
let datanets: Datanets;
let owner: Id<'party'>;

beforeAll(async () => {
  ({ database, datanets, owner } = await openTestDatanets());
});
afterAll(() => database.drop());

const licences = ['MIT', 'CC-BY-NC-4.0', 'CC-BY-SA-4.0', 'ODbL-1.0'];
let made = 0;
const newDatanet = async () =>
  (await datanets.create({ name: `net-${++made}`, ownerId: owner, licences })).id;

async function contribute(datanetId: string, subject: string, rest: Partial<Draft> = {}) {
  const draft = { text: sentenceAbout(subject), licence: 'MIT', ...rest };
  return (await datanets.contribute({ datanetId, partyId: owner, draft })).recordHash;
}

const refusalOf = (use: Promise<void>) =>
  use.then(
    () => undefined,
    (error: unknown) => error,
  );

test('what is not for sale is found by who asks for nothing else, and not by a paid call', async () => {
  const datanetId = await newDatanet();
  await contribute(datanetId, 'open otter');
  await contribute(datanetId, 'gratis otter', { licence: 'CC-BY-NC-4.0' });
  await contribute(datanetId, 'reserved otter', { purposes: ['train', 'retrieve'] });
  await contribute(datanetId, 'hidden otter', { purposes: ['train', 'commercial'] });
  await datanets.seal(datanetId);
  const found = async (purposes?: readonly ['retrieve', 'commercial']) =>
    (await datanets.retrieve(datanetId, 'otter', { limit: 10, purposes })).records
      .map((record) => record.text.split(' ')[1])
      .sort();
  expect(await found()).toEqual(['gratis', 'open', 'reserved']);
  expect(await found(['retrieve', 'commercial'])).toEqual(['open']);
});

test('a model is refused by the record that forbids it, until that is withdrawn', async () => {
  const datanetId = await newDatanet();
  await contribute(datanetId, 'open heron');
  const recordHash = await contribute(datanetId, 'shy heron', { purposes: ['retrieve'] });
  const { id } = await datanets.seal(datanetId);
  const use = { snapshotIds: [id], context: [], commercial: false };
  expect(await refusalOf(datanets.assertRights(use))).toMatchObject({
    code: 'purpose_not_licensed',
    details: { licence: 'MIT', purposes: ['train'], records: [recordHash] },
  });
  const caller = { partyId: owner, scopes: [] };
  await datanets.withdraw({ datanetId, recordHash, reason: 'a test', caller });
  expect(await refusalOf(datanets.assertRights(use))).toBe(undefined);
});

test('refuses to mix two licences, of one snapshot, of two, and of a model with its context', async () => {
  const [one, other] = [await newDatanet(), await newDatanet()];
  const alike = await contribute(one, 'alike stork', { licence: 'CC-BY-SA-4.0' });
  const sealed = await datanets.seal(one);
  const data = await contribute(other, 'tabled stork', { licence: 'ODbL-1.0' });
  const second = await datanets.seal(other);
  const mixed = {
    code: 'licences_conflict',
    details: { licences: ['CC-BY-SA-4.0', 'ODbL-1.0'], records: [[alike], [data]] },
  };
  const rest = { context: [], commercial: true };
  const both = { ...rest, snapshotIds: [sealed.id, second.id] };
  expect(await refusalOf(datanets.assertRights({ ...both }))).toMatchObject(mixed);
  expect(await refusalOf(datanets.assertRights({ ...rest, snapshotIds: [sealed.id] }))).toBe(
    undefined,
  );
  const { records: context } = await datanets.retrieve(other, 'stork', { limit: 1 });
  const prompt = { snapshotIds: [sealed.id], context, commercial: true };
  expect(await refusalOf(datanets.assertRights(prompt))).toMatchObject(mixed);
});

test('shows what a contributor allows beside the licence', async () => {
  const datanetId = await newDatanet();
  const hash = await contribute(datanetId, 'curlew', { purposes: ['train', 'retrieve', 'train'] });
  expect((await datanets.recordByHash(datanetId, hash)).purposes).toEqual(['retrieve', 'train']);
  const plain = await contribute(datanetId, 'dunlin');
  expect((await datanets.recordByHash(datanetId, plain)).purposes).toBe(undefined);
});
