/**
 * Repositories made to hurt whoever reads them. Each trap is first shown to be one: git as it is used every day runs into it.
 * The importer runs nothing, writes nothing, follows nothing out of the repository and tells nothing from outside it.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { deflateSync } from 'node:zlib';
import type { Draft } from '@openledger/sdk';
import { afterAll, expect, test, vi } from 'vitest';
import { createRepository, type TestRepository } from '../../test/harness/repository.ts';
import { type GitOptions, gitDrafts } from './git.ts';
import type { Problem } from './problem.ts';

const ADA = 'Ada <ada@example.org>';
const SECRET = 'nobody outside may read this';
const removals: (() => Promise<void>)[] = [];
afterAll(async () => {
  for (const remove of removals) await remove();
});

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'openledger-hostile-'));
  removals.push(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function newRepository(): Promise<TestRepository> {
  const repository = await createRepository();
  removals.push(repository.remove);
  return repository;
}

/** Two commits of a guide, and a working copy that is clean. */
async function guide(): Promise<TestRepository> {
  const repository = await newRepository();
  await repository.commit(ADA, 'first', {
    'guide.md': 'a line of the guide\n',
    LICENSE: 'SPDX-License-Identifier: MIT\n',
  });
  await repository.commit('Bob <bob@example.org>', 'second', {
    'guide.md': 'a line of the guide\nand another\n',
  });
  return repository;
}

type Reading = { readonly drafts: readonly Draft[]; readonly problems: readonly Problem[] };

async function read(folder: string, options: GitOptions = {}): Promise<Reading> {
  const [drafts, problems]: [Draft[], Problem[]] = [[], []];
  const reading = { licence: 'MIT', onProblem: (one: Problem) => problems.push(one), ...options };
  for await (const draft of gitDrafts(folder, reading)) drafts.push(draft);
  return { drafts, problems };
}

/** Reads it, and looks that every file of it is as it was. */
async function readUntouched(folder: string, options: GitOptions = {}): Promise<Reading> {
  const before = await fingerprint(folder);
  const reading = await read(folder, options);
  expect(await fingerprint(folder)).toEqual(before);
  expect(JSON.stringify(reading)).not.toContain(SECRET);
  return reading;
}

async function fingerprint(folder: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const path of await readdir(folder, { recursive: true })) {
    const { mode, mtimeMs, size, isFile } = await lstat(join(folder, path)).then((stat) => ({
      ...stat,
      isFile: stat.isFile(),
    }));
    const content = isFile ? await readFile(join(folder, path)) : Buffer.alloc(0);
    const digest = createHash('sha256').update(content).digest('hex');
    found.push(`${path} ${mode} ${mtimeMs} ${size} ${digest}`);
  }
  return found.sort();
}

const pathsOf = ({ drafts }: Reading) => drafts.map(({ source }) => source?.path);
const writersOf = ({ drafts }: Reading) =>
  new Set(
    drafts.flatMap(({ contributors = [] }) =>
      contributors.map(({ identity }) =>
        typeof identity === 'string' ? identity : identity.email,
      ),
    ),
  );

// --- Programs --------------------------------------------------------------------------------------------------------

type Trap = {
  readonly name: string;
  set(repository: TestRepository, script: string): Promise<void> | void;
  /** What an innocent user does, and the script runs. */
  readonly springs: readonly string[];
};

const config =
  (
    settings: (script: string) => Readonly<Record<string, string>>,
    attributes?: string,
  ): Trap['set'] =>
  async ({ folder, git }, script) => {
    for (const [name, value] of Object.entries(settings(script))) git(['config', name, value]);
    if (attributes === undefined) return;
    await mkdir(join(folder, '.git/info'), { recursive: true });
    await writeFile(join(folder, '.git/info/attributes'), attributes);
  };

