/** `eval retrieval --datanet NAME --labels FILE.jsonl`: how good retrieval is on a labelled set, its modes side by side. */
import { readFile } from 'node:fs/promises';
import {
  type api,
  bootstrapMean,
  type Client,
  type Id,
  type Interval,
  ndcgAt,
  OpenLedgerError,
  type OutputOf,
  RetrievalLabel,
  RetrievalMode,
  recallAt,
  reciprocalRank,
} from '@openledger/sdk';
import { type Arguments, flagOf, hasFlag, parseArguments } from '../arguments.ts';
import { findDatanet } from '../find-datanet.ts';
import { table } from '../print.ts';
import { openSession } from '../session.ts';

const USAGE =
  'Say what to measure: openledger eval retrieval --datanet NAME --labels FILE.jsonl [--mode words,hybrid] [--k 10]';

export async function evaluate(argv: readonly string[]): Promise<number> {
  const args = parseArguments(argv);
  const name = flagOf(args, 'datanet');
  const file = flagOf(args, 'labels');
  if (args.words.join() !== 'retrieval' || !name || !file) {
    throw new OpenLedgerError('invalid_input', USAGE);
  }
  const { modes, k } = howToMeasure(args);
  const labels = parseLabels(await readFile(file, 'utf8'));
  const { client } = await openSession(args);
  const datanet = await findDatanet(client, name);
  if (!datanet) throw new OpenLedgerError('not_found', `There is no datanet "${name}".`);
  const measured = [];
  for (const mode of modes) {
    measured.push(await measure(client, datanet.id, { labels, mode, k }));
  }
  const report = summarize(measured, k);
  if (hasFlag(args, 'json'))
    console.log(JSON.stringify({ queries: labels.length, k, items: report }));
  else
    console.log(
      `${labels.length} queries, 95 % intervals by bootstrap\n${table(report.map(forPeople))}`,
    );
  return 0;
}

function howToMeasure(args: Arguments): {
  readonly modes: readonly RetrievalMode[];
  readonly k: number;
} {
  const modes = (flagOf(args, 'mode') ?? 'words,hybrid').split(',').map((mode) => {
    const parsed = RetrievalMode.safeParse(mode);
    if (!parsed.success) throw new OpenLedgerError('invalid_input', USAGE);
    return parsed.data;
  });
  const k = Number(flagOf(args, 'k') ?? '10');
  if (!Number.isInteger(k) || k < 1 || k > 100) throw new OpenLedgerError('invalid_input', USAGE);
  return { modes, k };
}

function parseLabels(text: string): readonly RetrievalLabel[] {
  const lines = text
    .split('\n')
    .flatMap((line, i) => (line.trim() ? [{ line, number: i + 1 }] : []));
  if (lines.length === 0) throw new OpenLedgerError('invalid_input', 'The file holds no label.');
  return lines.map(({ line, number }) => {
    try {
      return RetrievalLabel.parse(JSON.parse(line));
    } catch (cause) {
      const what = 'is no label: {"query": "...", "relevant": ["..."]} was expected';
      throw new OpenLedgerError('invalid_input', `Line ${number} ${what}.`, {}, { cause });
    }
  });
}

type Measured = {
  readonly mode: RetrievalMode;
  /** One value a query. */
  readonly ndcg: readonly number[];
  readonly recall: readonly number[];
  readonly reciprocal: readonly number[];
  /** Queries that were answered by another mode, or before the index was complete. */
  readonly otherwise: number;
};

async function measure(
  client: Client,
  datanetId: Id<'datanet'>,
  {
    labels,
    mode,
    k,
  }: {
    readonly labels: readonly RetrievalLabel[];
    readonly mode: RetrievalMode;
    readonly k: number;
  },
): Promise<Measured> {
  const [ndcg, recall, reciprocal]: [number[], number[], number[]] = [[], [], []];
  let otherwise = 0;
  for (const { query, relevant } of labels) {
    const found = await client.datanets.retrieve({ datanetId, query, mode, limit: k });
    if (found.mode !== mode || !found.isComplete) otherwise += 1;
    const wanted = new Set(relevant);
    const ranking = rankLabels(found.items, wanted);
    ndcg.push(ndcgAt(k, ranking, wanted));
    recall.push(recallAt(k, ranking, wanted));
    reciprocal.push(reciprocalRank(ranking, wanted));
  }
  return { mode, ndcg, recall, reciprocal, otherwise };
}

type Retrieved = OutputOf<typeof api.datanets.retrieve>['items'][number];

/** A label is found where the first record that bears it stands; another record of the same document adds nothing. */
function rankLabels(items: readonly Retrieved[], wanted: ReadonlySet<string>): readonly string[] {
  const found = new Set<string>();
  return items.map(({ recordHash, documentHash, source }, i) => {
    const names = [recordHash, documentHash, source.path ?? ''];
    const label = names.find((name) => wanted.has(name) && !found.has(name));
    if (label === undefined) return `-${i}`;
    found.add(label);
    return label;
  });
}

type Line = {
  readonly mode: string;
  readonly ndcg: Interval;
  readonly recall: Interval;
  readonly mrr: Interval;
  readonly otherwise: number;
};

/** One line a mode, and one for each mode's gain over the first, query by query. */
function summarize(
  measured: readonly Measured[],
  k: number,
): readonly (Line & { readonly k: number })[] {
  const [first, ...others] = measured;
  const lineOf = ({
    mode,
    ndcg,
    recall,
    reciprocal,
    otherwise,
  }: Omit<Measured, 'mode'> & { mode: string }) => ({
    ...{ mode, k, ndcg: bootstrapMean(ndcg), recall: bootstrapMean(recall) },
    ...{ mrr: bootstrapMean(reciprocal), otherwise },
  });
  const minus = (a: readonly number[], b: readonly number[]) => a.map((value, i) => value - b[i]);
  const gains = others.map((other) =>
    lineOf({
      mode: `${other.mode} - ${first.mode}`,
      ndcg: minus(other.ndcg, first.ndcg),
      recall: minus(other.recall, first.recall),
      reciprocal: minus(other.reciprocal, first.reciprocal),
      otherwise: other.otherwise,
    }),
  );
  return [...measured.map(lineOf), ...gains];
}

const forPeople = ({ mode, k, ndcg, recall, mrr, otherwise }: Line & { readonly k: number }) => ({
  mode,
  [`nDCG@${k}`]: told(ndcg),
  [`recall@${k}`]: told(recall),
  MRR: told(mrr),
  ...(otherwise > 0 ? { answeredOtherwise: otherwise } : {}),
});

const told = ({ mean, low, high }: Interval): string =>
  `${mean.toFixed(4)} [${low.toFixed(4)}, ${high.toFixed(4)}]`;
