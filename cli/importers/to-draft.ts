/** A row of somebody's data as a draft: its text, licence and contributors by name, everything else as metadata. */
import { type ContributorIdentity, Draft, OpenLedgerError, partyKinds } from '@openledger/sdk';
import type { RowOptions } from './problem.ts';

type Row = Readonly<Record<string, unknown>>;
type Given = Pick<Draft, 'source'> &
  Pick<RowOptions, 'licence' | 'textColumn' | 'contributorColumn'>;

/**
 * Reads `{ text, licence | license, contributors | contributor | author, authorship, metadata, ... }`.
 *
 * Contributors are a list of `{ identity | handle, weight }` or of names, or names in one text with semicolons between.
 * A name is an identity where it begins with a kind (`github:ada`), a committer's where it holds an e-mail address, of
 * which the datanet keeps a keyed hash, and a handle otherwise. Names alone weigh the same.
 *
 * @throws invalid_input, a sentence about the row
 */
export function toDraft(row: unknown, given: Given): Draft {
  if (!isRow(row)) throw new OpenLedgerError('invalid_input', 'It is not an object.');
  const { text, licence, contributors } = columnsOf(row, given);
  const metadata = metadataOf(
    row,
    new Set([text, licence, contributors, 'purposes', 'authorship']),
  );
  const parsed = Draft.safeParse({
    text: row[text],
    licence: stated(row[licence]) ?? given.licence,
    purposes: listOf(row.purposes),
    contributors: listOf(row[contributors], toContributor),
    authorship: stated(row.authorship),
    source: given.source,
    metadata: Object.keys(metadata).length > 0 ? metadata : undefined,
  });
  if (parsed.success) return parsed.data;
  const [{ path, message }] = parsed.error.issues;
  throw new OpenLedgerError('invalid_input', `${path.join('.') || 'The line'}: ${message}`);
}

const isRow = (value: unknown): value is Row =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function columnsOf(row: Row, { textColumn = 'text', contributorColumn }: Given) {
  const names = (value: unknown) => Array.isArray(value) || typeof stated(value) === 'string';
  const isAmerican = stated(row.licence) === undefined && typeof row.license === 'string';
  const other = row.contributors === undefined || row.contributors === null;
  const contributors =
    (other && ['contributor', 'author'].find((name) => names(row[name]))) || 'contributors';
  return {
    text: textColumn,
    licence: isAmerican ? 'license' : 'licence',
    contributors: contributorColumn ?? contributors,
  };
}

/** All that is not named; the members of an object called `metadata` as if they stood beside it. */
function metadataOf(row: Row, named: ReadonlySet<string>): Row {
  const rest = Object.entries(row).filter(([name]) => !named.has(name));
  const { metadata, ...others } = Object.fromEntries(rest);
  return isRow(metadata) ? { ...others, ...metadata } : Object.fromEntries(rest);
}

/** An empty cell says nothing. */
const stated = (value: unknown): unknown =>
  value === null || (typeof value === 'string' && value.trim() === '') ? undefined : value;

/** A table's cell holds a list as one text. */
function listOf(value: unknown, read: (item: unknown) => unknown = (item) => item): unknown {
  if (typeof value !== 'string') return Array.isArray(value) ? value.map(read) : stated(value);
  const items = value.split(';').map((item) => item.trim());
  const named = items.filter((item) => item !== '');
  return named.length > 0 ? named.map(read) : undefined;
}

function toContributor(value: unknown): unknown {
  if (typeof value === 'string') return { identity: toIdentity(value), weight: 1 };
  if (!isRow(value) || !('handle' in value)) return value;
  const { handle, ...rest } = value;
  return { identity: `handle:${String(handle)}`, ...rest };
}

function toIdentity(name: string): ContributorIdentity {
  const kind = name.slice(0, Math.max(name.indexOf(':'), 0));
  if (partyKinds.some((known) => known === kind)) return name;
  const email = /[^\s<>()@]{1,200}@[^\s<>()@]{1,119}/.exec(name)?.[0];
  return email === undefined ? `handle:${name}` : { kind: 'git', email };
}