const traps: readonly Trap[] = [
  {
    name: 'a hook',
    async set({ folder }, script) {
      await mkdir(join(folder, '.git/hooks'), { recursive: true });
      for (const hook of ['post-checkout', 'reference-transaction', 'post-index-change']) {
        await symlink(script, join(folder, '.git/hooks', hook));
      }
    },
    springs: ['checkout', '-q', '-B', 'other'],
  },
  {
    name: 'a folder of hooks elsewhere',
    async set({ git }, script) {
      await symlink(script, join(dirname(script), 'post-checkout'));
      git(['config', 'core.hooksPath', dirname(script)]);
    },
    springs: ['checkout', '-q', '-B', 'other'],
  },
  {
    name: 'a file system monitor',
    set: config((s) => ({ 'core.fsmonitor': s })),
    springs: ['status'],
  },
  {
    name: 'a text conversion',
    set: config((s) => ({ 'diff.evil.textconv': s }), '* diff=evil\n'),
    springs: ['blame', 'guide.md'],
  },
  {
    name: 'a text conversion by attributes in the tree',
    async set({ git, commit }, script) {
      git(['config', 'diff.evil.textconv', script]);
      await commit(ADA, 'attributes', { '.gitattributes': '* diff=evil\n' });
    },
    springs: ['blame', 'guide.md'],
  },
  {
    name: 'an external diff',
    set: config((s) => ({ 'diff.external': s })),
    springs: ['diff', 'HEAD~1'],
  },
  {
    name: "a diff driver's command",
    set: config((s) => ({ 'diff.evil.command': s }), '* diff=evil\n'),
    springs: ['diff', 'HEAD~1'],
  },
  {
    name: 'a clean filter',
    set: config(
      (s) => ({ 'filter.evil.clean': s, 'filter.evil.required': 'true' }),
      '* filter=evil\n',
    ),
    springs: ['hash-object', 'guide.md'],
  },
  {
    name: 'a smudge filter',
    set: config((s) => ({ 'filter.evil.smudge': s }), '* filter=evil\n'),
    springs: ['cat-file', '--filters', 'HEAD:guide.md'],
  },
  {
    name: 'a filter process',
    set: config((s) => ({ 'filter.evil.process': s }), '* filter=evil\n'),
    springs: ['cat-file', '--filters', 'HEAD:guide.md'],
  },
  {
    name: 'an ssh command',
    set: config((s) => ({ 'core.sshCommand': s, 'remote.origin.url': 'ssh://host.invalid/x' })),
    springs: ['fetch', 'origin'],
  },
  {
    name: 'a transport',
    set: config((s) => ({ 'protocol.ext.allow': 'always', 'remote.origin.url': `ext::${s}` })),
    springs: ['fetch', 'origin'],
  },
  {
    name: 'an editor',
    set: config((s) => ({ 'core.editor': s })),
    springs: ['commit', '--amend', '--allow-empty'],
  },
  {
    name: 'a signature checker',
    set({ git }, script) {
      for (const name of ['gpg.program', 'gpg.ssh.program']) git(['config', name, script]);
      git(['config', 'log.showSignature', 'true']);
      const signature =
        'gpgsig -----BEGIN PGP SIGNATURE-----\n \n abc\n -----END PGP SIGNATURE-----\n';
      const signed = git(['cat-file', 'commit', 'HEAD']).replace(
        /^committer .*\n/m,
        (line) => line + signature,
      );
      const id = git(['hash-object', '-t', 'commit', '-w', '--stdin'], { input: signed }).trim();
      git(['update-ref', 'HEAD', id]);
    },
    springs: ['log'],
  },
  {
    name: 'a configuration that includes another',
    async set({ git, folder }, script) {
      await writeFile(join(dirname(script), 'more'), `[core]\n\tfsmonitor = ${script}\n`);
      git(['config', 'include.path', join(dirname(script), 'more')]);
      git(['config', `includeIf.gitdir:${folder}/.path`, join(dirname(script), 'more')]);
    },
    springs: ['status'],
  },
  {
    name: 'a remote that promises the missing objects',
    async set({ folder, git }, script) {
      const blob = git(['rev-parse', 'HEAD:guide.md']).trim();
      await rm(join(folder, '.git/objects', blob.slice(0, 2), blob.slice(2)));
      await config((s) => ({
        ...{ 'core.repositoryformatversion': '1', 'extensions.partialClone': 'origin' },
        ...{ 'remote.origin.promisor': 'true', 'remote.origin.url': 'ssh://host.invalid/x' },
        'core.sshCommand': s,
      }))({ folder, git } as TestRepository, script);
    },
    springs: ['cat-file', '-p', 'HEAD:guide.md'],
  },
];

