/** The files of a commit that are to be read, and which of them are new since an earlier commit. */
import { OpenLedgerError } from '@openledger/sdk';
import { cutBytes } from './cut-bytes.ts';
import { LICENCE_FILE } from './detect-licence.ts';
import type { CleanRoom } from './git-clean-room.ts';
import type { Problem } from './problem.ts';
import { MAX_FILE_BYTES } from './read-text.ts';

export type TreeFile = {
  readonly path: string;
  readonly object: string;
  readonly sizeBytes: number;
};

export type GitTree = {
  /** Ordinary files of a size that is read, in the order of their paths: no links, no submodules. */
  readonly files: readonly TreeFile[];
  /** At the top. */
  readonly licences: readonly TreeFile[];
};

/** A tree of few objects can name the same folder again and again, and so have more files than a disk. */
const MOST_ENTRIES = 500_000;
const MOST_ENTRY_BYTES = 8192;
const NUL = 0;

/** @throws too_large for a tree with more entries than are kept in memory */
export async function readTree(
  room: CleanRoom,
  {
    commit,
    changes,
    onProblem,
  }: {
    readonly commit: string;
    /** Absent: all files. */
    readonly changes: GitChanges | undefined;
    readonly onProblem?: (problem: Problem) => void;
  },
): Promise<GitTree> {
  const files: TreeFile[] = [];
  const licences: TreeFile[] = [];
  for await (const entry of entries(
    room.stream(['ls-tree', '-r', '-z', '-l', '--full-tree', commit]),
  )) {
    const file = parseEntry(entry);
    if (!file) continue;
    const path = readable(file.path);
    const isOffered = !isGenerated(path) && (changes?.paths.has(file.path) ?? true);
    const objection = objectionTo(file, path);
    if (objection !== undefined) {
      if (isOffered) onProblem?.({ path, message: objection });
      continue;
    }
    const sound = { path, object: file.object, sizeBytes: Number(file.size) };
    if (isOffered) files.push(sound);
    if (LICENCE_FILE.test(path)) licences.push(sound);
  }
  return { files, licences };
}

const MAILMAP = '.mailmap';

/** The object that holds the committed .mailmap; one that is a link, or larger than a text, is passed over. */
export async function findMailmap(
  room: CleanRoom,
  {
    commit,
    onProblem,
  }: { readonly commit: string; readonly onProblem?: (problem: Problem) => void },
): Promise<string | undefined> {
  const output = room.stream(['ls-tree', '-z', '-l', '--full-tree', commit, '--', MAILMAP]);
  for await (const entry of entries(output)) {
    const file = parseEntry(entry);
    if (!file) continue;
    const message = objectionTo(file, MAILMAP);
    if (message === undefined) return file.object;
    onProblem?.({ path: MAILMAP, message });
  }
  return undefined;
}

export type GitChanges = {
  /** Byte for byte: one character a byte. */
  readonly paths: ReadonlySet<string>;
  /** Files that were there and now read otherwise. */
  readonly changed: number;
  readonly gone: number;
};

/** What is new or otherwise in a commit than it was in an earlier one. */
export async function readChanges(
  room: CleanRoom,
  { since, commit }: { readonly since: string; readonly commit: string },
): Promise<GitChanges> {
  const args = ['diff-tree', '-r', '-z', '--no-renames', '--name-status', since, commit];
  const paths = new Set<string>();
  const counts = { changed: 0, gone: 0 };
  let status = ''; // each path comes after its status
  for await (const entry of entries(room.stream(args), 2 * MOST_ENTRIES)) {
    if (status === '') {
      status = entry?.toString('latin1') ?? '';
      continue;
    }
    if (status === 'D') counts.gone += 1;
    else {
      if (status !== 'A') counts.changed += 1;
      if (entry) paths.add(entry.toString('latin1'));
    }
    status = '';
  }
  return { paths, ...counts };
}

async function* entries(
  output: AsyncIterable<Buffer>,
  most = MOST_ENTRIES,
): AsyncGenerator<Buffer | undefined> {
  let seen = 0;
  for await (const entry of cutBytes(output, { separator: NUL, maxBytes: MOST_ENTRY_BYTES })) {
    seen += 1;
    if (seen > most) {
      throw new OpenLedgerError('too_large', `The commit has more than ${MOST_ENTRIES} entries.`);
    }
    yield entry;
  }
}

/** The path as bytes, the size as git says it. */
type Entry = { readonly object: string; readonly size: string; readonly path: string };

function parseEntry(entry: Buffer | undefined): Entry | undefined {
  const match = /^100(?:644|755) blob ([0-9a-f]+) +(\S+)\t(.+)$/s.exec(
    entry?.toString('latin1') ?? '',
  );
  return match ? { object: match[1], size: match[2], path: match[3] } : undefined;
}

const readable = (bytes: string): string => Buffer.from(bytes, 'latin1').toString();

/** Nothing is ever written under a path; but whoever reads a record's source later might. */
function objectionTo({ size, path: bytes }: Entry, path: string): string | undefined {
  if (path.includes('\ufffd') && Buffer.from(path).toString('latin1') !== bytes)
    return 'Its path is not valid UTF-8.';
  if (/[\p{Cc}\\]/u.test(path)) return 'Its path has control characters or backslashes in it.';
  if (path.split('/').some((name) => /^(?:\.{0,2}|\.git)$/i.test(name)))
    return 'Its path leads elsewhere.';
  if (path.length > MOST_PATH_CHARACTERS)
    return `Its path has more than ${MOST_PATH_CHARACTERS} characters.`;
  if (!/^\d+$/.test(size)) return 'It is not here: the repository is a partial clone.';
  if (Number(size) > MAX_FILE_BYTES)
    return `It has ${size} bytes; at most ${MAX_FILE_BYTES} are read.`;
  return undefined;
}

/** What a record's source takes. */
const MOST_PATH_CHARACTERS = 1000;

/** Written by tools or for them: nobody's prose. A .mailmap would give addresses away. */
const isGenerated = (path: string): boolean =>
  /(?:^|\/)(?:\.[^/]+|package-lock\.json|pnpm-lock\.yaml|[^/]+\.(?:lock|lockb|map|svg|snap|min\.js|min\.css))$/.test(
    path,
  );
