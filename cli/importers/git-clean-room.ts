/**
 * Runs git on somebody else's objects without anything of his being obeyed.
 *
 * A repository can make git run programs: by its configuration (fsmonitor, text conversion, filters, pagers, signature
 * checkers, includes), by hooks and by attributes; and it can make git believe things: by grafts, replacements and indexes
 * that lie. So git is given a repository of our own, an empty bare one in a temporary folder, which borrows nothing but the
 * objects and the names of the branches. Neither the machine's nor the user's configuration is read, no network protocol is
 * allowed, no single object may take much memory, and nothing is written to the source.
 */
import { spawn } from 'node:child_process';
import { cp, lstat, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OpenLedgerError } from '@openledger/sdk';
import { findGitSource, type GitSource, kindOf, unsafe } from './git-source.ts';

export type CleanRoom = {
  /**
   * What git says, as it says it. Whoever stops listening ends it.
   *
   * @throws invalid_input with what git said when it refused, unavailable when it was ended from outside
   */
  stream(args: readonly string[], input?: string): AsyncGenerator<Buffer>;
  /** A short answer as a whole. @throws too_large beyond a megabyte, and as `stream` */
  ask(args: readonly string[]): Promise<Buffer>;
  /** The full id of a commit. @throws invalid_input when it is none */
  resolve(revision: string): Promise<string>;
  close(): Promise<void>;
};

const TIMEOUT_MS = 10 * 60_000;
const MOST_ANSWER_BYTES = 2 ** 20;

/** Of the largest thing that git may hold in one piece: it refuses an object that is larger. */
const MOST_OBJECT_MEMORY = '512m';

/** Lists of branches, and of where a shallow clone ends. */
const MOST_LIST_BYTES = 256 * 2 ** 20;

/** @throws invalid_input when the folder is no git repository, or borrows objects from elsewhere */
export async function openCleanRoom(folder: string): Promise<CleanRoom> {
  const source = await findGitSource(folder);
  const room = await mkdtemp(join(tmpdir(), 'openledger-git-'));
  const close = () => rm(room, { recursive: true, force: true });
  try {
    const { emptyTree } = await furnish(room, source);
    const environment = environmentOf(room, source, emptyTree);
    const stream: CleanRoom['stream'] = (args, input = '') =>
      run([...SETTINGS, ...args], environment, input);
    const ask: CleanRoom['ask'] = (args) => whole(stream(args));
    return {
      stream,
      ask,
      async resolve(revision) {
        const id = await ask(['rev-parse', '--verify', '--end-of-options', `${revision}^{commit}`]);
        return id.toString().trim();
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The commit graph and the index over several packs say again what the objects say, and could say something else. */
const SETTINGS = [
  ...['-c', 'core.hooksPath=/dev/null', '-c', 'core.fsmonitor=false'],
  ...['-c', 'core.commitGraph=false', '-c', 'core.multiPackIndex=false'],
];

const environmentOf = (room: string, source: GitSource, emptyTree: string): NodeJS.ProcessEnv => ({
  PATH: process.env.PATH ?? '',
  LC_ALL: 'C',
  HOME: room,
  GIT_DIR: room,
  GIT_OBJECT_DIRECTORY: source.objects,
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_ATTR_NOSYSTEM: '1',
  GIT_ATTR_SOURCE: emptyTree,
  GIT_ALLOC_LIMIT: MOST_OBJECT_MEMORY,
  GIT_ALLOW_PROTOCOL: 'none',
  GIT_NO_LAZY_FETCH: '1',
  GIT_OPTIONAL_LOCKS: '0',
  GIT_NO_REPLACE_OBJECTS: '1',
  GIT_TERMINAL_PROMPT: '0',
  GIT_LITERAL_PATHSPECS: '1',
  GIT_PAGER: 'cat',
});

/** The names of branches and tags, and where a shallow clone ends, are copied: plain files of ids, no links. */
async function furnish(
  room: string,
  { head, common }: GitSource,
): Promise<{ readonly emptyTree: string }> {
  await mkdir(join(room, 'objects'));
  const isPlain = async (path: string) => ['file', 'folder'].includes((await kindOf(path)) ?? '');
  await cp(join(common, 'refs'), join(room, 'refs'), { recursive: true, filter: isPlain });
  for (const [from, name] of [
    [head, 'HEAD'],
    [common, 'packed-refs'],
    [common, 'shallow'],
  ]) {
    const path = join(from, name);
    if ((await kindOf(path)) !== 'file') continue;
    if ((await lstat(path)).size > MOST_LIST_BYTES) throw unsafe(path, 'is too large');
    await cp(path, join(room, name));
  }
  const isSha256 = await usesSha256(room);
  const version = isSha256 ? 1 : 0;
  const format = isSha256 ? '[extensions]\n\tobjectformat = sha256\n' : '';
  await writeFile(
    join(room, 'config'),
    `[core]\n\trepositoryformatversion = ${version}\n\tbare = true\n${format}`,
  );
  return { emptyTree: isSha256 ? EMPTY_TREE_SHA256 : EMPTY_TREE_SHA1 };
}

/** Git knows them without having them. */
const EMPTY_TREE_SHA1 = '4b825dc642cb6eb9a060e54bf8d69288fbee4904';
const EMPTY_TREE_SHA256 = '6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321';

/** By the length of any id that the repository's own files spell out. */
async function usesSha256(room: string): Promise<boolean> {
  const head = await readFile(join(room, 'HEAD'), 'utf8').catch(() => '');
  const named = /^ref: (refs\/[^\0]+)$/.exec(head.trim())?.[1];
  const loose =
    named && !named.includes('..') ? await readFile(join(room, named), 'utf8').catch(() => '') : '';
  const packed = await readFile(join(room, 'packed-refs'), 'utf8').catch(() => '');
  return /^[0-9a-f]{40,64}/m.exec(loose || (named ? packed : head))?.[0].length === 64;
}

async function* run(
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
  input: string,
): AsyncGenerator<Buffer> {
  const child = spawn('git', [...args], {
    ...{ env: environment, cwd: '/', stdio: ['pipe', 'pipe', 'pipe'] },
    ...{ timeout: TIMEOUT_MS, killSignal: 'SIGKILL' },
  });
  const ended = new Promise<{ readonly status: number | null; readonly cause?: Error }>(
    (resolve) => {
      child.once('error', (cause) => resolve({ status: null, cause }));
      child.once('close', (status) => resolve({ status }));
    },
  );
  let complaint = '';
  child.stderr.on('data', (text: Buffer) => {
    complaint = (complaint + text).slice(0, 2000);
  });
  child.stdin.on('error', () => {}); // git ended without reading it, and says why itself
  child.stdin.end(input);
  try {
    yield* child.stdout;
    const { status, cause } = await ended;
    if (status === null) {
      throw new OpenLedgerError(
        'unavailable',
        `git could not end its work: ${cause?.message ?? 'it was killed'}.`,
      );
    }
    if (status !== 0) {
      throw new OpenLedgerError(
        'invalid_input',
        `git: ${complaint.trim().split('\n')[0] || `status ${status}`}`,
      );
    }
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
}

async function whole(chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    size += chunk.length;
    if (size > MOST_ANSWER_BYTES)
      throw new OpenLedgerError('too_large', 'git says more than was asked.');
    parts.push(chunk);
  }
  return Buffer.concat(parts);
}
