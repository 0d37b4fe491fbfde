/** A repository that grows is imported again and again: each time what is new, once. */
import { execFileSync } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, createClient, type Id } from '@openledger/sdk';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { sentenceAbout } from '../../test/harness/datanets.ts';
import { openDatanetsHttp } from '../../test/harness/datanets-http.ts';
import type { TestDatabase } from '../../test/harness/postgres.ts';
import { createRepository, type TestRepository } from '../../test/harness/repository.ts';
import { type GitReading, gitCommit, gitDrafts } from './git.ts';
import { uploadImport } from './upload.ts';

const ADA = 'Ada <ada@example.org>';
const BOB = 'Bob <bob@example.org>';

let database: TestDatabase;
let client: Client;
let tools: string;
let repository: TestRepository;
let datanetId: Id<'datanet'>;

beforeAll(async () => {
  const { server, apiKey, ...opened } = await openDatanetsHttp();
  database = opened.database;
  client = createClient({ baseUrl: 'http://127.0.0.1', apiKey, fetch: server });
  tools = await mkdtemp(join(tmpdir(), 'openledger-tools-'));
  await watchGit();
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await rm(tools, { recursive: true });
  await database.drop();
});

beforeEach(async () => {
  repository = await createRepository();
  datanetId = (await client.datanets.create({ name: `grows-${Date.now()}` })).id;
  await repository.commit(ADA, 'first', {
    'changes.md': `${sentenceAbout('anchor')}\n`,
    'stays.md': `${sentenceAbout('beacon')}\n`,
  });
  await repository.commit(BOB, 'second', { 'goes.md': `${sentenceAbout('capstan')}\n` });
  return () => repository.remove();
});

/** Every run of git is written down, by a script of its name that comes before it. */
async function watchGit(): Promise<void> {
  const git = execFileSync('sh', ['-c', 'command -v git'], { encoding: 'utf8' }).trim();
  await writeFile(join(tools, 'git'), `#!/bin/sh\necho "$*" >> ${tools}/runs\nexec ${git} "$@"\n`);
  await chmod(join(tools, 'git'), 0o755);
  vi.stubEnv('PATH', `${tools}:${process.env.PATH}`);
}

/** The files that were blamed since this was asked last. */
async function blamed(): Promise<readonly string[]> {
  const runs = await readFile(join(tools, 'runs'), 'utf8').catch(() => '');
  await rm(join(tools, 'runs'), { force: true });
  return runs
    .split('\n')
    .flatMap((run) => /\bblame .* -- (.+)$/.exec(run)?.[1] ?? [])
    .sort();
}

let reading: GitReading | undefined;

async function importIt() {
  await blamed();
  const revision = await gitCommit(repository.folder);
  const onReading = (one: GitReading) => {
    reading = one;
  };
  return uploadImport(client, {
    ...{ datanetId, name: 'git', reached: revision },
    drafts: (since) => gitDrafts(repository.folder, { licence: 'MIT', revision, since, onReading }),
  });
}

/** As an import that was killed behind its first text. */
async function importOne(): Promise<void> {
  const { id: importId, since } = await client.datanets.openImport({ datanetId, name: 'git' });
  const drafts = gitDrafts(repository.folder, { licence: 'MIT', since });
  const { value } = await drafts.next();
  await drafts.return(undefined);
  const body = [Buffer.from(JSON.stringify(value))];
  await client.datanets.uploadImport({ datanetId, importId, from: 0 }, { body });
}

async function goOn(): Promise<void> {
  await rm(join(repository.folder, 'goes.md'));
  await repository.commit(
    'Cleo <cleo@example.org>',
    'third\n\nCo-authored-by: Dan <dan@example.org>',
    {
      'changes.md': `${sentenceAbout('anchor')}\n${sentenceAbout('davit')}\n`,
      'comes.md': `${sentenceAbout('ensign')}\n`,
    },
  );
}

const records = async () => (await client.datanets.listRecords({ datanetId, limit: 500 })).items;

test('only what changed since the last import is blamed and offered, and its earlier text stays', async () => {
  expect(await importIt()).toMatchObject({ round: 1, taken: 3, accepted: 3 });
  expect(await blamed()).toEqual(['changes.md', 'goes.md', 'stays.md']);
  const first = await gitCommit(repository.folder);

  await goOn();
  const second = await gitCommit(repository.folder);
  expect(await importIt()).toMatchObject({ round: 2, taken: 2, accepted: 2, rejected: {} });
  expect(await blamed()).toEqual(['changes.md', 'comes.md']);
  expect(reading).toEqual({ commit: second, since: first, files: 2, changed: 1, gone: 1 });

  const all = await records();
  expect(all.map(({ source, withdrawnAt }) => [source.path, source.commit, withdrawnAt])).toEqual([
    ['changes.md', first, undefined],
    ['goes.md', first, undefined],
    ['stays.md', first, undefined],
    ['changes.md', second, undefined],
    ['comes.md', second, undefined],
  ]);
});

