import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Draft } from '@openledger/sdk';
import { afterAll, expect, test } from 'vitest';
import { type GitOptions, gitDrafts } from './git.ts';
import type { Problem } from './problem.ts';

const folders: string[] = [];
const newFolder = () => {
  const folder = mkdtempSync(join(tmpdir(), 'openledger-test-'));
  folders.push(folder);
  return folder;
};
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** A repository in the making: each commit has its own author. */
function newRepository() {
  const folder = newFolder();
  const git = (args: readonly string[], author = 'Nobody <nobody@example.org>') => {
    const [, name, email] = /^(.*) <(.*)>$/.exec(author) ?? [];
    const who = {
      GIT_AUTHOR_NAME: name,
      GIT_AUTHOR_EMAIL: email,
      GIT_COMMITTER_NAME: name,
      GIT_COMMITTER_EMAIL: email,
    };
    const quiet = { GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' };
    return execFileSync('git', [...args], {
      cwd: folder,
      env: { PATH: process.env.PATH, ...who, ...quiet },
    });
  };
  git(['init', '-q', '-b', 'main']);
  return {
    folder,
    git,
    commit(author: string, message: string, files: Readonly<Record<string, string>>) {
      for (const [path, text] of Object.entries(files)) {
        mkdirSync(join(folder, path, '..'), { recursive: true });
        writeFileSync(join(folder, path), text);
      }
      git(['add', '-A'], author);
      git(['commit', '-q', '-m', message], author);
    },
  };
}

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

function threeAuthors() {
  const repository = newRepository();
  repository.commit('Ada <Ada@Old.example>', 'first', {
    LICENSE: MIT,
    'guide.md': 'ten signs..\n\nshared 12 chars\n',
    '.mailmap':
      'Ada Lovelace <ada@new.example> <ada@old.example>\nBob <bob@new.example> Bobby <bob@old.example>\n',
  });
  repository.commit(
    'Cleo <cleo@example.org>',
    'second\n\nCo-authored-by: Bobby <BOB@old.example>\nco-authored-by: Ada <ada@old.example>\nCo-authored-by: nonsense',
    {
      'guide.md': 'ten signs..\n\nshared 12 chars\nthree wrote\n',
    },
  );
  repository.commit('Bobby <bob@old.example>', 'third', {
    'guide.md': 'ten signs..\n\nshared 12 chars\nthree wrote\nand bob alone\n',
  });
  return repository;
}

test('each line weighs its visible characters, shared by author and co-authors, under the .mailmap', async () => {
  const drafts = await read(threeAuthors().folder);
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
  const { folder } = threeAuthors();
  const drafts = await read(folder, { revision: 'HEAD~2' });
  const guide = drafts.find(({ source }) => source?.path === 'guide.md');
  expect(weightsOf(guide as Draft)).toEqual([['ada@new.example', 1]]);
  await expect(read(folder, { revision: '--output=/tmp/x' })).rejects.toMatchObject({
    code: 'invalid_input',
  });
  await expect(read(newFolder())).rejects.toMatchObject({ code: 'invalid_input' });
});

test('passes over what is no prose, and reports what cannot be read', async () => {
  const repository = newRepository();
  symlinkSync('/etc/passwd', join(repository.folder, 'leak.md'));
  repository.commit('Ada <ada@example.org>', 'all sorts', {
    'binary.dat': 'a\0b',
    'latin.txt': 'placeholder',
    'large.txt': 'x'.repeat(1_000_001),
    'package-lock.json': '{}',
    'blank.md': '\n\n',
    ':(top)odd name -- "quoted".md': 'odd but fine',
    'fine.md': 'fine\r\nlines',
  });
  writeFileSync(join(repository.folder, 'latin.txt'), Buffer.from([0x63, 0x61, 0x66, 0xe9]));
  repository.commit('Ada <ada@example.org>', 'latin', {});
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

test('a hostile repository runs nothing and changes nothing', async () => {
  const { folder, git } = threeAuthors();
  const proof = join(newFolder(), 'it-ran');
  const script = join(folder, '.git', 'evil.sh');
  writeFileSync(script, `#!/bin/sh\ntouch ${proof}\ncat\n`);
  chmodSync(script, 0o755);
  const settings = {
    'core.fsmonitor': script,
    'core.pager': script,
    'core.sshCommand': script,
    'core.gitProxy': script,
    'diff.external': script,
    'diff.evil.textconv': script,
    'diff.evil.command': script,
    'filter.evil.smudge': script,
    'filter.evil.clean': script,
    'gpg.program': script,
    'log.showSignature': 'true',
    'core.hooksPath': join(folder, '.git', 'hooks'),
    'mailmap.file': '/etc/passwd',
    'blame.ignoreRevsFile': '/etc/passwd',
  };
  for (const [name, value] of Object.entries(settings)) git(['config', name, value]);
  for (const hook of [
    'post-checkout',
    'pre-commit',
    'post-index-change',
    'reference-transaction',
  ]) {
    mkdirSync(join(folder, '.git', 'hooks'), { recursive: true });
    writeFileSync(join(folder, '.git', 'hooks', hook), `#!/bin/sh\ntouch ${proof}\n`);
    chmodSync(join(folder, '.git', 'hooks', hook), 0o755);
  }
  mkdirSync(join(folder, '.git', 'info'), { recursive: true });
  for (const path of ['.gitattributes', '.git/info/attributes']) {
    writeFileSync(join(folder, path), '* diff=evil filter=evil\n');
  }
  const drafts = await read(folder);
  expect(drafts).toHaveLength(2);
  expect(existsSync(proof)).toBe(false);
  git(['status']);
  expect(existsSync(proof)).toBe(true); // the trap was a trap
});

test('a folder that borrows from elsewhere is refused', async () => {
  const { folder } = threeAuthors();
  const linked = newFolder();
  writeFileSync(join(linked, '.git'), `gitdir: ${join(folder, '.git')}\n`);
  await expect(read(linked)).rejects.toMatchObject({ code: 'invalid_input' });
  const knowing = newFolder(); // as if its own folder were a linked work tree's, of a repository that it names
  writeFileSync(join(knowing, '.git'), 'gitdir: ./mine\n');
  mkdirSync(join(knowing, 'mine'));
  writeFileSync(join(knowing, 'mine/gitdir'), join(knowing, '.git'));
  writeFileSync(join(knowing, 'mine/commondir'), join(folder, '.git'));
  writeFileSync(join(knowing, 'mine/HEAD'), 'ref: refs/heads/main\n');
  await expect(read(knowing)).rejects.toMatchObject({ code: 'invalid_input' });
  const symbolic = newFolder();
  symlinkSync(join(folder, '.git'), join(symbolic, '.git'));
  await expect(read(symbolic)).rejects.toMatchObject({ code: 'invalid_input' });
  const mixed = newRepository();
  mixed.commit('Ada <ada@example.org>', 'first', { 'a.md': 'text' });
  symlinkSync(join(folder, '.git/objects/pack'), join(mixed.folder, '.git/objects/ab'));
  await expect(read(mixed.folder)).rejects.toMatchObject({ code: 'invalid_input' });
  const borrower = newRepository();
  borrower.commit('Ada <ada@example.org>', 'first', { 'a.md': 'text' });
  writeFileSync(
    join(borrower.folder, '.git/objects/info/alternates'),
    join(folder, '.git/objects'),
  );
  await expect(read(borrower.folder)).rejects.toMatchObject({ code: 'invalid_input' });
});

test('linked work trees, packed branches, shallow and bare clones are read like the repository itself', async () => {
  const { folder, git } = threeAuthors();
  const tree = join(newFolder(), 'tree');
  git(['worktree', 'add', '-q', tree]);
  const bare = join(newFolder(), 'bare.git');
  git(['clone', '-q', '--bare', folder, bare]);
  const shallow = join(newFolder(), 'shallow');
  git(['clone', '-q', '--depth', '2', `file://${folder}`, shallow]);
  git(['pack-refs', '--all']);
  const all = await read(folder);
  expect(await read(tree)).toEqual(all);
  expect(await read(bare)).toEqual(all);
  expect((await read(shallow)).map(({ text }) => text)).toEqual(all.map(({ text }) => text));
});
