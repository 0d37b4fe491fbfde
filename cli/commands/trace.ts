/** `trace inf_...`, or files: the passages of an answer that stand in records, word for word, and who has what share. */
import {
  type Client,
  type Id,
  isId,
  OpenLedgerError,
  parseShares,
  WEIGHT_ONE,
} from '@openledger/sdk';
import { hasFlag, parseArguments } from '../arguments.ts';
import { table } from '../print.ts';
import { openSession } from '../session.ts';
import { traceFiles } from './trace-files.ts';

export async function trace(argv: readonly string[]): Promise<number> {
  const args = parseArguments(argv);
  const [inferenceId = ''] = args.words;
  if (!isId('inference', inferenceId)) {
    if (args.words.length > 0) return traceFiles(args);
    throw new OpenLedgerError(
      'invalid_input',
      'Say what: openledger trace inf_..., or openledger trace FILE... --datanet NAME',
    );
  }
  const { client } = await openSession(args);
  const [{ output, model }, attribution] = await Promise.all([
    client.gateway.getInference({ inferenceId }),
    client.attribution.get({ inferenceId }),
  ]);
  if (hasFlag(args, 'json')) {
    console.log(JSON.stringify({ output, model, ...attribution }, null, 2));
    return 0;
  }
  const { evidence, shares } = attribution;
  if (!evidence) {
    console.log(`${model} has no registered data behind it: nobody is paid for data.`);
    return 0;
  }
  const passages = evidence.spans.map((span) => ({
    passage: `"${output.slice(span.start, span.end)}"`,
    words: span.words,
    counts: span.echo ? 'no: echo' : span.commons ? 'no: commons' : 'yes',
    records: span.records.map(({ record }) => record.slice(0, 12)).join(', '),
  }));
  console.log(`${model}: ${percent(evidence.groundedPpm / 1e6)} of what it said is grounded`);
  console.log(`\n${table(passages)}\n`);
  console.log(table(await shareRows(client, shares)));
  return 0;
}

type ShareRow = { readonly share: string; readonly to: string };

async function shareRows(
  client: Client,
  list: Parameters<typeof parseShares>[0],
): Promise<readonly ShareRow[]> {
  const largest = [...parseShares(list)].sort((a, b) => (a.weight < b.weight ? 1 : -1));
  return Promise.all(
    largest.slice(0, 20).map(async ({ to, weight }) => ({
      share: percent(Number((weight * 1_000_000n) / WEIGHT_ONE) / 1e6),
      to: isId('party', to) ? await nameOf(client, to) : to,
    })),
  );
}

const nameOf = async (client: Client, partyId: Id<'party'>): Promise<string> =>
  (await client.identity.getParty({ partyId })).identity;

const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;
