/**
 * Runs git on somebody else's objects without anything of his being obeyed.
 *
 * A repository can make git run programs: by its configuration (fsmonitor, text conversion, pagers, signature
 * checkers, includes), by hooks and by attributes. So git is given a repository of our own, an empty bare one in a
 * temporary folder, which borrows nothing but the objects and the names of the branches. Neither the machine's nor the
 * user's configuration is read, no network protocol is allowed, and nothing is written to the source.
 */
import { execFile } from 'node:child_process';
import {
  cp,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rm,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { OpenLedgerError } from '@openledger/sdk';

export type CleanRoom = {
  /** Runs git. @throws invalid_input with what git said */
  git(args: readonly string[], input?: string): Promise<Buffer>;
  /** The full id of a commit. */
  resolve(revision: string): Promise<string>;
  close(): Promise<void>;
};

const MAX_OUTPUT_BYTES = 512 * 2 ** 20;
const TIMEOUT_MS = 10 * 60_000;

/** @throws invalid_input when the folder is no git repository, or borrows objects from elsewhere */
export async function openCleanRoom(folder: string): Promise<CleanRoom> {
  const source = await findSource(folder);
  const room = await mkdtemp(join(tmpdir(), 'openledger-git-'));
  const environment = {
    PATH: process.env.PATH ?? '',
    LC_ALL: 'C',
    HOME: room,
    GIT_DIR: room,
    GIT_OBJECT_DIRECTORY: source.objects,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_ATTR_NOSYSTEM: '1',
    GIT_ALLOW_PROTOCOL: 'none',
    GIT_NO_LAZY_FETCH: '1',
    GIT_OPTIONAL_LOCKS: '0',
    GIT_NO_REPLACE_OBJECTS: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_LITERAL_PATHSPECS: '1',
    GIT_PAGER: 'cat',
  };
  const git: CleanRoom['git'] = (args, input = '') =>
    run(['-c', 'core.hooksPath=/dev/null', '-c', 'core.fsmonitor=false', ...args], {
      environment,
      input,
    });
  const close = () => rm(room, { recursive: true, force: true });
  try {
    await furnish(room, source);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    git,
    async resolve(revision) {
      const id = await git(['rev-parse', '--verify', '--end-of-options', `${revision}^{commit}`]);
      return id.toString().trim();
    },
    close,
  };
}

type Source = {
  /** Where HEAD is; of a linked work tree, its own folder. */
  readonly head: string;
  /** Where branches and objects are. */
  readonly common: string;
  readonly objects: string;
};

async function findSource(folder: string): Promise<Source> {
  const top = await realpath(folder).catch(() => folder);
  const inside = join(top, '.git');
  const kind = await kindOf(inside);
  if (kind === 'folder') return sourceAt(inside, inside);
  if (kind === 'file') return linkedSource(inside);
  if (kind === 'link') throw unsafe(inside, 'is a symbolic link');
  if (
    (await kindOf(join(top, 'objects'))) === 'folder' &&
    (await kindOf(join(top, 'HEAD'))) === 'file'
  ) {
    return sourceAt(top, top); // a bare repository
  }
  throw new OpenLedgerError('invalid_input', `${folder} is not a git repository.`);
}

/**
 * A linked work tree. Its repository must know it: its own folder lies in the repository's `worktrees` and names the tree. Else a
 * file could point us at anybody's repository.
 */
async function linkedSource(file: string): Promise<Source> {
  const head = resolve(
    dirname(file),
    (await readFile(file, 'utf8')).replace(/^gitdir: /, '').trim(),
  );
  const back = await readFile(join(head, 'gitdir'), 'utf8').catch(() => '');
  if (back.trim() === '' || resolve(head, back.trim()) !== file) {
    throw unsafe(file, 'points to a repository that does not know it');
  }
  const common = resolve(head, (await readFile(join(head, 'commondir'), 'utf8')).trim());
  const known = await realpath(join(common, 'worktrees')).catch(() => '');
  if (dirname(await realpath(head)) !== known) {
    throw unsafe(file, 'points to a repository that does not know it');
  }
  return sourceAt(head, common);
}

async function sourceAt(head: string, common: string): Promise<Source> {
  const objects = join(common, 'objects');
  const pack = join(objects, 'pack');
  const inside = [...(await pathsIn(objects)), ...(await pathsIn(pack))];
  for (const path of [objects, join(common, 'refs'), pack, join(objects, 'info'), ...inside]) {
    if ((await kindOf(path)) === 'link') throw unsafe(path, 'is a symbolic link');
  }
  for (const name of ['alternates', 'http-alternates']) {
    const path = join(objects, 'info', name);
    if ((await kindOf(path)) !== undefined) throw unsafe(path, 'borrows objects from elsewhere');
  }
  return { head, common, objects };
}

/** What lies in a folder, or nothing where there is none. */
async function pathsIn(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder).catch(() => []);
  return names.map((name) => join(folder, name));
}

