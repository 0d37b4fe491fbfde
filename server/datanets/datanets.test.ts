import {
  COMMONS,
  type Draft,
  entitlementHash,
  faultOfEntitlement,
  fromHex,
  type Id,
  informationIn,
  informedWords,
  leafHash,
  merkleRoot,
  ownedHash,
  ownerMapHash,
  parseEntitlement,
  poolEntitlement,
  SnapshotExport,
  sha256Hex,
  snapshotHash,
  snapshotLeaf,
  toHex,
  unigramTable,
  unigramTableHash,
  verifyInclusion,
  wordCount,
  wordsIn,
} from '@openledger/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestDatanets, sentenceAbout } from '../../test/harness/datanets.ts';
import type { TestDatabase } from '../../test/harness/postgres.ts';
import type { Identity } from '../identity/index.ts';
import { linesOf } from '../platform/lines.ts';
import type { Datanets } from './index.ts';

let database: TestDatabase;
let identity: Identity;
let datanets: Datanets;
let owner: Id<'party'>;

beforeAll(async () => {
  ({ database, identity, datanets, owner } = await openTestDatanets());
});
afterAll(() => database.drop());

let named = 0;
const newDatanet = async () =>
  (await datanets.create({ name: `net-${++named}`, ownerId: owner })).id;

const page = (subject: string) =>
  [
    `# ${subject} [![${subject}](${subject}.svg)](${subject})`,
    '',
    '',
    sentenceAbout(subject),
    '',
    `See [more](${subject}).`,
  ].join('\n');

const draft = (text: string, rest: Partial<Draft> = {}): Draft => ({
  text,
  licence: 'MIT',
  ...rest,
});
const by = (handle: string, weight = 1) => ({ identity: `handle:${handle}`, weight });

async function* bytesOf(...lines: (object | string)[]) {
  for (const line of lines) {
    yield Buffer.from(`${typeof line === 'string' ? line : JSON.stringify(line)}\n`);
  }
}
const sent = (...lines: (object | string)[]) => linesOf(bytesOf(...lines), { maxLineBytes: 8e6 });

const contribute = async (datanetId: string, text: string, rest: Partial<Draft> = {}) =>
  (await datanets.contribute({ datanetId, partyId: owner, draft: draft(text, rest) })).recordHash;

const partyOf = async (handle: string) =>
  (await identity.registerParty({ identity: `handle:${handle}` })).id;

async function recordsOf(snapshotId: string) {
  const records = [];
  for await (const record of datanets.snapshotRecords(snapshotId)) records.push(record);
  return records;
}

const found = async (...search: Parameters<Datanets['retrieve']>) =>
  (await datanets.retrieve(...search)).records;

test('datanets of the same contributors, in whatever order, can be sealed at once', async () => {
  const names = Array.from({ length: 400 }, (_, i) => `crowd${i}`);
  const orders = [0, 1, 2, 3, 4, 5].map((i) => (i % 2 === 0 ? names : names.toReversed()));
  const ids: Id<'datanet'>[] = [];
  for (const order of orders) {
    const datanetId = await newDatanet();
    const lines = sent(...order.map((name) => draft(page(name), { contributors: [by(name)] })));
    await datanets.contributeMany({ datanetId, partyId: owner, lines });
    ids.push(datanetId);
  }
  const sealed = await Promise.all(ids.map((id) => datanets.seal(id)));
  expect(sealed.map(({ manifest }) => manifest.records)).toEqual(orders.map(() => 400));
});

test('refining, sealing and withdrawing at once leaves one consistent datanet', async () => {
  const datanetId = await newDatanet();
  const hashes = [];
  for (const name of ['ant', 'bee', 'cow', 'doe', 'elk']) {
    hashes.push(await contribute(datanetId, page(name), { contributors: [by(name)] }));
  }
  const refine = () =>
    datanets.refine({ datanetId, refinerId: owner, pipeline: ['clean-1', 'chunk-1'] });
  const caller = { partyId: owner, scopes: [] };
  const drop = (recordHash: string) =>
    datanets.withdraw({ datanetId, recordHash, reason: 'a test', caller });
  await Promise.all([
    ...[refine(), drop(hashes[0]), datanets.seal(datanetId), refine(), drop(hashes[1])],
    ...[datanets.seal(datanetId), drop(hashes[1]), refine()],
  ]);
  const { id } = await datanets.seal(datanetId);
  const live = [];
  for await (const record of datanets.snapshotRecords(id)) {
    if (!record.withdrawn) live.push(record.document);
  }
  expect(live.sort()).toEqual(hashes.slice(2).sort());
  expect((await datanets.poolOf(id)).members.map(({ party }) => party)).toHaveLength(4);
});

