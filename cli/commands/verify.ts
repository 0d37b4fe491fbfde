/** `verify FILE`: checks a receipt's bundle offline, and says in words what each check found. Status 1 when one failed. */
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  type CheckName,
  type CheckResult,
  firstFailure,
  OpenLedgerError,
  openBundle,
  recompute,
  SnapshotExport,
  Trust,
  verifyBundle,
} from '@openledger/sdk';
import { type Arguments, flagOf, hasFlag, parseArguments } from '../arguments.ts';
import { profilePath } from '../profile.ts';

/** @param out where the findings go */
export async function verify(
  argv: readonly string[],
  out: { write(text: string): unknown } = process.stdout,
): Promise<number> {
  const args = parseArguments(argv);
  if (args.words.length !== 1) throw new OpenLedgerError('invalid_input', USAGE);
  const trust = await readTrust(flagOf(args, 'trust'));
  const bytes = await readOrSay(args.words[0]);

  const results = [...verifyBundle(bytes, trust), ...(await recomputeResults(bytes, args))];
  const failure = firstFailure(results);
  if (hasFlag(args, 'json')) {
    out.write(
      `${JSON.stringify({ ok: !failure, failed: failure?.check, checks: results }, null, 2)}\n`,
    );
  } else {
    for (const result of results) out.write(`${lineOf(result)}\n`);
    out.write(`${verdictOf(results)}\n`);
  }
  return failure ? 1 : 0;
}

const USAGE =
  'Say which file: openledger verify FILE [--trust FILE] [--recompute --snapshot FILE ...] [--json]';

/** What each check asks. */
const questions: Readonly<Record<CheckName, string>> = {
  canonical: 'Is the file in its one canonical form?',
  schema: 'Does it have every part, and nothing else?',
  signature: 'Was the receipt signed by somebody trusted?',
  inclusion: 'Is the receipt in the log?',
  checkpoint: 'Did the log sign for this state of itself?',
  anchor: 'Is that state one history with what the chain holds?',
  policy: 'Is this the policy the receipt names?',
  snapshot: 'Are these the snapshots the receipt names?',
  record: 'Does every passage stand in its record, and the record in its snapshot?',
  output: 'Are the texts those that the receipt committed to?',
  channels: 'Was what was measured drawn fairly, and is it of what took part?',
  arithmetic: 'Do the shares follow from the evidence?',
  price: 'Is the price what the terms make of the usage?',
  split: 'Do the payments follow from price and policy?',
  conservation: 'Was every unit paid out, and none twice?',
  'recompute-snapshot': 'Do all texts given make up the sealed snapshots?',
  'recompute-information': 'Do the word counts follow from the texts?',
  'recompute-trace': 'Does tracing again find these passages and no others?',
  'recompute-channels': 'Was the context measured with all its records?',
  'recompute-shares': 'Do shares and pools follow from the texts?',
};

const lineOf = ({ check, ok, detail }: CheckResult): string =>
  `${ok ? '✓' : '✗'} ${check.padEnd(21)} ${questions[check]} ${printable(detail)}`;

function verdictOf(results: readonly CheckResult[]): string {
  const failure = firstFailure(results);
  if (failure) return `NOT VERIFIED: the check "${failure.check}" failed.`;
  const withdrawn = Math.max(...results.map((result) => result.withdrawn ?? 0));
  if (withdrawn > 0) {
    return `VERIFIED as far as the texts are there: ${results.length} checks held, records withdrawn: ${withdrawn}.`;
  }
  const isRecomputed = results.some(({ check }) => check.startsWith('recompute'));
  return isRecomputed
    ? `VERIFIED: ${results.length} checks held; recomputed from the texts, nothing was left out.`
    : `VERIFIED: ${results.length} checks held. (--recompute also shows that nothing was left out.)`;
}

async function recomputeResults(
  bytes: Uint8Array,
  args: Arguments,
): Promise<readonly CheckResult[]> {
  const { bundle } = openBundle(bytes);
  if (!hasFlag(args, 'recompute') || !bundle) return [];
  const snapshots = await Promise.all(
    (args.flags.get('snapshot') ?? []).map((path) =>
      readJson(path, (value) => SnapshotExport.parse(value), 'snapshot'),
    ),
  );
  return recompute(bundle, snapshots);
}

async function readTrust(path = join(dirname(profilePath()), 'trust.json')): Promise<Trust> {
  return readJson(
    path,
    (value) => Trust.parse(value),
    'trust file (openledger receipts trust --json writes one)',
  );
}

async function readJson<T>(path: string, parse: (value: unknown) => T, what: string): Promise<T> {
  const text = new TextDecoder().decode(await readOrSay(path));
  try {
    return parse(JSON.parse(text));
  } catch (cause) {
    throw new OpenLedgerError('invalid_input', `${path} is not a ${what}.`, {}, { cause });
  }
}

async function readOrSay(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new OpenLedgerError('not_found', `${path} cannot be read.`, {}, { cause });
  }
}

/** What a forged file says does not move the cursor. */
const printable = (text: string): string => text.replace(/\p{Cc}+/gu, ' ');
