/** `import git|npm|jsonl|directory PATH --datanet NAME`: reads a source here, and contributes what it holds. */
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { type Client, type Draft, type Id, OpenLedgerError } from '@openledger/sdk';
import { type Arguments, flagOf, hasFlag, parseArguments } from '../arguments.ts';
import { croissantDrafts } from '../importers/croissant.ts';
import { directoryDrafts } from '../importers/directory.ts';
import { gitDrafts } from '../importers/git.ts';
import { jsonlDrafts } from '../importers/jsonl.ts';
import { npmTreeDrafts } from '../importers/npm-tree.ts';
import type { ImporterOptions, Problem } from '../importers/problem.ts';
import { type UploadReport, uploadImport } from '../importers/upload.ts';
import { openSession } from '../session.ts';

type Importer = (
  path: string,
  options: ImporterOptions & { readonly revision?: string },
) => AsyncIterable<Draft>;

const importers: Readonly<Record<string, Importer>> = {
  git: gitDrafts,
  npm: npmDrafts,
  jsonl: jsonlDrafts,
  directory: directoryDrafts,
  croissant: croissantDrafts,
};

/** How many objections are printed; `--json` has more. */
const SHOWN = 20;

export async function importSource(argv: readonly string[]): Promise<number> {
  const args = parseArguments(argv);
  const [kind, path] = args.words;
  const name = flagOf(args, 'datanet');
  if (!Object.hasOwn(importers, kind ?? '') || args.words.length !== 2 || !name) {
    throw new OpenLedgerError('invalid_input', USAGE);
  }
  const source = resolve(path);
  if (!(await exists(source))) throw new OpenLedgerError('not_found', `There is no ${path}.`);

  const { client } = await openSession(args);
  const datanetId = await openDatanet(client, name);
  const problems: Problem[] = [];
  const report = await uploadImport(client, {
    datanetId,
    name: importNameOf(kind, source),
    drafts: () => {
      problems.length = 0; // the source is read again from its beginning
      return importers[kind](
        source,
        readingOf(args, (problem) => problems.push(problem)),
      );
    },
    onProgress: ({ taken, accepted }) => showProgress(`${taken} texts sent, ${accepted} accepted`),
  });
  showProgress('');
  console.log(
    hasFlag(args, 'json')
      ? JSON.stringify({ datanetId, ...report, unreadable: problems }, null, 2)
      : reportText({ name, datanetId, report, problems }),
  );
  return 0;
}

const USAGE =
  'Say what and where to: openledger import git|npm|jsonl|directory|croissant PATH --datanet NAME [--licence SPDX] [--revision COMMIT] [--json]';

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

/** A project's folder stands for the `node_modules` in it. */
async function* npmDrafts(path: string, options: ImporterOptions): AsyncGenerator<Draft> {
  const inside = join(path, 'node_modules');
  yield* npmTreeDrafts((await exists(inside)) ? inside : path, options);
}

/** @throws forbidden when the key may not make one */
async function openDatanet(client: Client, name: string): Promise<Id<'datanet'>> {
  const { items } = await client.datanets.list({ name, limit: 1 });
  return items.length > 0 ? items[0].id : (await client.datanets.create({ name })).id;
}

/** The same source goes on with the same import. Its path stays here: two folders of one name differ by a digest. */
function importNameOf(kind: string, source: string): string {
  const digest = createHash('sha256').update(source).digest('hex').slice(0, 8);
  return `${kind}:${basename(source).slice(0, 200)}:${digest}`;
}

const readingOf = (args: Arguments, onProblem: (problem: Problem) => void) => ({
  licence: flagOf(args, 'licence'),
  revision: flagOf(args, 'revision'),
  onProblem,
});

/** In place, on a screen only: a report that is piped holds no progress. */
function showProgress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[2K${text}`);
}

function reportText({
  name,
  datanetId,
  report: { taken, accepted, rejected, rejections },
  problems,
}: {
  readonly name: string;
  readonly datanetId: string;
  readonly report: UploadReport;
  readonly problems: readonly Problem[];
}): string {
  const reasons = Object.entries(rejected).flatMap(([reason, count]) =>
    count ? [`${count} for ${reason}`] : [],
  );
  const objections = [
    ...problems.map((problem) => ({ ...problem, reason: 'unreadable' })),
    ...rejections,
  ].sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
  const lines = [
    `datanet   ${name} (${datanetId})`,
    `offered   ${taken + problems.length}`,
    `accepted  ${accepted}`,
    `rejected  ${taken - accepted}${reasons.length > 0 ? `: ${reasons.join(', ')}` : ''}`,
    `unreadable ${problems.length}`,
    ...objections.slice(0, SHOWN).map(objectionText),
  ];
  if (objections.length > SHOWN) lines.push(`  and ${objections.length - SHOWN} more (--json)`);
  return lines.join('\n');
}

const objectionText = (objection: Problem & { readonly reason: string }): string => {
  const { path, line, reason, message } = objection;
  const place = line === undefined ? path : `${path}:${line}`;
  return `  ${place}  ${reason}  ${message}`.replace(/\p{Cc}+/gu, ' ');
};