test('a line nested without end is one bad line', async () => {
  const datanetId = await newDatanet();
  const bottomless = `{"text":"a","metadata":{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}}`;
  const lines = sent(bottomless, draft(page('ibis')));
  const intake = await datanets.contributeMany({ datanetId, partyId: owner, lines });
  expect(intake).toMatchObject({ accepted: 1, rejected: { malformed: 1 } });
});

test('takes what is fit from a stream and names the line and reason of the rest', async () => {
  const datanetId = await newDatanet();
  const lines = sent(
    draft(page('zebra')),
    '{"text": "broken',
    draft('too short'),
    { ...draft(page('yak')), licence: 'unknown' },
    { ...draft(page('yak')), licence: 'Proprietary-1.0' },
    draft(page('zebra')),
    draft(`${page('emu')}\nAKIAABCDEFGHIJKLMNOP`),
    draft(`${'='.repeat(400)}\n`.repeat(20)),
    draft(`${page('gnu')}\u0001`),
    { ...draft(page('yak')), contributors: [{ identity: 'nonsense', weight: 1 }] },
    { ...draft(page('yak')), contributors: [{ identity: 'local:admin', weight: 1 }] },
    { ...draft(page('yak')), metadata: { name: 'a\u0000b' } },
    draft(page('yak'), { contributors: [by('yara')] }),
  );
  const intake = await datanets.contributeMany({ datanetId, partyId: owner, lines });
  expect(intake.accepted).toBe(2);
  expect(intake.rejections.map(({ line, reason }) => [line, reason])).toEqual([
    [2, 'malformed'],
    [3, 'size'],
    [4, 'licence'],
    [5, 'licence'],
    [6, 'duplicate'],
    [7, 'secret'],
    [8, 'quality'],
    [9, 'encoding'],
    [10, 'malformed'],
    [11, 'malformed'],
    [12, 'malformed'],
  ]);
  expect(intake.rejected).toMatchObject({ malformed: 4, licence: 2, duplicate: 1 });
});

test('lines that are not UTF-8 or too long are reported, and those after them still come', async () => {
  const datanetId = await newDatanet();
  async function* bytes() {
    yield Buffer.from([0x22, 0xff, 0x22, 0x0a]);
    yield Buffer.from(`"${'x'.repeat(3000)}"\n`);
    yield Buffer.from(JSON.stringify(draft(page('owl'))));
  }
  const lines = linesOf(bytes(), { maxLineBytes: 2000 });
  const intake = await datanets.contributeMany({ datanetId, partyId: owner, lines });
  expect(intake.accepted).toBe(1);
  expect(intake.rejections.map(({ line, reason }) => [line, reason])).toEqual([
    [1, 'encoding'],
    [2, 'size'],
  ]);
});

test('an address is kept only as a hash under the key of its datanet', async () => {
  const [one, two] = [await newDatanet(), await newDatanet()];
  const contributors = [
    { identity: { kind: 'git' as const, email: 'Ada@Example.org' }, weight: 1 },
  ];
  const lower = [{ identity: { kind: 'git' as const, email: 'ada@example.org' }, weight: 1 }];
  const identityOf = async (datanetId: string, hash: string) =>
    (await datanets.recordByHash(datanetId, hash)).contributors[0].identity;
  const first = await identityOf(one, await contribute(one, page('ant'), { contributors }));
  const second = await identityOf(one, await contribute(one, page('bee'), { contributors: lower }));
  const elsewhere = await identityOf(two, await contribute(two, page('ant'), { contributors }));
  expect(first).toMatch(/^git:[0-9a-f]{64}$/);
  expect(second).toBe(first);
  expect(elsewhere).not.toBe(first);
  expect(first).not.toBe(`git:${sha256Hex('ada@example.org')}`);
});