test.each(traps.map((trap) => [trap.name, trap] as const))('%s is not run', async (_, {
  set,
  springs,
}) => {
  const repository = await guide();
  const outside = await newFolder();
  const proof = join(outside, 'it-ran');
  const script = join(outside, 'evil.sh');
  await writeFile(script, `#!/bin/sh\ntouch ${proof}\nexit 1\n`);
  await chmod(script, 0o755);
  await set(repository, script);
  await rm(proof, { force: true }); // setting it may have sprung it
  const { drafts, problems } = await readUntouched(repository.folder);
  expect(existsSync(proof)).toBe(false);
  expect(drafts.length + problems.length).toBe(2);
  try {
    repository.git(springs);
  } catch {
    // the script fails on purpose
  }
  expect(existsSync(proof), 'the trap was a trap').toBe(true);
});

test("the caller's own environment does not reach git", async () => {
  const { folder } = await guide();
  const [outside, decoy] = [await newFolder(), await guide()];
  const proof = join(outside, 'it-ran');
  const script = join(outside, 'evil.sh');
  await writeFile(script, `#!/bin/sh\ntouch ${proof}\n`);
  await chmod(script, 0o755);
  const settings = {
    ...{
      GIT_EXTERNAL_DIFF: script,
      GIT_PAGER: script,
      GIT_SSH_COMMAND: script,
      GIT_TRACE: join(outside, 'trace'),
    },
    ...{ GIT_CONFIG_COUNT: '1', GIT_CONFIG_KEY_0: 'core.fsmonitor', GIT_CONFIG_VALUE_0: script },
    ...{
      GIT_DIR: join(decoy.folder, '.git'),
      GIT_ALTERNATE_OBJECT_DIRECTORIES: join(decoy.folder, '.git/objects'),
    },
  };
  for (const [name, value] of Object.entries(settings)) vi.stubEnv(name, value);
  const reading = await readUntouched(folder).finally(() => vi.unstubAllEnvs());
  expect(reading.drafts).toHaveLength(2);
  expect(existsSync(proof)).toBe(false);
  expect(existsSync(join(outside, 'trace'))).toBe(false);
});

// --- Ways out of the folder ------------------------------------------------------------------------------------------

test('a .git file that names a repository which does not know it is refused', async () => {
  const { folder } = await guide();
  const linked = await newFolder();
  await writeFile(join(linked, '.git'), `gitdir: ${join(folder, '.git')}\n`);
  await expect(read(linked)).rejects.toMatchObject({ code: 'invalid_input' });
  const knowing = await newFolder(); // as if its own folder were a linked work tree's, of a repository that it names
  await writeFile(join(knowing, '.git'), 'gitdir: ./mine\n');
  await mkdir(join(knowing, 'mine'));
  await writeFile(join(knowing, 'mine/gitdir'), join(knowing, '.git'));
  await writeFile(join(knowing, 'mine/commondir'), join(folder, '.git'));
  await writeFile(join(knowing, 'mine/HEAD'), 'ref: refs/heads/main\n');
  await expect(read(knowing)).rejects.toMatchObject({ code: 'invalid_input' });
});

test('a commondir file inside .git leads nowhere', async () => {
  const [victim, { folder }] = [await guide(), await guide()];
  await victim.commit(ADA, 'secret', { 'secret.md': `${SECRET}\n` });
  await writeFile(join(folder, '.git/commondir'), join(victim.folder, '.git'));
  expect(pathsOf(await readUntouched(folder))).toEqual(['LICENSE', 'guide.md']);
});

test('alternates are refused', async () => {
  for (const name of ['alternates', 'http-alternates']) {
    const [lender, borrower] = [await guide(), await guide()];
    await writeFile(
      join(borrower.folder, '.git/objects/info', name),
      join(lender.folder, '.git/objects'),
    );
    await expect(read(borrower.folder)).rejects.toMatchObject({ code: 'invalid_input' });
  }
});

