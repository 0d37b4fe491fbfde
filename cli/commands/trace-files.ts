/** `trace FILE... --snapshot snp_... --datanet NAME`: whose words stand in texts of one's own, coloured by owner. Nothing is stored or paid. */
import { readFile } from 'node:fs/promises';
import {
  type api,
  type Client,
  type Id,
  isId,
  OpenLedgerError,
  type OutputOf,
} from '@openledger/sdk';
import { type Arguments, hasFlag } from '../arguments.ts';
import { type Datanet, findDatanet } from '../find-datanet.ts';
import { table } from '../print.ts';
import { openSession } from '../session.ts';

type Traced = OutputOf<typeof api.attribution.trace>;
type Item = Traced['items'][number];

/** Texts are sent one by one, so that there is progress to tell. */
export async function traceFiles(args: Arguments): Promise<number> {
  const { client } = await openSession(args);
  const snapshotIds = await snapshotsNamed(client, args);
  const delimiters = hasFlag(args, 'sentences') ? '.\n' : undefined;
  const isColoured = process.stdout.isTTY === true && !process.env.NO_COLOR;
  for (const [i, path] of args.words.entries()) {
    if (args.words.length > 1) console.error(`${i + 1} of ${args.words.length}: ${path}`);
    const { text, traced } = await traceFile(client, path, { snapshotIds, delimiters });
    if (hasFlag(args, 'json')) console.log(JSON.stringify({ path, ...traced }));
    else console.log(`${showTraced(text, traced, paintIn(isColoured))}\n`);
  }
  return 0;
}

/** Those named, and the newest of each datanet named. */
async function snapshotsNamed(client: Client, args: Arguments): Promise<Id<'snapshot'>[]> {
  const ids = (args.flags.get('snapshot') ?? []).filter((id) => isId('snapshot', id));
  for (const name of args.flags.get('datanet') ?? []) {
    const datanet = await findDatanet(client, name);
    if (!datanet) throw new OpenLedgerError('not_found', `There is no datanet ${name}.`);
    ids.push(await newestOf(client, datanet));
  }
  if (ids.length > 0) return ids;
  throw new OpenLedgerError(
    'invalid_input',
    'Say against what: --snapshot snp_... or --datanet NAME, once or more.',
  );
}

async function newestOf(client: Client, { id, name }: Datanet): Promise<Id<'snapshot'>> {
  let newest: Id<'snapshot'> | undefined;
  for (let after: string | undefined; ; ) {
    const { items, next } = await client.datanets.listSnapshots({
      datanetId: id,
      limit: 100,
      after,
    });
    newest = items.at(-1)?.id ?? newest;
    if (!next) break;
    after = next;
  }
  if (!newest) throw new OpenLedgerError('not_found', `Nothing of ${name} has been sealed.`);
  return newest;
}

async function traceFile(
  client: Client,
  path: string,
  order: { readonly snapshotIds: Id<'snapshot'>[]; readonly delimiters: string | undefined },
) {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new OpenLedgerError('not_found', `${path} cannot be read.`, {}, { cause });
  });
  const traced = await client.attribution.trace({ ...order, texts: [text] });
  return { text, traced };
}

/** A text in the colour of the owner with this number; without colours it is marked by the number. */
export type Paint = (text: string, owner: number) => string;

const COLOURS = [32, 33, 34, 35, 36, 31];

export const paintIn = (isColoured: boolean): Paint =>
  isColoured
    ? (text, owner) => `\u001b[${COLOURS[owner % COLOURS.length]}m${text}\u001b[0m`
    : (text, owner) => `[${owner + 1}: ${text}]`;

/** The text with its passages marked, and below it who, where and how much. */
export function showTraced(text: string, { items: [item], parties }: Traced, paint: Paint): string {
  const names = new Map<string, string>(parties.map(({ id, identity }) => [id, identity]));
  const owners = item.owners.map(({ owner }) => owner);
  const percent = (part: number) =>
    `${((100 * part) / Math.max(1, item.information.total)).toFixed(2)} %`;
  const legend = item.owners.map(({ owner, information }, i) => ({
    '': paint(`${i + 1}`, i),
    who: names.get(owner) ?? owner,
    'of the text': percent(information),
  }));
  const places = item.spans.map((span) => ({
    words: span.words,
    who: span.commons ? 'commons' : (names.get(span.owners[0]?.owner ?? '') ?? ''),
    where: span.records.map(placeOf).at(0) ?? '',
    records: span.recordCount,
  }));
  const grounded = `${(item.groundedPpm / 1e4).toFixed(2)} % of it stands in records.`;
  return [
    marked(text, item, (passage, owner) => paint(passage, owners.indexOf(owner))),
    grounded,
    ...(legend.length > 0 ? [table(legend), table(places)] : []),
  ].join('\n\n');
}

/** Where passages overlap, the earlier one is marked to its end. */
function marked(text: string, { spans }: Item, mark: (passage: string, owner: string) => string) {
  const parts: string[] = [];
  let at = 0;
  for (const { start, end, owners } of spans) {
    const [largest] = owners;
    if (!largest || end <= at) continue;
    const from = Math.max(start, at);
    parts.push(printable(text.slice(at, from)));
    parts.push(mark(printable(text.slice(from, end)), largest.owner));
    at = end;
  }
  return [...parts, printable(text.slice(at))].join('');
}

/** What a file says does not move the cursor. */
const printable = (text: string): string =>
  text.replace(/\p{Cc}/gu, (c) => (c === '\n' || c === '\t' ? c : '?'));

const placeOf = ({ source, record }: Item['spans'][number]['records'][number]): string =>
  source.path === undefined
    ? record.slice(0, 12)
    : `${source.path}${source.line === undefined ? '' : `:${source.line}`}`;