test('a single contribution is refused with a typed error, and its reason in the details', async () => {
  const datanetId = await newDatanet();
  await contribute(datanetId, page('cat'));
  await expect(contribute(datanetId, page('cat'))).rejects.toMatchObject({
    code: 'conflict',
    details: { reason: 'duplicate' },
  });
  await expect(contribute(datanetId, page('dog'), { licence: undefined })).rejects.toMatchObject({
    code: 'unprocessable',
    details: { reason: 'licence' },
  });
  await expect(contribute('dn_none', page('dog'))).rejects.toMatchObject({ code: 'not_found' });
});

test('an import that broke off goes on where it stood and takes no line twice', async () => {
  const datanetId = await newDatanet();
  const open = () => datanets.openImport({ datanetId, partyId: owner, name: 'pages' });
  const drafts = ['a', 'b', 'c', 'd', 'e'].map((letter) => draft(page(`animal ${letter}`)));
  const before = await open();
  const which = { datanetId, importId: before.id, partyId: owner };
  const taken = await datanets.uploadImport({
    ...which,
    from: 0,
    lines: sent(...drafts.slice(0, 2)),
  });
  expect(taken.import).toMatchObject({ taken: 2, accepted: 2 });
  await expect(
    datanets.uploadImport({ ...which, from: 0, lines: sent(...drafts.slice(0, 2)) }),
  ).rejects.toMatchObject({ code: 'conflict', details: { taken: 2 } });
  async function* cut() {
    yield* bytesOf(drafts[2]);
    throw new Error('the connection broke');
  }
  await expect(
    datanets.uploadImport({ ...which, from: 2, lines: linesOf(cut(), { maxLineBytes: 8e6 }) }),
  ).rejects.toThrow('the connection broke');
  expect(await open()).toMatchObject({ id: before.id, taken: 2, accepted: 2 });
  await datanets.uploadImport({ ...which, from: 2, lines: sent(...drafts.slice(2)) });
  const chained = drafts.reduce(
    (digest, one) => sha256Hex(digest + sha256Hex(JSON.stringify(one))),
    '0'.repeat(64),
  );
  expect(await open()).toMatchObject({ taken: 5, accepted: 5, digest: chained });

  const stranger = await partyOf('stranger');
  await expect(datanets.restartImport({ ...which, partyId: stranger })).rejects.toMatchObject({
    code: 'not_found',
  });
  await datanets.restartImport(which);
  await datanets.uploadImport({ ...which, from: 0, lines: sent(...drafts) });
  expect(await open()).toMatchObject({ taken: 5, accepted: 0, rejected: { duplicate: 5 } });
  expect((await datanets.find(datanetId)).records).toBe(5);
});

test('refining makes derived records with lineage, once; sealing gives each its owners and refiners', async () => {
  const datanetId = await newDatanet();
  const refiner = await partyOf('refiner');
  const [ann, ben] = [await partyOf('ann'), await partyOf('ben')];
  await contribute(datanetId, page('fox'), {
    contributors: [by('ann', 3), by('ben', 1)],
    source: { kind: 'git', path: 'docs/fox.md' },
  });
  await contribute(datanetId, sentenceAbout('hen'), { contributors: [by('ben')] });
  const order = { datanetId, refinerId: refiner, pipeline: ['clean-1', 'chunk-1'] as const };
  expect(await datanets.refine(order)).toEqual({ refined: 4, derived: 1, unchanged: 3 });
  expect(await datanets.refine(order)).toEqual({ refined: 0, derived: 0, unchanged: 0 });

  const snapshot = await datanets.seal(datanetId);
  const [fox, hen] = await recordsOf(snapshot.id);
  expect(fox.text).toBe(`# fox\n\n${sentenceAbout('fox')}\n\nSee more.`);
  expect(fox.source).toEqual({ kind: 'git', path: 'docs/fox.md', line: 1 });
  expect(fox.contributors).toEqual(['handle:ann', 'handle:ben']);
  const one = 2n ** 64n;
  const share = (one * 20_000n) / 1_000_000n; // clean-1 keeps 2 %
  const rest = one - share;
  const parts = new Map(fox.owners.map(({ party, weight }) => [party, weight]));
  expect(parts.get(refiner)).toBe(share);
  const annsExact = rest * 3n; // four times her part
  expect(4n * parts.get(ann)! - annsExact).toBeLessThan(4n);
  expect(4n * parts.get(ann)! - annsExact).toBeGreaterThan(-4n);
  expect([...parts.values()].reduce((a, b) => a + b)).toBe(one);
  expect(hen.owners).toEqual([{ party: ben, weight: one }]);

  const detail = await datanets.recordByHash(datanetId, fox.recordHash);
  expect(detail.parents).toEqual([
    { hash: fox.document, refinement: 'clean-1', refinerId: refiner, lines: [1, 2, 4, 5, 6] },
  ]);
});

