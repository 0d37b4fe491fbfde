import { createHash } from 'node:crypto';
import { canonicalize, type Id, parseCroissant } from '@openledger/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestDatanets, sentenceAbout } from '../../test/harness/datanets.ts';
import type { TestDatabase } from '../../test/harness/postgres.ts';
import type { Datanets } from './index.ts';

let database: TestDatabase;
let datanets: Datanets;
let owner: Id<'party'>;
let datanetId: Id<'datanet'>;

const contribute = async (subject: string, identity: string | { email: string }) => {
  const named = typeof identity === 'string' ? identity : { kind: 'git' as const, ...identity };
  const contributors = [{ identity: named, weight: 1, hint: { name: 'A hidden hint' } }];
  const draft = { text: sentenceAbout(subject), licence: 'CC-BY-4.0', contributors };
  return (await datanets.contribute({ datanetId, partyId: owner, draft })).recordHash;
};

beforeAll(async () => {
  ({ database, datanets, owner } = await openTestDatanets());
  datanetId = (await datanets.create({ name: 'shore', ownerId: owner })).id;
});
afterAll(() => database.drop());

const linesOf = async (snapshotId: string) => {
  const lines: string[] = [];
  for (let after: string | undefined; ; ) {
    const page = await datanets.exportedRecords({ snapshotId, limit: 2, after });
    lines.push(...page.map(({ id: _, ...record }) => `${canonicalize(record)}\n`));
    if (page.length < 2) return lines;
    after = page[1].id;
  }
};

test('a snapshot is described in valid Croissant: the digest of its lines, who is to be named, nothing secret', async () => {
  await contribute('ant', 'handle:ada');
  await contribute('bee', { email: 'bob@example.org' });
  const gone = await contribute('cow', 'handle:cleo');
  const { id } = await datanets.seal(datanetId);
  const caller = { partyId: owner, scopes: [] };
  await datanets.withdraw({ datanetId, recordHash: gone, reason: 'a test', caller });

  const description = await datanets.describeSnapshot(id);
  const { distribution, recordSet, license, version } = parseCroissant(description);
  const lines = await linesOf(id);
  expect(lines.map((line) => JSON.parse(line).text)).toEqual([
    sentenceAbout('ant'),
    sentenceAbout('bee'),
  ]);
  expect(distribution).toMatchObject([
    { sha256: createHash('sha256').update(lines.join('')).digest('hex') },
  ]);
  expect(recordSet[0].field.map((field) => field.source?.extract?.column).sort()).toEqual(
    Object.keys(JSON.parse(lines[0])).sort(),
  );
  expect(license).toEqual(['https://creativecommons.org/licenses/by/4.0/']);
  expect(version).toBe('1.0.2');
  const creators = (description.creator as readonly { name: string }[]).map(({ name }) => name);
  expect(creators).toEqual([expect.stringMatching(/^git:[0-9a-f]{64}$/), 'handle:ada']);
  const told = JSON.stringify(description) + lines.join('');
  for (const secret of ['bob@', 'hidden hint', 'cleo', 'cow']) expect(told).not.toContain(secret);
});

test('two snapshots differ by what came, what went and what changed hands', async () => {
  const [first] = await datanets.listSnapshots({ datanetId, limit: 1 });
  const dove = await contribute('dove', 'handle:ada');
  const second = await datanets.seal(datanetId);
  const diff = (snapshotId: string, beforeId: string, limit = 10) =>
    datanets.diffSnapshots({ snapshotId, beforeId, limit });
  const forth = await diff(second.id, first.id);
  expect(forth).toMatchObject({
    counts: { added: 1, removed: 1, changed: 0, same: 2 },
    added: [dove],
  });
  expect(await diff(first.id, second.id)).toMatchObject({
    counts: { added: 1, removed: 1, changed: 0, same: 2 },
    removed: [dove],
  });
  expect((await diff(second.id, first.id, 1)).removed).toHaveLength(1);
  await expect(diff(second.id, 'snp_none')).rejects.toMatchObject({ code: 'not_found' });

  await database.db.query({
    text: `update datanets.leaves set owners_hash = (select min(owners_hash) from datanets.leaves)
           where snapshot_id = $1`,
    values: [second.id],
  });
  expect((await diff(second.id, first.id)).counts.changed).toBeGreaterThan(0);
});

test('the licences of a snapshot are summed up without what was withdrawn', async () => {
  const [first] = await datanets.listSnapshots({ datanetId, limit: 1 });
  expect(await datanets.rightsOf(first.id)).toMatchObject([{ licence: 'CC-BY-4.0', records: 2 }]);
});