test('links and pipes where git keeps its objects are refused', async () => {
  const { folder } = await guide();
  const symbolic = await newFolder();
  await symlink(join(folder, '.git'), join(symbolic, '.git'));
  await expect(read(symbolic)).rejects.toMatchObject({ code: 'invalid_input' });
  const places: readonly ((inside: string) => Promise<void>)[] = [
    (inside) => symlink(join(folder, '.git/objects/pack'), join(inside, 'objects/info/more')),
    (inside) => symlink(join(folder, '.git/HEAD'), join(inside, 'objects/pack/pack-1.idx')),
    async (inside) => {
      await mkdir(join(inside, 'objects/ab'), { recursive: true });
      execFileSync('mkfifo', [join(inside, 'objects/ab', 'c'.repeat(38))]);
    },
    async (inside) => {
      await rename(join(inside, 'objects'), join(inside, 'mine'));
      await symlink(join(folder, '.git/objects'), join(inside, 'objects'));
    },
    async (inside) => {
      await rename(join(inside, 'refs'), join(inside, 'mine'));
      await symlink(join(folder, '.git/refs'), join(inside, 'refs'));
    },
  ];
  for (const place of places) {
    const mixed = await guide();
    await place(join(mixed.folder, '.git'));
    await expect(read(mixed.folder)).rejects.toMatchObject({ code: 'invalid_input' });
  }
});

test('a branch that is a link, or names a file outside, tells nothing of it', async () => {
  const secret = join(await newFolder(), 'secret');
  await writeFile(secret, SECRET);
  for (const path of ['HEAD', 'refs/heads/main', 'packed-refs', 'shallow']) {
    const { folder } = await guide();
    await rm(join(folder, '.git', path), { force: true });
    await symlink(secret, join(folder, '.git', path));
    const told = await readUntouched(folder).catch((error: Error) => error.message);
    expect(JSON.stringify(told)).not.toContain(SECRET);
  }
  const { folder } = await guide();
  await writeFile(join(folder, '.git/HEAD'), `ref: refs/heads/../../../../..${secret}\n`);
  const told = await readUntouched(folder).catch((error: Error) => error.message);
  expect(JSON.stringify(told)).not.toContain(SECRET);
});

test('symbolic links in the tree and in the working copy are not followed', async () => {
  const repository = await guide();
  const outside = await newFolder();
  await writeFile(join(outside, 'secret.md'), SECRET);
  await symlink(join(outside, 'secret.md'), join(repository.folder, 'leak.md'));
  await symlink(outside, join(repository.folder, 'leaks'));
  await repository.commit(ADA, 'links', {});
  await rm(join(repository.folder, 'guide.md'));
  await symlink(join(outside, 'secret.md'), join(repository.folder, 'guide.md'));
  const reading = await readUntouched(repository.folder);
  expect(pathsOf(reading)).toEqual(['LICENSE', 'guide.md']);
  expect(reading.drafts[1].text).toBe('a line of the guide\nand another\n');
});

test('a submodule is passed over and nothing of it fetched', async () => {
  const repository = await guide();
  const proof = join(await newFolder(), 'it-ran');
  const commit = repository.git(['rev-parse', 'HEAD']).trim();
  repository.git(['update-index', '--add', '--cacheinfo', `160000,${commit},sub.md`]);
  await writeFile(
    join(repository.folder, '.gitmodules'),
    `[submodule "sub.md"]\n\tpath = sub.md\n\turl = ext::sh -c touch% ${proof}\n\tupdate = !touch ${proof}\n`,
  );
  repository.git(['add', '.gitmodules']);
  repository.git(['commit', '-q', '-m', 'a submodule']);
  expect(pathsOf(await readUntouched(repository.folder))).toEqual(['LICENSE', 'guide.md']);
  expect(existsSync(proof)).toBe(false);
});

/** A tree with names that git itself would not write. */
function writeTree(
  { git }: TestRepository,
  entries: readonly (readonly [mode: string, name: string | Buffer, object: string])[],
): string {
  const bytesOf = ([mode, name]: (typeof entries)[number]) =>
    Buffer.concat([Buffer.from(name), Buffer.from(mode === '40000' ? '/' : '')]);
  const sorted = [...entries].sort((a, b) => Buffer.compare(bytesOf(a), bytesOf(b)));
  const input = Buffer.concat(
    sorted.flatMap(([mode, name, object]) => [
      Buffer.from(`${mode} `),
      Buffer.from(name),
      Buffer.from([0]),
      Buffer.from(object, 'hex'),
    ]),
  );
  return git(['hash-object', '-t', 'tree', '-w', '--literally', '--stdin'], { input }).trim();
}

const writeBlob = ({ git }: TestRepository, text: string) =>
  git(['hash-object', '-w', '--stdin'], { input: text }).trim();

function commitTree({ git }: TestRepository, tree: string, ...parents: readonly string[]): string {
  const on = parents.flatMap((parent) => ['-p', parent]);
  const commit = git(['commit-tree', tree, ...on, '-m', 'made'], { author: ADA }).trim();
  git(['update-ref', 'refs/heads/main', commit]);
  return commit;
}