test('a snapshot is what its manifest says: root, word counts, information, pool, proofs', async () => {
  const datanetId = await newDatanet();
  for (const subject of ['lion', 'lynx', 'puma', 'wolf', 'bear']) {
    await contribute(datanetId, page(subject), { contributors: [by(`${subject}-author`)] });
  }
  await datanets.refine({ datanetId, refinerId: owner, pipeline: ['clean-1', 'chunk-1'] });
  const { id, hash, manifest } = await datanets.seal(datanetId);
  const records = await recordsOf(id);

  expect(snapshotHash(manifest)).toBe(hash);
  expect(manifest).toMatchObject({ sequence: 1, records: records.length, licences: ['MIT'] });
  const leaves = records.map(({ recordHash: record, owners, map }) =>
    snapshotLeaf({ record, owners: entitlementHash(owners), map: ownerMapHash(map) }),
  );
  expect(toHex(merkleRoot(leaves))).toBe(manifest.root);
  for (const { recordHash, text, owners } of records) {
    expect(sha256Hex(text)).toBe(recordHash);
    expect(faultOfEntitlement(owners)).toBeUndefined();
    const map = (await datanets.ownerMapsOf(id)).get(recordHash) ?? [];
    expect(wordsIn(map)).toBe(wordCount(text));
    for (const run of map) expect(faultOfEntitlement(run.owners)).toBeUndefined();
  }
  const table = unigramTable(records.map(({ text }) => text));
  expect(unigramTableHash(table)).toBe(manifest.information.table);
  expect(await datanets.unigramTableOf(id)).toEqual(table);
  const informationOf = informationIn(table);
  for (const { text, information } of records) {
    const words = [...informedWords(text, informationOf)];
    const sum = words.reduce((all, word) => all + word.information, 0);
    expect(information).toBe(BigInt(sum));
  }
  const members = records.map(({ owned, quality }) => ({
    owners: owned.owners,
    value: owned.information * BigInt(quality),
  }));
  const owned = records.map((one) => ({
    owners: entitlementHash(one.owned.owners),
    information: String(one.owned.information),
  }));
  expect(manifest.owned).toBe(ownedHash(owned));
  expect((await datanets.poolOf(id)).members).toEqual(poolEntitlement(members));

  const [proved] = await datanets.proveRecords(id, [records[3].recordHash]);
  const claim = {
    index: proved.index,
    size: proved.size,
    root: fromHex(proved.root),
    proof: proved.proof.map(fromHex),
  };
  expect(verifyInclusion({ ...claim, leaf: leafHash(leaves[3]) })).toBe(true);
  expect(verifyInclusion({ ...claim, leaf: leafHash(leaves[2]) })).toBe(false);
});

test('sealing nothing new returns the same snapshot; something new makes the next', async () => {
  const datanetId = await newDatanet();
  await expect(datanets.seal(datanetId)).rejects.toMatchObject({
    code: 'unprocessable',
  });
  await contribute(datanetId, page('crow'));
  const first = await datanets.seal(datanetId);
  expect((await datanets.seal(datanetId)).id).toBe(first.id);
  await contribute(datanetId, page('dove'));
  const second = await datanets.seal(datanetId);
  expect(second.manifest.sequence).toBe(2);
  const listed = await datanets.listSnapshots({ datanetId, limit: 10 });
  expect(listed.map(({ id }) => id)).toEqual([first.id, second.id]);
});

