/** What each stage of the loop has done, as far as this caller may know. */
import type { Client } from '@openledger/sdk';
import { EVERY_MS, type Reading, useReading, valueIn } from '../app/use-reading.ts';
import type { StageCounts } from './stages.ts';

export type Summary = Awaited<ReturnType<Client['insights']['summary']>>;

export type Counts = { readonly summary: Reading<Summary>; readonly stages: StageCounts };

/** Beside the summary, what needs a key, and is left out without one. */
export function useCounts(client: Client, apiKey: string | undefined): Counts {
  const summary = useReading(
    'summary',
    (signal) => client.insights.summary({}, { signal }),
    EVERY_MS,
  );
  const settled = useReading(
    'epochs',
    (signal) => client.settlement.epochs({ limit: 500 }, { signal }),
    2 * EVERY_MS,
  );
  const log = useReading('log', (signal) => client.receipts.checkpoint({}, { signal }), EVERY_MS);
  const library = useReading(
    `library ${apiKey}`,
    (signal) => (apiKey === undefined ? nothing : readLibrary(client, signal)),
    2 * EVERY_MS,
  );
  return {
    summary,
    stages: {
      ...valueIn(library),
      ...(summary.state === 'there' ? fromSummary(summary.value) : {}),
      ...(log.state === 'there' ? { receipt: { n: log.value.treeSize, of: 'in the log' } } : {}),
      ...(settled.state === 'there' ? { settle: settledOf(settled.value.items) } : {}),
    },
  };
}

const nothing: Promise<StageCounts> = Promise.resolve({});

async function readLibrary(client: Client, signal: AbortSignal): Promise<StageCounts> {
  const { items } = await client.datanets.list({ limit: 500 }, { signal });
  const [{ items: runs }, sealed] = await Promise.all([
    client.models.listRuns({ limit: 500 }, { signal }),
    Promise.all(
      items.map(({ id }) =>
        client.datanets.listSnapshots({ datanetId: id, limit: 500 }, { signal }),
      ),
    ),
  ]);
  const snapshots = sealed.flatMap((page) => page.items);
  return {
    contribute: { n: items.reduce((sum, { records }) => sum + records, 0), of: 'records' },
    seal: { n: snapshots.length, of: 'snapshots' },
    train: { n: runs.filter(({ status }) => status === 'done').length, of: 'runs' },
  };
}

const fromSummary = (summary: Summary): StageCounts => ({
  serve: { n: summary.executions, of: 'executions' },
  attribute: { n: summary.attributed, of: 'attributed' },
  route: { n: summary.distributions, of: 'distributions' },
  claim: { n: summary.payouts, of: 'payouts' },
});

const settledOf = (epochs: readonly { readonly state: string }[]) => ({
  n: epochs.filter(({ state }) => state === 'published').length,
  of: 'epochs',
});
