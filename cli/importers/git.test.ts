import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Draft } from '@openledger/sdk';
import { afterAll, expect, test } from 'vitest';
import { createRepository, type TestRepository } from '../../test/harness/repository.ts';
import { type GitOptions, gitDrafts } from './git.ts';
import type { Problem } from './problem.ts';

const removals: (() => Promise<void>)[] = [];
async function newRepository(): Promise<TestRepository> {
  const repository = await createRepository();
  removals.push(repository.remove);
  return repository;
}
async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'openledger-test-'));
  removals.push(() => rm(folder, { recursive: true }));
  return folder;
}
afterAll(async () => {
  for (const remove of removals) await remove();
});

async function read(folder: string, options: GitOptions = {}): Promise<readonly Draft[]> {
  const drafts = [];
  for await (const draft of gitDrafts(folder, options)) drafts.push(draft);
  return drafts;
}

const weightsOf = (draft: Draft) =>
  (draft.contributors ?? []).map(({ identity, weight }) => [
    typeof identity === 'string' ? identity : identity.email,
    weight,
  ]);

const MIT =
  'MIT License\n\nPermission is hereby granted, free of charge, to any person obtaining a copy...\nThe above copyright notice shall be included in all copies...\n';

async function threeAuthors() {
  const repository = await newRepository();
  await repository.commit('Ada <Ada@Old.example>', 'first', {
    LICENSE: MIT,
    'guide.md': 'ten signs..\n\nshared 12 chars\n',
    '.mailmap':
      'Ada Lovelace <ada@new.example> <ada@old.example>\nBob <bob@new.example> Bobby <bob@old.example>\n',
  });
  await repository.commit(
    'Cleo <cleo@example.org>',
    'second\n\nCo-authored-by: Bobby <BOB@old.example>\nco-authored-by: Ada <ada@old.example>\nCo-authored-by: nonsense',
    {
      'guide.md': 'ten signs..\n\nshared 12 chars\nthree wrote\n',
    },
  );
  await repository.commit('Bobby <bob@old.example>', 'third', {
    'guide.md': 'ten signs..\n\nshared 12 chars\nthree wrote\nand bob alone\n',
  });
  return repository;
}

test('each line weighs its visible characters, shared by author and co-authors, under the .mailmap', async () => {
  const drafts = await read((await threeAuthors()).folder);
  const guide = drafts.find(({ source }) => source?.path === 'guide.md');
  // Ada: 10 + 13, and a third of 10; Cleo: a third of 10; Bob: 11, and a third of 10. In thirds, nothing in common.
  expect(weightsOf(guide as Draft)).toEqual([
    ['ada@new.example', 3 * 23 + 10],
    ['bob@new.example', 3 * 11 + 10],
    ['cleo@example.org', 10],
  ]);
  expect(guide?.text).toBe('ten signs..\n\nshared 12 chars\nthree wrote\nand bob alone\n');
  expect(guide?.licence).toBe('MIT');
  expect(guide?.contributors?.[0].hint).toEqual({ name: 'Ada Lovelace' });
  expect(drafts.map(({ source }) => source?.path)).toEqual(['LICENSE', 'guide.md']);
});

test('reads an earlier commit as it was, and names a revision that is none', async () => {
  const { folder } = await threeAuthors();
  const drafts = await read(folder, { revision: 'HEAD~2' });
  const guide = drafts.find(({ source }) => source?.path === 'guide.md');
  expect(weightsOf(guide as Draft)).toEqual([['ada@new.example', 1]]);
  await expect(read(folder, { revision: '--output=/tmp/x' })).rejects.toMatchObject({
    code: 'invalid_input',
  });
  await expect(read(await newFolder())).rejects.toMatchObject({ code: 'invalid_input' });
});

test('passes over what is no prose, and reports what cannot be read', async () => {
  const repository = await newRepository();
  await symlink('/etc/passwd', join(repository.folder, 'leak.md'));
  await repository.commit('Ada <ada@example.org>', 'all sorts', {
    'binary.dat': 'a\0b',
    'latin.txt': Buffer.from([0x63, 0x61, 0x66, 0xe9]),
    'large.txt': 'x'.repeat(1_000_001),
    'package-lock.json': '{}',
    'blank.md': '\n\n',
    ':(top)odd name -- "quoted".md': 'odd but fine',
    'fine.md': 'fine\r\nlines',
  });
  const problems: Problem[] = [];
  const drafts = await read(repository.folder, {
    licence: 'MIT',
    onProblem: (one) => problems.push(one),
  });
  expect(drafts.map(({ source, text }) => [source?.path, text])).toEqual([
    [':(top)odd name -- "quoted".md', 'odd but fine\n'],
    ['fine.md', 'fine\nlines\n'],
  ]);
  expect(problems.map(({ path }) => path).sort()).toEqual([
    'binary.dat',
    'blank.md',
    'large.txt',
    'latin.txt',
  ]);
});

test('linked work trees, packed branches, shallow and bare clones are read like the repository itself', async () => {
  const { folder, git } = await threeAuthors();
  const tree = join(await newFolder(), 'tree');
  git(['worktree', 'add', '-q', tree]);
  const bare = join(await newFolder(), 'bare.git');
  git(['clone', '-q', '--bare', folder, bare]);
  const shallow = join(await newFolder(), 'shallow');
  git(['clone', '-q', '--depth', '2', `file://${folder}`, shallow]);
  git(['pack-refs', '--all']);
  const all = await read(folder);
  expect(await read(tree)).toEqual(all);
  expect(await read(bare)).toEqual(all);
  expect((await read(shallow)).map(({ text }) => text)).toEqual(all.map(({ text }) => text));
});