/** The names of branches and tags, and where a shallow clone ends, are copied: plain files of ids, no links. */
async function furnish(room: string, { head, common, objects }: Source): Promise<void> {
  await mkdir(join(room, 'objects'));
  const refs = join(common, 'refs');
  const isPlain = async (path: string) => ['file', 'folder'].includes((await kindOf(path)) ?? '');
  await cp(refs, join(room, 'refs'), { recursive: true, filter: isPlain });
  for (const [from, name] of [
    [head, 'HEAD'],
    [common, 'packed-refs'],
    [common, 'shallow'],
  ]) {
    if ((await kindOf(join(from, name))) === 'file') await cp(join(from, name), join(room, name));
  }
  const isSha256 = await usesSha256(room, objects);
  const version = isSha256 ? 1 : 0;
  const format = isSha256 ? '[extensions]\n\tobjectformat = sha256\n' : '';
  await writeFile(
    join(room, 'config'),
    `[core]\n\trepositoryformatversion = ${version}\n\tbare = true\n${format}`,
  );
}

/** By the length of any id that the repository's own files spell out. */
async function usesSha256(room: string, objects: string): Promise<boolean> {
  const head = await readFile(join(room, 'HEAD'), 'utf8').catch(() => '');
  const named = /^ref: (refs\/[^\0]+)$/.exec(head.trim())?.[1];
  const loose =
    named && !named.includes('..') ? await readFile(join(room, named), 'utf8').catch(() => '') : '';
  const packed = await readFile(join(room, 'packed-refs'), 'utf8').catch(() => '');
  const id = /^[0-9a-f]{40,64}/m.exec(loose || (named ? packed : head));
  if (!id && (await kindOf(objects)) === undefined) throw unsafe(objects, 'is missing');
  return id?.[0].length === 64;
}

async function kindOf(path: string): Promise<'file' | 'folder' | 'link' | 'other' | undefined> {
  const stat = await lstat(path).catch(() => undefined);
  if (!stat) return undefined;
  if (stat.isSymbolicLink()) return 'link';
  if (stat.isDirectory()) return 'folder';
  return stat.isFile() ? 'file' : 'other';
}

const unsafe = (path: string, why: string): OpenLedgerError =>
  new OpenLedgerError(
    'invalid_input',
    `${path} ${why}: the repository is not read. Clone it first.`,
    { path },
  );

function run(
  args: readonly string[],
  { environment, input }: { readonly environment: NodeJS.ProcessEnv; readonly input: string },
): Promise<Buffer> {
  return new Promise((fulfil, reject) => {
    const child = execFile(
      'git',
      [...args],
      {
        env: environment,
        encoding: 'buffer',
        maxBuffer: MAX_OUTPUT_BYTES,
        timeout: TIMEOUT_MS,
        cwd: '/',
      },
      (error, stdout, stderr) => {
        if (!error) return fulfil(stdout);
        const said = stderr.toString().trim().split('\n')[0] || error.message;
        reject(new OpenLedgerError('invalid_input', `git: ${said}`, {}, { cause: error }));
      },
    );
    child.stdin?.on('error', () => {}); // git ended without reading it, and says why itself
    child.stdin?.end(input);
  });
}