test('an import goes on in rounds: a finished one is closed, and the next begins at what it reached', async () => {
  const datanetId = await newDatanet();
  const order = { datanetId, partyId: owner, name: 'growing' };
  const { id: importId, ...first } = await datanets.openImport(order);
  expect(first).toMatchObject({ round: 1, since: undefined, reached: undefined });
  const which = { datanetId, importId, partyId: owner };
  const lines = () => sent(draft(page('first round')));
  const { digest } = (await datanets.uploadImport({ ...which, from: 0, lines: lines() })).import;
  const end = { ...which, digest, reached: 'commit one' };
  await expect(datanets.finishImport({ ...end, digest: '0'.repeat(64) })).rejects.toMatchObject({
    code: 'conflict',
    details: { taken: 1, digest },
  });
  await expect(
    datanets.finishImport({ ...end, partyId: await partyOf('stranger') }),
  ).rejects.toMatchObject({ code: 'not_found' });
  expect(await datanets.openImport(order)).toMatchObject({ id: importId, taken: 1 });

  expect(await datanets.finishImport(end)).toMatchObject({ reached: 'commit one', taken: 1 });
  expect(await datanets.finishImport(end)).toMatchObject({ reached: 'commit one' }); // its answer was lost
  const closed = { code: 'conflict', details: { reached: 'commit one' } };
  await expect(datanets.finishImport({ ...end, reached: 'other' })).rejects.toMatchObject(closed);
  await expect(datanets.restartImport(which)).rejects.toMatchObject(closed);
  await expect(datanets.uploadImport({ ...which, from: 1, lines: lines() })).rejects.toMatchObject(
    closed,
  );

  const opened = await Promise.all([datanets.openImport(order), datanets.openImport(order)]);
  expect(opened[0]).toEqual(opened[1]);
  expect(opened[0]).toMatchObject({ round: 2, since: 'commit one', reached: undefined, taken: 0 });
});

test('what a later round copies stays with the earlier one', async () => {
  const datanetId = await newDatanet();
  const jon = await partyOf('jon');
  const text = (subject: string, boilerplate: string) =>
    `# ${subject}\n\n${`${sentenceAbout(subject)} `.repeat(5).trim()}\n\n${boilerplate}`;
  const boilerplate = `## Licence\n\n${`${sentenceAbout('licence')} `.repeat(6).trim()}`;
  for (const [subject, name] of [
    ['ibis', 'ida'],
    ['jay', 'jon'],
  ]) {
    const { id: importId, since } = await datanets.openImport({
      ...{ datanetId, partyId: owner, name: 'growing' },
    });
    expect(since).toBe(name === 'ida' ? undefined : 'ibis');
    const which = { datanetId, importId, partyId: owner };
    const lines = sent(draft(text(subject, boilerplate), { contributors: [by(name)] }));
    const { digest } = (await datanets.uploadImport({ ...which, from: 0, lines })).import;
    await datanets.finishImport({ ...which, digest, reached: subject });
  }
  await datanets.refine({ datanetId, refinerId: owner, pipeline: ['chunk-1'] });
  const records = await recordsOf((await datanets.seal(datanetId)).id);
  const shared = records.filter((record) => record.text.startsWith('## Licence'));
  expect(shared).toHaveLength(1);
  expect(shared[0].owners.some(({ party }) => party === jon)).toBe(false);
});

test('copying earns nothing: the first claim owns a text, claims of one import share it', async () => {
  const datanetId = await newDatanet();
  const [ida, jon] = [await partyOf('ida'), await partyOf('jon')];
  const boilerplate = `## Licence\n\n${`${sentenceAbout('licence')} `.repeat(6).trim()}`;
  const body = (subject: string) =>
    `# ${subject}\n\n${`${sentenceAbout(subject)} `.repeat(5).trim()}`;
  const text = (subject: string) => `${body(subject)}\n\n${boilerplate}`;
  const { id: importId } = await datanets.openImport({ datanetId, partyId: owner, name: 'both' });
  const lines = sent(
    draft(text('ibis'), { contributors: [by('ida')] }),
    draft(text('jay'), { contributors: [by('jon')] }),
  );
  await datanets.uploadImport({ datanetId, importId, partyId: owner, from: 0, lines });
  await contribute(datanetId, text('kite'), { contributors: [by('kim')] });
  await datanets.refine({ datanetId, refinerId: owner, pipeline: ['chunk-1'] });
  const records = await recordsOf((await datanets.seal(datanetId)).id);
  const shared = records.filter((record) => record.text.startsWith('## Licence'));
  expect(shared).toHaveLength(1);
  const owners = new Map(shared[0].owners.map(({ party, weight }) => [party, weight]));
  expect([...owners.keys()].sort()).toEqual([ida, jon, owner].sort());
  expect(owners.get(ida)! - owners.get(jon)!).toBeLessThanOrEqual(1n);
  expect(records.map((record) => record.text.split('\n')[0])).toEqual([
    '# ibis',
    '## Licence',
    '# jay',
    '# kite',
  ]);
});

