/** Who is credited for each commit: its author, and the co-authors that its message names. */
import { OpenLedgerError } from '@openledger/sdk';
import { cutBytes } from './cut-bytes.ts';
import type { CleanRoom } from './git-clean-room.ts';

export type Credits = {
  /** Whether the commit is in the history that was read. */
  knows(commit: string): boolean;
  /** E-mail addresses, lower case and distinct, the author's first. */
  writersOf(commit: string): readonly string[];
  /** A name that goes with the address. */
  nameOf(email: string): string;
};

const MOST_COMMITS = 5_000_000;
const MOST_PEOPLE = 1_000_000;

/**
 * Reads the history of a commit once. Names and addresses are those of the committed .mailmap, co-authors' too.
 *
 * A message whose co-authors take more than MOST_FIELD_BYTES credits its author alone.
 *
 * @param mailmap the object that holds it
 * @throws too_large when the history is longer, or names more people, than is kept in memory
 */
export async function readCredits(
  room: CleanRoom,
  { commit, mailmap }: { readonly commit: string; readonly mailmap: string | undefined },
): Promise<Credits> {
  const settings = ['-c', `mailmap.blob=${mailmap ?? ''}`]; // left out, git would take the one at HEAD
  const groups = new Map<string, Group>();
  const groupOf = new Map<string, Group>();
  const coAuthors = new Set<string>();
  for await (const { id, author, named } of readHistory(room, [
    ...settings,
    ...LOG,
    commit,
    '--',
  ])) {
    const key = [author, ...named].join(SEPARATOR);
    const group = groups.get(key) ?? { author, named };
    groups.set(key, group);
    groupOf.set(id, group);
    for (const person of named) coAuthors.add(person);
    if (groupOf.size > MOST_COMMITS) throw tooLarge(`${MOST_COMMITS} commits`);
    if (groups.size + coAuthors.size > MOST_PEOPLE) throw tooLarge(`${MOST_PEOPLE} people`);
  }
  const mapped = await mapPeople(room, settings, coAuthors);
  const names = new Map<string, string>();
  const writers = new Map<Group, readonly string[]>();
  for (const group of groups.values()) {
    const people = [group.author, ...group.named.map((person) => mapped.get(person) ?? person)]
      .map(parsePerson)
      .filter((person) => person !== undefined);
    for (const { email, name } of people) if (!names.has(email)) names.set(email, name);
    writers.set(group, [...new Set(people.map(({ email }) => email))]);
  }
  return {
    knows: (id) => groupOf.has(id),
    writersOf: (id) => writers.get(groupOf.get(id) as Group) ?? [],
    nameOf: (email) => names.get(email) ?? '',
  };
}

/** Those who wrote a commit together, as `Name <address>`: the same few in most commits of a history. */
type Group = { readonly author: string; readonly named: readonly string[] };

/** Stands in no person's name: what comes between two is one of its own. */
const SEPARATOR = '\x1f';
const NUL = 0;
const MOST_FIELD_BYTES = 65_536;

/** Three fields a commit, each ended by NUL, which no commit's fields hold. */
const LOG = [
  ...['log', '-z', '--no-show-signature', '--encoding=UTF-8'],
  `--format=%H%x00%aN <%aE>%x00%(trailers:key=Co-authored-by,valueonly=true,unfold=true,separator=%x1f)`,
];

async function* readHistory(
  room: CleanRoom,
  args: readonly string[],
): AsyncGenerator<Group & { readonly id: string }> {
  let fields: string[] = [];
  const output = room.stream(args);
  for await (const field of cutBytes(output, { separator: NUL, maxBytes: MOST_FIELD_BYTES })) {
    fields.push(field?.toString().trim() ?? '');
    if (fields.length < 3) continue;
    const [id, author, trailers] = fields;
    yield {
      id,
      author,
      named: trailers
        .split(SEPARATOR)
        .map((one) => one.trim())
        .filter(parsePerson),
    };
    fields = [];
  }
}

/** `Name <address>` */
function parsePerson(text: string): { readonly name: string; readonly email: string } | undefined {
  const match = /^([^<>\0\n]{0,300})<([^<>\s]{1,320})>$/.exec(text);
  return match ? { name: match[1].trim(), email: match[2].toLowerCase() } : undefined;
}

async function mapPeople(
  room: CleanRoom,
  settings: readonly string[],
  people: ReadonlySet<string>,
): Promise<ReadonlyMap<string, string>> {
  const mapped = new Map<string, string>();
  if (people.size === 0) return mapped;
  const asked = people.values();
  const list = [...people].map((person) => `${person}\n`).join('');
  const output = room.stream([...settings, 'check-mailmap', '--stdin'], list);
  for await (const answer of cutBytes(output, { separator: NEWLINE, maxBytes: MOST_FIELD_BYTES })) {
    const person = asked.next().value;
    if (person !== undefined && answer !== undefined) mapped.set(person, answer.toString());
  }
  return mapped;
}

const NEWLINE = 0x0a;

const tooLarge = (what: string) =>
  new OpenLedgerError('too_large', `The history has more than ${what}.`);