test('totals are those of the lines: the one who wrote a line before has it in both texts', async () => {
  await importIt();
  await goOn();
  await importIt();
  const totals = new Map<string, bigint>();
  for (const { hash: recordHash } of await records()) {
    const { contributors } = await client.datanets.getRecord({ datanetId, recordHash });
    for (const { partyId, weight } of contributors) {
      totals.set(partyId, (totals.get(partyId) ?? 0n) + BigInt(weight));
    }
  }
  // Of changes.md: Ada's line, then hers beside one that Cleo and Dan wrote together, all in characters without spaces.
  const [anchor, davit] = ['anchor', 'davit'].map((subject) =>
    BigInt(sentenceAbout(subject).replaceAll(' ', '').length),
  );
  const whole = 2n ** 64n;
  const expected = [
    2n * whole + (whole * anchor) / (anchor + davit), // Ada: two texts of her own and her part of the third
    whole, // Bob
    whole / 2n + (whole * davit) / (2n * (anchor + davit)), // Cleo
    whole / 2n + (whole * davit) / (2n * (anchor + davit)), // Dan
  ];
  const found = [...totals.values()].sort((a, b) => (a < b ? 1 : -1));
  const ordered = [...expected].sort((a, b) => (a < b ? 1 : -1));
  expect(found).toHaveLength(4);
  for (const [i, total] of found.entries()) {
    const off = total - ordered[i];
    expect(off >= -1n && off <= 1n, `${total} for ${ordered[i]}`).toBe(true); // a unit of 2^64 is rounded
  }
  expect(found.reduce((sum, total) => sum + total, 0n)).toBe(5n * whole);
});

test('nothing new blames nothing, and opens no round after round', async () => {
  await importIt();
  for (let again = 0; again < 3; again++) {
    expect(await importIt()).toMatchObject({ round: 2, taken: 0, accepted: 0 });
    expect(await blamed()).toEqual([]);
  }
});

test('a round that broke off goes on where it stood, and begins again where commits came in between', async () => {
  await importIt();
  const first = await gitCommit(repository.folder);
  await goOn();
  await importOne();
  expect(await importIt()).toMatchObject({ round: 2, taken: 2, accepted: 2, rejected: {} });
  expect(await blamed()).toEqual(['changes.md', 'comes.md']);

  await repository.commit(BOB, 'fourth', {
    'a.md': `${sentenceAbout('fender')}\n`,
    'b.md': `${sentenceAbout('gangway')}\n`,
  });
  await importOne();
  await repository.commit(BOB, 'fifth', { 'c.md': `${sentenceAbout('halyard')}\n` });
  const second = await client.datanets.openImport({ datanetId, name: 'git' });
  expect(await importIt()).toMatchObject({
    ...{ round: 3, taken: 3, accepted: 2 },
    rejected: { duplicate: 1 }, // what the broken round had taken, which then read otherwise
  });
  expect(new Set(await blamed())).toEqual(new Set(['a.md', 'b.md', 'c.md']));
  expect(reading?.since).toBe(second.since);
  expect(second.since).not.toBe(first);
});

test('where the last import is no ancestor any more, everything is read and duplicates fall out', async () => {
  await importIt();
  repository.git(['checkout', '-q', '--orphan', 'rewritten']);
  await repository.commit(BOB, 'all anew', { 'new.md': `${sentenceAbout('ibis')}\n` });
  expect(await importIt()).toMatchObject({
    round: 2,
    taken: 4,
    accepted: 1,
    rejected: { duplicate: 3 },
  });
  expect(reading?.since).toBeUndefined();
  expect(await blamed()).toHaveLength(4);
});

test('a shallow clone that lacks the last import reads everything', async () => {
  await importIt();
  await goOn();
  const whole = repository.folder;
  const shallow = `${whole}-shallow`;
  execFileSync('git', ['clone', '-q', '--depth', '1', `file://${whole}`, shallow]);
  const since = repository.git(['rev-parse', 'HEAD~1']).trim();
  const paths: (string | undefined)[] = [];
  for await (const { source } of gitDrafts(shallow, { licence: 'MIT', since }))
    paths.push(source?.path);
  await rm(shallow, { recursive: true });
  expect(paths).toEqual(['changes.md', 'comes.md', 'stays.md']);
});
