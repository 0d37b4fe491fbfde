/** A git repository: one record a file, owned by those who wrote its lines. */
import { availableParallelism } from 'node:os';
import { type Draft, OpenLedgerError } from '@openledger/sdk';
import { detectLicence } from './detect-licence.ts';
import { blame } from './git-blame.ts';
import { type CleanRoom, openCleanRoom } from './git-clean-room.ts';
import { type Credits, readCredits } from './git-credits.ts';
import { findMailmap, readChanges, readTree, type TreeFile } from './git-tree.ts';
import { lineAuthorship, lineWeights, visibleCharacters } from './line-weights.ts';
import type { ImporterOptions } from './problem.ts';
import { decodeText } from './read-text.ts';

export type GitOptions = ImporterOptions & {
  /** What to read: a branch, a tag or a commit. Default: HEAD. */
  readonly revision?: string;
  /** A commit that was read before. Only what has changed since is read, where it is an ancestor of the revision. */
  readonly since?: string;
  readonly onReading?: (reading: GitReading) => void;
};

/** What is going to be read. */
export type GitReading = {
  readonly commit: string;
  /** Absent: everything is read. */
  readonly since?: string;
  readonly files: number;
  /** Files of the earlier commit that read otherwise now, and that are gone. Nothing is withdrawn for it. */
  readonly changed: number;
  readonly gone: number;
};

/**
 * Reads the text files of a commit. A file's contributors are the authors and co-authors of its lines by blame, under
 * the names of the committed .mailmap, weighing the characters they wrote (see line-weights.ts).
 *
 * Git never sees the repository's own configuration, hooks or attributes, only its objects (see git-clean-room.ts).
 * The licence is that of the file at the top of the tree, unless one is given.
 *
 * @throws invalid_input when the folder is not a repository that can be read safely
 */
export async function* gitDrafts(
  folder: string,
  { licence, revision = 'HEAD', since, onProblem, onReading }: GitOptions = {},
): AsyncGenerator<Draft> {
  const room = await openCleanRoom(folder);
  try {
    const commit = await room.resolve(revision);
    const mailmap = await findMailmap(room, { commit, onProblem });
    const credits = await readCredits(room, { commit, mailmap });
    const before = since !== undefined && credits.knows(since) ? since : undefined;
    const changes =
      before === undefined ? undefined : await readChanges(room, { since: before, commit });
    const { files, licences } = await readTree(room, { commit, changes, onProblem });
    const { changed, gone } = changes ?? { changed: 0, gone: 0 };
    onReading?.({ commit, since: before, files: files.length, changed, gone });
    const given = licence ?? (await licenceOf(room, licences));
    const readOne = async (file: TreeFile): Promise<Draft | undefined> => {
      const read = await readFile(room, { commit, file, credits });
      if ('refusal' in read) {
        onProblem?.({ path: file.path, message: read.refusal });
        return undefined;
      }
      const source = { kind: 'git' as const, path: file.path, commit };
      return { ...read, licence: given, source };
    };
    for await (const draft of inOrder(files, readOne)) if (draft) yield draft;
  } finally {
    await room.close();
  }
}

/** The full id of a commit, for reading it later wherever the branch has gone by then. @throws as `gitDrafts` */
export async function gitCommit(folder: string, revision = 'HEAD'): Promise<string> {
  const room = await openCleanRoom(folder);
  try {
    return await room.resolve(revision);
  } finally {
    await room.close();
  }
}

async function licenceOf(room: CleanRoom, files: readonly TreeFile[]): Promise<string | undefined> {
  for (const { object } of files) {
    const licence = detectLicence((await room.ask(['cat-file', 'blob', object])).toString());
    if (licence !== undefined) return licence;
  }
  return undefined;
}

type Writers = Required<Pick<Draft, 'contributors' | 'authorship'>>;

type ReadFile = ({ readonly text: string } & Writers) | { readonly refusal: string };

/** A file whose history git cannot read is one file less. @throws unavailable when git was ended from outside */
async function readFile(
  room: CleanRoom,
  {
    commit,
    file: { path, sizeBytes },
    credits,
  }: { readonly commit: string; readonly file: TreeFile; readonly credits: Credits },
): Promise<ReadFile> {
  const content = Buffer.alloc(sizeBytes + 1); // the last line may lack its line feed
  const written: { readonly characters: number; readonly commit: string }[] = [];
  let filled = 0;
  try {
    for await (const line of blame(room, { commit, path })) {
      filled += line.content.copy(content, filled);
      filled = content.writeUInt8(NEWLINE, filled);
      const characters = visibleCharacters(line.content.toString());
      written.push({ characters, commit: line.commit });
    }
  } catch (error) {
    const isRefused = error instanceof OpenLedgerError && error.code === 'invalid_input';
    if (!isRefused) throw error;
    return { refusal: `Its history cannot be read: ${error.message}` };
  }
  const read = decodeText(content.subarray(0, filled));
  if ('refusal' in read) return read;
  const writers = writersOf(written, credits);
  if (writers.contributors.length === 0) {
    return { refusal: 'Nobody known has written a visible character of it.' };
  }
  return { text: read.text, ...writers };
}

const NEWLINE = 0x0a;

function writersOf(
  lines: readonly { readonly characters: number; readonly commit: string }[],
  credits: Credits,
): Writers {
  const written = lines.map(({ characters, commit }) => ({
    characters,
    writers: credits.writersOf(commit),
  }));
  const weights = lineWeights(written);
  return {
    contributors: weights.map(({ writer, weight }) => ({
      identity: { kind: 'git', email: writer },
      weight,
      hint: { name: credits.nameOf(writer) },
    })),
    authorship: lineAuthorship(
      written,
      weights.map(({ writer }) => writer),
    ),
  };
}

/** Works on a few items at once and hands their outcomes out in the items' order. */
async function* inOrder<Item, Outcome>(
  items: readonly Item[],
  work: (item: Item) => Promise<Outcome>,
): AsyncGenerator<Outcome> {
  const atOnce = Math.min(8, availableParallelism() + 1);
  const begun: Promise<Outcome>[] = [];
  for (let next = 0; next < items.length || begun.length > 0; ) {
    while (begun.length < atOnce && next < items.length) {
      const promise = work(items[next++]);
      promise.catch(() => {}); // reported when its turn comes
      begun.push(promise);
    }
    yield await (begun.shift() as Promise<Outcome>);
  }
}
