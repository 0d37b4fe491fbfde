/** Who is credited for each commit: its author, and the co-authors that its message names. */
import type { CleanRoom } from './git-clean-room.ts';

export type Credits = {
  /** E-mail addresses, lower case and distinct, the author's first. */
  writersOf(commit: string): readonly string[];
  /** A name that goes with the address. */
  nameOf(email: string): string;
};

const FIELD = '\x1f';

/** Reads the history of a commit once. Names and addresses are those of the committed .mailmap, co-authors' too. */
export async function readCredits(room: CleanRoom, commit: string): Promise<Credits> {
  const mailmap = ['-c', `mailmap.blob=${commit}:.mailmap`];
  const trailers = `%(trailers:key=Co-authored-by,valueonly=true,unfold=true,separator=%x1f)`;
  const format = `--format=%H${FIELD}%aN <%aE>${FIELD}${trailers}`;
  const log = await room.git([
    ...mailmap,
    'log',
    '-z',
    '--no-show-signature',
    '--encoding=UTF-8',
    format,
    commit,
    '--',
  ]);
  const commits = log
    .toString()
    .split('\0')
    .filter((entry) => entry !== '')
    .map((entry) => {
      const [id, author, ...coAuthors] = entry.split(FIELD).map((field) => field.trim());
      return { id, author, coAuthors: coAuthors.filter((person) => parsePerson(person)) };
    });
  const mapped = await mapPeople(
    room,
    mailmap,
    new Set(commits.flatMap(({ coAuthors }) => coAuthors)),
  );
  const writers = new Map<string, readonly string[]>();
  const names = new Map<string, string>();
  for (const { id, author, coAuthors } of commits) {
    const people = [author, ...coAuthors.map((person) => mapped.get(person) ?? person)]
      .map(parsePerson)
      .filter((person) => person !== undefined);
    for (const { email, name } of people) if (!names.has(email)) names.set(email, name);
    writers.set(id, [...new Set(people.map(({ email }) => email))]);
  }
  return {
    writersOf: (id) => writers.get(id) ?? [],
    nameOf: (email) => names.get(email) ?? '',
  };
}

/** `Name <address>` */
function parsePerson(text: string): { readonly name: string; readonly email: string } | undefined {
  const match = /^([^<>\0\n]{0,300})<([^<>\s]{1,320})>$/.exec(text);
  return match ? { name: match[1].trim(), email: match[2].toLowerCase() } : undefined;
}

async function mapPeople(
  room: CleanRoom,
  mailmap: readonly string[],
  people: ReadonlySet<string>,
): Promise<ReadonlyMap<string, string>> {
  if (people.size === 0) return new Map();
  const list = [...people];
  const answer = await room.git(
    [...mailmap, 'check-mailmap', '--stdin'],
    list.map((person) => `${person}\n`).join(''),
  );
  const answers = answer.toString().split('\n');
  return new Map(list.map((person, i) => [person, answers[i]]));
}
