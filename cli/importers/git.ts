/** A git repository: one record a file, owned by those who wrote its lines. */
import { availableParallelism } from 'node:os';
import type { Draft } from '@openledger/sdk';
import { detectLicence, LICENCE_FILE } from './detect-licence.ts';
import { type BlamedLine, blame } from './git-blame.ts';
import { type CleanRoom, openCleanRoom } from './git-clean-room.ts';
import { type Credits, readCredits } from './git-credits.ts';
import { lineAuthorship, lineWeights } from './line-weights.ts';
import type { ImporterOptions } from './problem.ts';
import { decodeText, MAX_FILE_BYTES } from './read-text.ts';

export type GitOptions = ImporterOptions & {
  /** What to read: a branch, a tag or a commit. Default: HEAD. */
  readonly revision?: string;
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
  { licence, revision = 'HEAD', onProblem }: GitOptions = {},
): AsyncGenerator<Draft> {
  const room = await openCleanRoom(folder);
  try {
    const commit = await room.resolve(revision);
    const files = await listFiles(room, commit);
    const given = licence ?? (await licenceOf(room, files));
    const credits = await readCredits(room, commit);
    const readOne = async ({ path, sizeBytes }: TreeFile): Promise<Draft | undefined> => {
      if (sizeBytes > MAX_FILE_BYTES) {
        onProblem?.({
          path,
          message: `It has ${sizeBytes} bytes; at most ${MAX_FILE_BYTES} are read.`,
        });
        return undefined;
      }
      const lines = await blame(room, { commit, path });
      const read = decodeText(Buffer.concat(lines.flatMap(({ content }) => [content, NEWLINE])));
      if ('refusal' in read) {
        onProblem?.({ path, message: read.refusal });
        return undefined;
      }
      const writers = writersOf(lines, credits);
      if (writers.contributors.length === 0) {
        onProblem?.({ path, message: 'Nobody known has written a visible character of it.' });
        return undefined;
      }
      const source = { kind: 'git' as const, path, commit };
      return { text: read.text, licence: given, ...writers, source };
    };
    for await (const draft of inOrder(
      files.filter(({ path }) => !isGenerated(path)),
      readOne,
    )) {
      if (draft) yield draft;
    }
  } finally {
    await room.close();
  }
}

const NEWLINE = Buffer.from('\n');

type TreeFile = { readonly path: string; readonly object: string; readonly sizeBytes: number };

/** Ordinary files of the commit in the order of their paths: no links, no submodules. */
async function listFiles(room: CleanRoom, commit: string): Promise<readonly TreeFile[]> {
  const listed = (await room.git(['ls-tree', '-r', '-z', '-l', '--full-tree', commit])).toString();
  return listed
    .split('\0')
    .map((entry) => /^100(?:644|755) blob ([0-9a-f]+) +(\d+)\t(.+)$/s.exec(entry))
    .filter((match) => match !== null)
    .map(([, object, size, path]) => ({ object, sizeBytes: Number(size), path }));
}

/** Written by tools or for them: nobody's prose. A .mailmap would give addresses away. */
const isGenerated = (path: string): boolean =>
  /(?:^|\/)(?:\.[^/]+|package-lock\.json|pnpm-lock\.yaml|[^/]+\.(?:lock|lockb|map|svg|snap|min\.js|min\.css))$/.test(
    path,
  );

async function licenceOf(room: CleanRoom, files: readonly TreeFile[]): Promise<string | undefined> {
  for (const { path, object, sizeBytes } of files) {
    if (!LICENCE_FILE.test(path) || sizeBytes > MAX_FILE_BYTES) continue;
    const licence = detectLicence((await room.git(['cat-file', 'blob', object])).toString());
    if (licence !== undefined) return licence;
  }
  return undefined;
}

function writersOf(
  lines: readonly BlamedLine[],
  credits: Credits,
): Required<Pick<Draft, 'contributors' | 'authorship'>> {
  const written = lines.map(({ commit, content }) => ({
    text: content.toString(),
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
