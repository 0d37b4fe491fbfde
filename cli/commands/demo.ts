/** `demo --repo DIR`: turns the loop once on a git repository, in a data folder of its own. */
import { createHash } from 'node:crypto';
import { basename, join, resolve } from 'node:path';
import { OpenLedgerError } from '@openledger/sdk';
import { flagOf, parseArguments } from '../arguments.ts';
import { findOperator } from '../first-loop/find-operator.ts';
import { firstLoop } from '../first-loop/first-loop.ts';
import type { Source } from '../first-loop/gather.ts';
import { BANNER } from '../first-loop/report.ts';
import { gitDrafts } from '../importers/git.ts';
import { startServer } from '../server-process.ts';
import { STEPS } from './up.ts';

export async function demo(argv: readonly string[]): Promise<number> {
  const args = parseArguments(argv);
  const repository = flagOf(args, 'repo');
  if (!repository)
    throw new OpenLedgerError('invalid_input', 'Say which repository: openledger demo --repo DIR.');
  const folder = resolve(repository);
  const data = resolve(
    flagOf(args, 'data') ??
      join('.openledger', `demo-${nameOf(folder)}-${Date.now().toString(36)}`),
  );
  const operator = await findOperator(flagOf(args, 'upstream'));
  const server = await startServer({
    ...{ OPENLEDGER_DATA: data, OPENLEDGER_PORT: '0', OPENLEDGER_UPSTREAM_URL: operator },
  });
  try {
    const { url, adminKey } = server.ready;
    if (!adminKey)
      throw new OpenLedgerError('conflict', `${data} is not empty: name another with --data.`);
    process.stdout.write(`${folder}\n${BANNER}\n\n`);
    const { checks } = await firstLoop({
      ...{ baseUrl: url, adminKey, output: process.stdout, folder: data },
      source: sourceOf(folder, flagOf(args, 'licence')),
      callCount: Number(flagOf(args, 'calls') ?? 60),
      steps: { base: Number(flagOf(args, 'steps') ?? STEPS.base), adapter: STEPS.adapter },
    });
    const failed = checks.filter(({ ok }) => !ok);
    process.stdout.write(
      failed.length === 0
        ? '\nevery check of the loop held\n'
        : `\n${failed.length} checks failed\n`,
    );
    return failed.length === 0 ? 0 : 1;
  } finally {
    await server.stop();
  }
}

/** The adapter learns the repository's prose; where it has none, every text. */
const sourceOf = (folder: string, licence: string | undefined): Source => ({
  name: nameOf(folder),
  title: basename(folder),
  drafts: () => gitDrafts(folder, { licence }),
  isSpecial: ({ source }) => /\.(md|markdown|rst|txt|adoc)$/i.test(source?.path ?? ''),
});

/** A datanet's name from a folder's, and a few digits of its path, so that two folders of one name stay apart. */
function nameOf(folder: string): string {
  const stem = basename(folder)
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
  return `${stem || 'repository'}-${createHash('sha256').update(folder).digest('hex').slice(0, 6)}`.slice(
    0,
    40,
  );
}
