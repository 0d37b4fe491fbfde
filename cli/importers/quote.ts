/** Asks what would become of a source's first drafts, in batches, and adds the answers up. Uploads nothing that is kept. */
import {
  type api,
  type Client,
  type Draft,
  type Id,
  type OutputOf,
  PPM_ONE,
} from '@openledger/sdk';

type Quote = OutputOf<typeof api.datanets.quote>['items'][number];

export type QuoteReport = {
  readonly quoted: number;
  /** Whether the source has more than were quoted. */
  readonly hasMore: boolean;
  readonly accepted: number;
  readonly refused: Readonly<Record<string, number>>;
  /** Of those that would be accepted: the mean, ppm. */
  readonly quality: number;
  /** Words and symbols of those that would be accepted and could be compared; how many would be their own, ppm. */
  readonly tokens: number;
  readonly ownedPpm: number;
  /** Drafts whose share was measured against the nearest records alone. */
  readonly measuredByNearest: number;
  readonly nearDuplicates: number;
  /** Drafts that would stand beside records which paid calls have cited. */
  readonly nearCited: number;
  readonly days: number;
};

/** What one answer takes, and what a summary is made of. */
const BATCH_DRAFTS = 50;
const BATCH_BYTES = 4_000_000;
/** A longer one does not fit into a question; as a line of an import it would be refused for its size as well. */
const DRAFT_BYTES = 8_000_000;
const MOST_DRAFTS = 1000;

export async function quoteImport(
  client: Client,
  {
    datanetId,
    drafts,
    onProgress,
  }: {
    readonly datanetId: Id<'datanet'>;
    readonly drafts: AsyncIterable<Draft>;
    readonly onProgress?: (quoted: number) => void;
  },
): Promise<QuoteReport> {
  const quotes: Quote[] = [];
  let tooLong = 0;
  let batch: Draft[] = [];
  let bytes = 0;
  let hasMore = false;
  const ask = async () => {
    if (batch.length > 0) {
      quotes.push(...(await client.datanets.quote({ datanetId, drafts: batch })).items);
    }
    batch = [];
    bytes = 0;
    onProgress?.(quotes.length);
  };
  for await (const draft of drafts) {
    if (quotes.length + batch.length + tooLong === MOST_DRAFTS) {
      hasMore = true;
      break;
    }
    const size = Buffer.byteLength(JSON.stringify(draft));
    if (size > DRAFT_BYTES) {
      tooLong += 1;
      continue;
    }
    if (batch.length === BATCH_DRAFTS || bytes + size > BATCH_BYTES) await ask();
    batch.push(draft);
    bytes += size;
  }
  await ask();
  return { ...sumUp(quotes, tooLong), hasMore };
}

function sumUp(quotes: readonly Quote[], tooLong: number): Omit<QuoteReport, 'hasMore'> {
  const refused: Record<string, number> = tooLong > 0 ? { size: tooLong } : {};
  for (const { refusal } of quotes) {
    if (refusal) refused[refusal.reason] = (refused[refusal.reason] ?? 0) + 1;
  }
  const fit = quotes.filter(({ refusal }) => !refusal);
  const shares = fit.flatMap(({ owned }) => (owned ? [owned] : []));
  const tokens = sum(shares.map((one) => one.tokens));
  const own = sum(shares.map((one) => Math.ceil((one.ppm * one.tokens) / PPM_ONE))); // undoes the rounding down
  return {
    ...{ quoted: quotes.length + tooLong, accepted: fit.length, refused, tokens },
    quality: Math.floor(sum(fit.map(({ quality }) => quality)) / Math.max(1, fit.length)),
    ownedPpm: Math.floor((own * PPM_ONE) / Math.max(1, tokens)),
    measuredByNearest: shares.filter(({ basis }) => basis === 'nearest').length,
    nearDuplicates: fit.filter(({ nearDuplicate }) => nearDuplicate).length,
    nearCited: fit.filter(({ demand }) => demand.citingCalls > 0).length,
    days: quotes[0]?.demand.days ?? 0,
  };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);

export function quoteText(report: QuoteReport): string {
  const { quoted, hasMore, accepted, tokens, measuredByNearest, days } = report;
  const { duplicate: duplicates = 0, ...otherwise } = report.refused;
  const reasons = Object.entries(otherwise).map(([reason, count]) => `${count} for ${reason}`);
  const basis =
    measuredByNearest > 0 ? `; of ${measuredByNearest} texts by the nearest records alone` : '';
  return [
    `quoted     ${quoted}${hasMore ? ', the first of more' : ''}; nothing was contributed`,
    `accepted   ${accepted}`,
    `duplicates ${duplicates}`,
    `rejected   ${quoted - accepted - duplicates}${reasons.length > 0 ? `: ${reasons.join(', ')}` : ''}`,
    `quality    ${report.quality} ppm, the mean of what would be accepted`,
    `own text   ${tokens > 0 ? `${report.ownedPpm} ppm of ${tokens} words and symbols${basis}` : 'unknown'}`,
    `similar    ${report.nearDuplicates} would be disputed with records of others`,
    `demand     ${report.nearCited} near records that paid calls of the last ${days} days cited`,
  ].join('\n');
}
