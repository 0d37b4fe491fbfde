import { formatOpen } from '@openledger/protocol';
import type { Counts } from './counts.ts';

type Sample = { readonly labels?: string; readonly value: string };
type Metric = {
  readonly name: string;
  readonly help: string;
  /** What a refund can lower is a gauge. */
  readonly type: 'counter' | 'gauge';
  readonly samples: readonly Sample[];
};

/** Source: Prometheus, "Exposition formats", text format 0.0.4. Amounts are in OPEN, as decimals. */
export function prometheusText(counts: Counts): string {
  return metricsOf(counts)
    .map(({ name, help, type, samples }) =>
      [
        `# HELP ${name} ${help}`,
        `# TYPE ${name} ${type}`,
        ...samples.map(({ labels, value }) => `${name}${labels ? `{${labels}}` : ''} ${value}`),
      ].join('\n'),
    )
    .map((block) => `${block}\n`)
    .join('');
}

function metricsOf(counts: Counts): readonly Metric[] {
  const one = (value: number | bigint): readonly Sample[] => [
    { value: typeof value === 'bigint' ? formatOpen(value) : String(value) },
  ];
  return [
    {
      name: 'openledger_executions_total',
      help: 'Inferences served and paid for.',
      type: 'counter',
      samples: one(counts.executions),
    },
    {
      name: 'openledger_attributed_total',
      help: 'Inferences attributed.',
      type: 'counter',
      samples: one(counts.attributed),
    },
    {
      name: 'openledger_grounded_total',
      help: 'Inferences with at least one word that a record covers.',
      type: 'counter',
      samples: one(counts.grounded),
    },
    {
      name: 'openledger_distributions',
      help: 'Inferences whose price was distributed, without reversed ones.',
      type: 'gauge',
      samples: one(counts.distributions),
    },
    {
      name: 'openledger_fees_open',
      help: 'Prices distributed, without reversed ones.',
      type: 'gauge',
      samples: one(counts.feesUnits),
    },
    {
      name: 'openledger_credited_open',
      help: 'Credited for data.',
      type: 'gauge',
      samples: one(counts.creditedUnits),
    },
    {
      name: 'openledger_parties_credited',
      help: 'Parties credited for data.',
      type: 'gauge',
      samples: one(counts.partiesCredited),
    },
    {
      name: 'openledger_payouts_total',
      help: 'Claims paid on chain.',
      type: 'counter',
      samples: one(counts.payouts),
    },
    {
      name: 'openledger_paid_open_total',
      help: 'Paid on chain.',
      type: 'counter',
      samples: one(counts.paidUnits),
    },
    {
      name: 'openledger_jobs_waiting',
      help: 'Announcements between stages that wait or are being delivered.',
      type: 'gauge',
      samples: Object.entries(counts.jobsWaiting).map(([job, value]) => ({
        labels: `job="${job}"`,
        value: String(value),
      })),
    },
    {
      name: 'openledger_credit_delay_seconds',
      help: 'From an answer to its credits.',
      type: 'gauge',
      samples: counts.creditMs
        ? [
            { labels: 'quantile="0.5"', value: String(counts.creditMs.p50 / 1000) },
            { labels: 'quantile="0.99"', value: String(counts.creditMs.p99 / 1000) },
          ]
        : [],
    },
  ];
}
