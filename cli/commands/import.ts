/** `import KIND PATH --datanet NAME`: reads a source here, and contributes what it holds. */
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { type Client, type Draft, OpenLedgerError } from '@openledger/sdk';
import { flagOf, hasFlag, parseArguments } from '../arguments.ts';
import { type Datanet, findDatanet } from '../find-datanet.ts';
import { chatDrafts } from '../importers/chat.ts';
import { croissantDrafts } from '../importers/croissant.ts';
import { csvDrafts } from '../importers/csv.ts';
import { directoryDrafts } from '../importers/directory.ts';
import { type GitReading, gitCommit, gitDrafts } from '../importers/git.ts';
import { htmlDrafts } from '../importers/html.ts';
import { huggingFaceDrafts } from '../importers/huggingface.ts';
import { jsonlDrafts } from '../importers/jsonl.ts';
import { npmTreeDrafts } from '../importers/npm-tree.ts';
import { parquetDrafts } from '../importers/parquet.ts';
import { pdfDrafts } from '../importers/pdf.ts';
import type { ImporterOptions, Problem, RowOptions } from '../importers/problem.ts';
import { quoteImport, quoteText } from '../importers/quote.ts';
import { type UploadReport, uploadImport } from '../importers/upload.ts';
import { openSession } from '../session.ts';

type Importer = (
  path: string,
  options: RowOptions & Growing & { readonly onReading?: (reading: GitReading) => void },
) => AsyncIterable<Draft>;

/** Of a source that grows: up to where it is read, and from where. */
type Growing = { readonly revision?: string; readonly since?: string };

const importers: Readonly<Record<string, Importer>> = {
  git: gitDrafts,
  npm: npmDrafts,
  directory: directoryDrafts,
  jsonl: jsonlDrafts,
  csv: csvDrafts,
  parquet: parquetDrafts,
  chat: chatDrafts,
  html: htmlDrafts,
  pdf: pdfDrafts,
  huggingface: huggingFaceDrafts,
  croissant: croissantDrafts,
};

const KINDS = Object.keys(importers).join('|');

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

  const licence = flagOf(args, 'licence');
  const revision = kind === 'git' ? await gitCommit(source, flagOf(args, 'revision')) : undefined;
  const { client } = await openSession(args);
  const problems: Problem[] = [];
  let reading: GitReading | undefined;
  const read = (since: string | undefined) => {
    problems.length = 0; // the source is read again from its beginning
    return importers[kind](source, {
      ...{ licence, revision, since },
      textColumn: flagOf(args, 'text-column'),
      contributorColumn: flagOf(args, 'contributor-column'),
      onProblem: (problem) => problems.push(problem),
      onReading: (begun) => {
        reading = begun;
      },
    });
  };
  if (hasFlag(args, 'quote')) {
    const { datanetId, report } = await quoteSource(client, name, read(undefined));
    showProgress('');
    console.log(
      hasFlag(args, 'json')
        ? JSON.stringify({ datanetId, ...report, unreadable: problems }, null, 2)
        : [
            `datanet    ${name} (${datanetId})`,
            quoteText(report),
            ...unreadableLines(problems),
          ].join('\n'),
    );
    return 0;
  }
  const datanet = await openDatanet(client, name);
  const { id: datanetId } = datanet;
  const report = await uploadImport(client, {
    ...{ datanetId, name: importNameOf(kind, source, licence), reached: revision },
    drafts: (reached) => read(hasFlag(args, 'whole') ? undefined : reached),
    onProgress: ({ taken, accepted }) => showProgress(`${taken} texts sent, ${accepted} accepted`),
  });
  showProgress('');
  console.log(
    hasFlag(args, 'json')
      ? JSON.stringify({ datanetId, ...report, reading, unreadable: problems }, null, 2)
      : reportText({ datanet, report, reading, problems }),
  );
  return 0;
}

const USAGE = `Say what and where to: openledger import ${KINDS} PATH --datanet NAME [--licence SPDX] [--text-column NAME] [--contributor-column NAME] [--revision COMMIT] [--whole] [--quote] [--json]`;

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

/** Of the whole source, whatever of it was imported before. @throws not_found: a quote makes no datanet */
async function quoteSource(client: Client, name: string, drafts: AsyncIterable<Draft>) {
  const datanet = await findDatanet(client, name);
  if (!datanet) {
    throw new OpenLedgerError('not_found', `There is no datanet ${name} to quote for.`, { name });
  }
  const datanetId = datanet.id;
  const report = await quoteImport(client, {
    ...{ datanetId, drafts },
    onProgress: (quoted) => showProgress(`${quoted} texts quoted`),
  });
  return { datanetId, report };
}

/** @throws forbidden when the key may not make one */
const openDatanet = async (client: Client, name: string): Promise<Datanet> =>
  (await findDatanet(client, name)) ?? client.datanets.create({ name });

/**
 * The same source goes on with the same import; under another licence it is another, so that what was refused is offered again.
 * Its path stays here: two folders of one name differ by a digest.
 */
function importNameOf(kind: string, source: string, licence = ''): string {
  const digest = createHash('sha256').update(`${source}\0${licence}`).digest('hex').slice(0, 8);
  return `${kind}:${basename(source).slice(0, 200)}:${digest}`;
}

/** In place, on a screen only: a report that is piped holds no progress. */
function showProgress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[2K${text}`);
}

function reportText({
  datanet,
  report: { taken, accepted, rejected, personalDataFound, rejections },
  reading,
  problems,
}: {
  readonly datanet: Datanet;
  readonly report: UploadReport;
  readonly reading: GitReading | undefined;
  readonly problems: readonly Problem[];
}): string {
  const { duplicate: duplicates = 0, ...otherwise } = rejected;
  const reasons = Object.entries(otherwise).flatMap(([reason, count]) =>
    count ? [`${count} for ${reason}`] : [],
  );
  const found = Object.entries(personalDataFound).map(([kind, count]) => `${count} ${kind}`);
  const became = datanet.personalData === 'redact' ? 'redacted' : 'kept';
  const objections = [
    ...problems.map((problem) => ({ ...problem, reason: 'unreadable' })),
    ...rejections,
  ].sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
  const lines = [
    `datanet    ${datanet.name} (${datanet.id})`,
    ...(reading ? [`commit     ${reading.commit}`] : []),
    ...(reading?.since
      ? [`since      ${reading.since}: ${reading.changed} changed, ${reading.gone} gone`]
      : []),
    `offered    ${taken + problems.length}`,
    `accepted   ${accepted}`,
    `duplicates ${duplicates}`,
    `rejected   ${taken - accepted - duplicates}${reasons.length > 0 ? `: ${reasons.join(', ')}` : ''}`,
    `unreadable ${problems.length}`,
    ...(found.length > 0 ? [`personal   ${found.join(', ')}, ${became}`] : []),
    ...objections.slice(0, SHOWN).map(objectionText),
  ];
  if (objections.length > SHOWN) lines.push(`  and ${objections.length - SHOWN} more (--json)`);
  return lines.join('\n');
}

const unreadableLines = (problems: readonly Problem[]): readonly string[] => [
  `unreadable ${problems.length}`,
  ...problems.slice(0, SHOWN).map((one) => objectionText({ ...one, reason: 'unreadable' })),
];

const objectionText = (objection: Problem & { readonly reason: string }): string => {
  const { path, line, reason, message } = objection;
  const place = line === undefined ? path : `${path}:${line}`;
  return `  ${place}  ${reason}  ${message}`.replace(/\p{Cc}+/gu, ' ');
};
