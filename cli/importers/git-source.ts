/** Finds where a repository keeps its objects and the names of its branches, and refuses one that leads elsewhere. */
import { lstat, readdir, readFile, realpath } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { OpenLedgerError } from '@openledger/sdk';

export type GitSource = {
  /** Where HEAD is; of a linked work tree, its own folder. */
  readonly head: string;
  /** Where branches and objects are. */
  readonly common: string;
  readonly objects: string;
};

/** Files that only hold a path are never larger. */
const MOST_PATH_BYTES = 16_384;

/** @throws invalid_input when the folder is no git repository, or borrows anything from elsewhere */
export async function findGitSource(folder: string): Promise<GitSource> {
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
async function linkedSource(file: string): Promise<GitSource> {
  const head = resolve(dirname(file), (await pathIn(file)).replace(/^gitdir: /, ''));
  const back = await pathIn(join(head, 'gitdir')).catch(() => '');
  if (back === '' || resolve(head, back) !== file) throw unknownTo(file);
  const common = resolve(head, await pathIn(join(head, 'commondir')).catch(() => ''));
  const known = await realpath(join(common, 'worktrees')).catch(() => '');
  if (dirname(await realpath(head)) !== known) throw unknownTo(file);
  return sourceAt(head, common);
}

async function pathIn(file: string): Promise<string> {
  const { size } = await lstat(file);
  if ((await kindOf(file)) !== 'file' || size > MOST_PATH_BYTES) {
    throw unsafe(file, 'is no file that holds a path');
  }
  return (await readFile(file, 'utf8')).trim();
}

const unknownTo = (file: string) => unsafe(file, 'points to a repository that does not know it');

/** Nothing that git reads there may be a link, a pipe or a device: only plain files, two folders deep. */
async function sourceAt(head: string, common: string): Promise<GitSource> {
  const objects = join(common, 'objects');
  await assertPlainFolder(join(common, 'refs'));
  await assertPlainFolder(objects);
  for (const folder of await plainFoldersIn(objects)) await plainFoldersIn(folder);
  for (const name of ['alternates', 'http-alternates']) {
    const path = join(objects, 'info', name);
    if ((await kindOf(path)) !== undefined) throw unsafe(path, 'borrows objects from elsewhere');
  }
  return { head, common, objects };
}

async function assertPlainFolder(path: string): Promise<void> {
  const kind = await kindOf(path);
  if (kind === undefined) throw unsafe(path, 'is missing');
  if (kind === 'link') throw unsafe(path, 'is a symbolic link');
  if (kind !== 'folder') throw unsafe(path, 'is no folder');
}

/** @throws invalid_input when anything else than files and folders lies in the folder */
async function plainFoldersIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isSymbolicLink()) throw unsafe(path, 'is a symbolic link');
    if (!entry.isFile() && !entry.isDirectory()) throw unsafe(path, 'is no file');
  }
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(folder, name));
}

type PathKind = 'file' | 'folder' | 'link' | 'other';

/** Of the path itself, wherever it leads. */
export async function kindOf(path: string): Promise<PathKind | undefined> {
  const stat = await lstat(path).catch(() => undefined);
  if (!stat) return undefined;
  if (stat.isSymbolicLink()) return 'link';
  if (stat.isDirectory()) return 'folder';
  return stat.isFile() ? 'file' : 'other';
}

export const unsafe = (path: string, why: string): OpenLedgerError =>
  new OpenLedgerError(
    'invalid_input',
    `${path} ${why}: the repository is not read. Clone it first.`,
    { path },
  );