test("a shell owns its own words alone, and a withdrawn text is nobody's", async () => {
  const datanetId = await newDatanet();
  const [una, thief] = [await partyOf('una'), await partyOf('thief')];
  const own = await contribute(datanetId, page('unicorn'), { contributors: [by('una')] });
  const shell = `${page('unicorn')}\n\n${sentenceAbout('mule')}`;
  await contribute(datanetId, shell, { contributors: [by('thief')] });
  const first = await datanets.seal(datanetId);
  const [original, copied] = await recordsOf(first.id);
  expect(original.owners).toEqual([{ party: una, weight: 2n ** 64n }]);
  expect(copied.owners.map(({ party }) => party).sort()).toEqual([una, thief].sort());
  expect(copied.owned.owners).toEqual([{ party: thief, weight: 2n ** 64n }]);
  expect(original.owned.information).toBe(original.information);
  expect(copied.owned.information).toBe(copied.information - original.information);
  expect((await datanets.seal(datanetId)).id).toBe(first.id);

  const caller = { partyId: una, scopes: ['contribute'] as const };
  await datanets.withdraw({ datanetId, recordHash: own, reason: 'mine', caller });
  const second = await datanets.seal(datanetId);
  const [left] = await recordsOf(second.id);
  expect(left.owners.map(({ party }) => party).sort()).toEqual([COMMONS, thief].sort());
  expect((await datanets.poolOf(second.id)).members).toEqual([{ party: thief, weight: 2n ** 64n }]);
});

test('hybrid retrieval finds a word by its letters, and keeps to a licence', async () => {
  const datanetId = await newDatanet();
  await contribute(datanetId, page('ornithologist'));
  await contribute(datanetId, page('puffin'), { licence: 'CC0-1.0' });
  await datanets.seal(datanetId);
  const find = (order: object) => found(datanetId, 'ornithology', { limit: 1, ...order });
  expect(await find({})).toEqual([]);
  expect((await find({ mode: 'hybrid' }))[0].text).toContain('ornithologist');
  const free = await find({ mode: 'hybrid', licences: ['CC0-1.0'] });
  expect(free.every(({ licence }) => licence === 'CC0-1.0')).toBe(true);
  expect(await find({ mode: 'hybrid', licences: ['ISC'] })).toEqual([]);
});

test('a new snapshot adds to the index, and what a refinement replaced is not found again', async () => {
  const datanetId = await newDatanet();
  await contribute(datanetId, page('heron'));
  await datanets.seal(datanetId);
  expect(await found(datanetId, 'heron described', { limit: 9 })).toHaveLength(1);
  await contribute(datanetId, `${page('ibex')}  \n\n\n`);
  await datanets.seal(datanetId);
  const [raw] = await found(datanetId, 'ibex', { limit: 9 });
  await datanets.refine({ datanetId, refinerId: owner, pipeline: ['clean-1'] });
  const { id } = await datanets.seal(datanetId);
  const left = await found(datanetId, 'ibex heron', { limit: 9, mode: 'hybrid' });
  expect(left.map(({ snapshotId }) => snapshotId)).toEqual([id, id]);
  expect(left.every(({ recordHash }) => recordHash !== raw.recordHash)).toBe(true);
});