test('paths that lead elsewhere are reported and not read, and the files beside them are', async () => {
  const repository = await newRepository();
  const blob = writeBlob(repository, 'something to read\n');
  const inner = writeTree(repository, [['100644', 'config', blob]]);
  const up = writeTree(repository, [['100644', 'up.md', blob]]);
  const names = [
    '../x.md',
    '/etc/x.md',
    'a\\b.md',
    'c:\\d.md',
    'tab\there.md',
    'new\nline.md',
    'esc\u001b[2J.md',
    'a//b.md',
    './d.md',
  ];
  const tree = writeTree(repository, [
    ...names.map((name) => ['100644', name, blob] as const),
    ['100644', Buffer.from([0xff, 0x2e, 0x6d, 0x64]), blob],
    ['100644', `${'long/'.repeat(250)}x.md`, blob],
    ['100644', `${'e'.repeat(9000)}.md`, blob],
    ['40000', '..', up],
    ['40000', '.git', inner],
    ['40000', '.GIT', inner],
    ['100644', 'fine.md', blob],
  ]);
  commitTree(repository, tree);
  const reading = await readUntouched(repository.folder);
  expect(pathsOf(reading)).toEqual(['fine.md']);
  const reported = reading.problems.map(({ path }) => path);
  for (const name of [...names, '../up.md', '.git/config', '.GIT/config', '\ufffd.md'])
    expect(reported).toContain(name);
});

// --- Size ------------------------------------------------------------------------------------------------------------

/** An object that says it has three gigabytes, and has a few bytes. */
async function fakeGiant(repository: TestRepository): Promise<string> {
  const id = 'ab'.padEnd(40, 'c');
  const path = join(repository.folder, '.git/objects', id.slice(0, 2), id.slice(2));
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, deflateSync(Buffer.from('blob 3000000000\0beginning')));
  return id;
}

test('a gigantic file is left out by its size, before anything of it is read', async () => {
  const repository = await newRepository();
  const giant = await fakeGiant(repository);
  const blob = writeBlob(repository, 'something to read\n');
  const tree = writeTree(repository, [
    ['100644', 'LICENSE', giant],
    ['100644', 'fine.md', blob],
    ['100644', 'giant.md', giant],
  ]);
  commitTree(repository, tree);
  const reading = await readUntouched(repository.folder);
  expect(pathsOf(reading)).toEqual(['fine.md']);
  expect(reading.problems).toEqual(
    ['LICENSE', 'giant.md'].map((path) => ({
      path,
      message: 'It has 3000000000 bytes; at most 1000000 are read.',
    })),
  );
});

test('a file that was gigantic once is given up at the size, and the others are read', async () => {
  const repository = await newRepository();
  const giant = await fakeGiant(repository);
  const blob = writeBlob(repository, 'something to read\n');
  const before = commitTree(
    repository,
    writeTree(repository, [
      ['100644', 'fine.md', blob],
      ['100644', 'small.md', giant],
    ]),
  );
  const small = writeBlob(repository, 'small by now\n');
  const after = writeTree(repository, [
    ['100644', 'fine.md', blob],
    ['100644', 'small.md', small],
  ]);
  commitTree(repository, after, before);
  const reading = await readUntouched(repository.folder);
  expect(pathsOf(reading)).toEqual(['fine.md']);
  expect(reading.problems).toMatchObject([
    { path: 'small.md', message: expect.stringContaining('over limit') },
  ]);
});

test('a tree that folds out into millions of files is refused while it is listed', async () => {
  const repository = await newRepository();
  const names = Array.from({ length: 100 }, (_, i) => `${i}`.padStart(2, '0'));
  let [mode, object] = ['100644', writeBlob(repository, 'a')];
  for (let level = 0; level < 6; level++) {
    object = writeTree(
      repository,
      names.map((name) => [mode, name, object] as const),
    );
    mode = '40000';
  }
  commitTree(repository, object);
  repository.git(['repack', '-adq']);
  await expect(read(repository.folder)).rejects.toMatchObject({ code: 'too_large' });
});