test('as many records are found as were asked for, however many rights, language and time pass over', async () => {
  const datanetId = await newDatanet();
  for (let i = 0; i < 12; i++) {
    await contribute(datanetId, page(`quokka ${i}`), {
      licence: i % 3 === 0 ? 'CC0-1.0' : 'MIT',
      purposes: i % 2 === 0 ? ['train'] : undefined,
      metadata: { language: i < 6 ? 'EN' : 'sv' },
    });
  }
  await datanets.seal(datanetId);
  const count = async (order: object) =>
    (await found(datanetId, 'quokka', { limit: 3, ...order })).length;
  expect(await count({})).toBe(3);
  expect((await found(datanetId, 'quokka', { limit: 12 })).length).toBe(6);
  expect(await count({ licences: ['CC0-1.0'] })).toBe(2);
  expect(await count({ language: 'en' })).toBe(3);
  expect(await count({ language: 'en', licences: ['CC0-1.0'], mode: 'hybrid' })).toBe(1);
  expect(await count({ language: 'fi' })).toBe(0);
  expect(await count({ before: new Date(0) })).toBe(0);
  expect(await count({ since: new Date(0), before: new Date(4e12) })).toBe(3);
});

test('a context says of each passage which contribution and which of its lines it came from', async () => {
  const datanetId = await newDatanet();
  const paragraphs = ['osprey', 'petrel'].map((bird) => {
    const about = (i: number) => sentenceAbout(`${bird} of the ${'abcdefghij'[i]}${i} coast`);
    return `## ${bird}\n\n${Array.from({ length: 10 }, (_, i) => about(i)).join('\n')}`;
  });
  await contribute(datanetId, page('quail'));
  await contribute(datanetId, paragraphs.join('\n\n'));
  await datanets.refine({ datanetId, refinerId: owner, pipeline: ['clean-1', 'chunk-1'] });
  await datanets.seal(datanetId);
  const context = await datanets.packContext(datanetId, 'petrel', { tokenBudget: 500 });
  const [{ lines, contributionId, start, end, recordHash }] = context.passages;
  expect(contributionId).toMatch(/^con_/);
  expect(lines?.from).toBeGreaterThan(paragraphs[0].split('\n').length);
  expect(context.text.slice(start, end)).toContain('petrel');
  const record = await datanets.recordByHash(datanetId, recordHash);
  expect(record.text.trim()).toBe(context.text.slice(start, end));
});

test('retrieval goes on after the process of the indexes has died', async () => {
  const datanetId = await newDatanet();
  await contribute(datanetId, page('lynx'));
  await datanets.seal(datanetId);
  expect(await found(datanetId, 'lynx', { limit: 1 })).toHaveLength(1);
  datanets.stop();
  expect(await found(datanetId, 'lynx', { limit: 1 })).toHaveLength(1);
});

test('a withdrawn record and its refinements are not found, not paid, and inherited by nobody', async () => {
  const datanetId = await newDatanet();
  const mia = await partyOf('mia');
  const gone = await contribute(datanetId, page('moose'), { contributors: [by('mia')] });
  await contribute(datanetId, page('newt'), { contributors: [by('ned')] });
  await datanets.refine({ datanetId, refinerId: owner, pipeline: ['clean-1', 'chunk-1'] });
  const { id } = await datanets.seal(datanetId);
  const before = await datanets.poolOf(id);
  expect(before.members.some(({ party }) => party === mia)).toBe(true);
  expect((await found(datanetId, 'moose described', { limit: 3 }))[0].text).toContain('moose');

  const order = { datanetId, recordHash: gone, reason: 'my own text' };
  const stranger = { partyId: await partyOf('stranger'), scopes: ['contribute'] as const };
  await expect(datanets.withdraw({ ...order, caller: stranger })).rejects.toMatchObject({
    code: 'forbidden',
  });
  const caller = { partyId: mia, scopes: ['contribute'] as const };
  const withdrawal = await datanets.withdraw({ ...order, caller });
  expect(withdrawal.snapshots).toEqual([{ snapshotId: id, poolVersion: 2 }]);
  expect(withdrawal.withdrawn).toHaveLength(2);
  expect(await datanets.withdraw({ ...order, caller })).toEqual({ withdrawn: [], snapshots: [] });

  expect((await datanets.poolOf(id)).members.some(({ party }) => party === mia)).toBe(false);
  expect((await datanets.poolOf(id, 1)).members).toEqual(before.members);
  const left = await found(datanetId, 'moose described', { limit: 3 });
  const near = await found(datanetId, 'meese', { limit: 3, mode: 'hybrid' });
  expect(near.every(({ text }) => !text.includes('moose'))).toBe(true);
  expect(left.every(({ text }) => !text.includes('moose'))).toBe(true);
  expect((await recordsOf(id)).map(({ withdrawn }) => withdrawn)).toEqual([true, false]);
  await expect(contribute(datanetId, page('moose'))).rejects.toMatchObject({
    details: { reason: 'withdrawn' },
  });
  const next = await recordsOf((await datanets.seal(datanetId)).id);
  expect(next).toHaveLength(1);

  const exported = SnapshotExport.parse(await datanets.snapshotExport(id));
  expect(exported.records[0]).toMatchObject({ withdrawnFrom: 2 });
  expect(exported.records[0].text).toBeUndefined();
  for (const { version, members } of exported.pools) {
    const counted = exported.records
      .filter(({ withdrawnFrom = Number.POSITIVE_INFINITY }) => withdrawnFrom > version)
      .map((one) => ({
        owners: parseEntitlement(exported.entitlements[one.owned.owners]),
        value: BigInt(one.owned.information) * BigInt(one.quality),
      }));
    expect(poolEntitlement(counted)).toEqual(parseEntitlement(members));
  }
});

test('withdrawing the last record leaves a pool without members', async () => {
  const datanetId = await newDatanet();
  const recordHash = await contribute(datanetId, page('okapi'));
  const { id } = await datanets.seal(datanetId);
  await datanets.withdraw({
    ...{ datanetId, recordHash, reason: 'gone' },
    caller: { partyId: owner, scopes: ['contribute'] },
  });
  expect(await datanets.poolOf(id)).toMatchObject({ version: 2, members: [] });
});

test('withdrawing a copy does not take the text from whom it was copied', async () => {
  const datanetId = await newDatanet();
  await contribute(datanetId, page('tiger'), { contributors: [by('tia')] });
  await datanets.refine({ datanetId, refinerId: owner, pipeline: ['clean-1'] });
  const copy = await contribute(datanetId, `${page('tiger')}\n\n<!-- mine -->`, {
    contributors: [by('thief')],
  });
  await datanets.refine({ datanetId, refinerId: owner, pipeline: ['clean-1'] });
  const caller = { partyId: owner, scopes: ['contribute'] as const };
  const { withdrawn } = await datanets.withdraw({
    datanetId,
    recordHash: copy,
    reason: 'x',
    caller,
  });
  expect(withdrawn).toEqual([copy]);
  const records = await recordsOf((await datanets.seal(datanetId)).id);
  expect(records.map(({ contributors }) => contributors)).toEqual([['handle:tia']]);
});

test('retrieval names source and contributors, and asks for a snapshot first', async () => {
  const datanetId = await newDatanet();
  await contribute(datanetId, page('viper'), {
    contributors: [{ identity: 'npm-package:viper', weight: 1 }],
    source: { kind: 'npm', package: 'viper', version: '1.0.0', path: 'README.md' },
  });
  await contribute(datanetId, page('whale'));
  await expect(datanets.retrieve(datanetId, 'viper', { limit: 1 })).rejects.toMatchObject({
    code: 'unprocessable',
  });
  await expect(datanets.retrieve('dn_none', 'viper', { limit: 1 })).rejects.toMatchObject({
    code: 'not_found',
  });
  const snapshot = await datanets.seal(datanetId);
  const [hit] = await found(datanetId, 'What is a viper?', { limit: 1 });
  expect(hit).toMatchObject({
    snapshotId: snapshot.id,
    contributors: ['npm-package:viper'],
    source: { kind: 'npm', package: 'viper', path: 'README.md' },
  });
  expect(await found(datanetId, 'viper described', { limit: 5 })).toHaveLength(2);
});

test('lists page through records, and a name is given once', async () => {
  const datanetId = await newDatanet();
  for (const subject of ['one', 'two', 'three']) await contribute(datanetId, page(subject));
  const first = await datanets.listRecords({ datanetId, limit: 2 });
  const rest = await datanets.listRecords({ datanetId, limit: 2, after: first[1].id });
  expect([...first, ...rest].map(({ hash }) => hash)).toEqual(
    ['one', 'two', 'three'].map((subject) => sha256Hex(page(subject))),
  );
  const { name } = await datanets.find(datanetId);
  await expect(datanets.create({ name, ownerId: owner })).rejects.toMatchObject({
    code: 'conflict',
  });
  expect(await datanets.list({ name, limit: 5 })).toHaveLength(1);
});