test('gigantic messages and crowds of co-authors are passed over: the author alone is credited', async () => {
  const repository = await newRepository();
  const crowd = Array.from(
    { length: 5000 },
    (_, i) => `Co-authored-by: Shell ${i} <shell${i}@example.org>`,
  );
  await repository.commit(ADA, `all of us\n\n${crowd.join('\n')}`, {
    'crowd.md': 'we all wrote this\n',
  });
  await repository.commit(
    'Bob <bob@example.org>',
    `${'x'.repeat(20_000_000)}\n\nCo-authored-by: Cleo <cleo@example.org>`,
    {
      'long.md': 'a long story about a short line\n',
    },
  );
  const reading = await readUntouched(repository.folder);
  expect(pathsOf(reading)).toEqual(['crowd.md', 'long.md']);
  expect(writersOf(reading)).toEqual(
    new Set(['ada@example.org', 'bob@example.org', 'cleo@example.org']),
  );
});

// --- Lies about the history ------------------------------------------------------------------------------------------

test("replacements and grafts change nobody's authorship", async () => {
  const repository = await guide();
  const honest = writersOf(await read(repository.folder));
  const { git, folder } = repository;
  const head = git(['rev-parse', 'HEAD']).trim();
  const stolen = git(['commit-tree', `${head}^{tree}`, '-m', 'all mine'], {
    author: 'Eve <eve@example.org>',
  }).trim();
  git(['replace', head, stolen]);
  expect(git(['blame', '-e', 'guide.md'])).toContain('eve@example.org'); // the lie is believed by others
  expect(writersOf(await readUntouched(folder))).toEqual(honest);
  git(['replace', '-d', head]);
  await mkdir(join(folder, '.git/info'), { recursive: true });
  await writeFile(join(folder, '.git/info/grafts'), `${head}\n`);
  expect(git(['rev-list', 'HEAD']).trim()).toBe(head); // as if it had no parent
  expect(writersOf(await readUntouched(folder))).toEqual(honest);
});

test('a commit graph that leaves commits out changes nothing', async () => {
  const repository = await guide();
  const { git, folder } = repository;
  const honest = await read(folder);
  const head = git(['rev-parse', 'HEAD']).trim();
  git(['commit-graph', 'write', '--reachable']);
  const graph = join(folder, '.git/objects/info/commit-graph');
  await chmod(graph, 0o644);
  await writeFile(graph, withoutParents(await readFile(graph)));
  expect(git(['rev-list', 'HEAD']).trim()).toBe(head); // the lie is believed by others
  expect(await readUntouched(folder)).toEqual(honest);
});

/** Each commit's data is its tree, two parents by position (none: 0x70000000), generation and date. */
function withoutParents(graph: Buffer): Buffer {
  const lying = Buffer.from(graph);
  for (let row = 8; row < 8 + 12 * graph[6]; row += 12) {
    if (graph.toString('latin1', row, row + 4) !== 'CDAT') continue;
    const [start, end] = [row + 4, row + 16].map((at) => Number(graph.readBigUInt64BE(at)));
    for (let at = start; at < end; at += 36) lying.writeUInt32BE(0x70000000, at + 20);
  }
  return lying;
}

test('a .mailmap that is a link is not followed, and a huge one is reported and not read', async () => {
  const outside = await newFolder();
  await writeFile(join(outside, 'map'), `${SECRET} <eve@example.org> <ada@example.org>\n`);
  const linked = await guide();
  await symlink(join(outside, 'map'), join(linked.folder, '.mailmap'));
  await linked.commit(ADA, 'a link', {});
  expect(writersOf(await readUntouched(linked.folder))).toEqual(
    new Set(['ada@example.org', 'bob@example.org']),
  );
  const huge = await guide();
  const lines = 'Eve <eve@example.org> <ada@example.org>\n'.repeat(30_000);
  await huge.commit(ADA, 'huge', { '.mailmap': lines });
  const reading = await readUntouched(huge.folder);
  expect(writersOf(reading)).toEqual(new Set(['ada@example.org', 'bob@example.org']));
  expect(reading.problems).toMatchObject([{ path: '.mailmap' }]);
});

test('the .mailmap of another commit is not used', async () => {
  const repository = await guide();
  await repository.commit(ADA, 'map', { '.mailmap': 'Eve <eve@example.org> <ada@example.org>\n' });
  expect(writersOf(await read(repository.folder, { revision: 'HEAD~1' }))).toEqual(
    new Set(['ada@example.org', 'bob@example.org']),
  );
});
