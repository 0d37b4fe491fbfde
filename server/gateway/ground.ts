/**
 * What an answer has from the records that were put before its model: its passages that stand in them word for word.
 *
 * By the rules of the receipt's trace, over those records alone: where the model has learned no registered data, the citations
 * are the receipt's own passages; where it has, each lies within one of them.
 */
import {
  coverWords,
  groundedPpm,
  type Id,
  informedWords,
  type TextRange,
  type TraceRecord,
  type TraceRules,
  traceByScan,
} from '@openledger/protocol';
import type { Datanets, PassageSource } from '../datanets/index.ts';
import type { Governance } from '../governance/index.ts';
import type { Inference } from './inferences.ts';

/** A passage of an output and the record that it stands in; offsets are UTF-16, `end` excluded. */
export type Quote = TextRange & {
  readonly text: string;
  readonly recordHash: string;
  /** Where it stands in the record's text. */
  readonly inRecord: TextRange;
};

/** With who wrote the passage, and where. */
export type Citation = Quote & PassageSource & { readonly snapshotId: Id<'snapshot'> };

export type Grounding = {
  /** In the order of the answer. A passage that stands in several records is cited from each. */
  readonly citations: readonly Citation[];
  /** How many of the answer's words that are no echo stand in those records; undefined where there are none. */
  readonly groundedWordsPpm: number | undefined;
};

/** Of a call that had nothing before its model but what its client sent. */
export const ungrounded: Grounding = { citations: [], groundedWordsPpm: undefined };

type GroundHandles = {
  readonly datanets: Pick<Datanets, 'recordsOf' | 'passageSources'>;
  readonly governance: Pick<Governance, 'policyInForce'>;
};

/** A record that was withdrawn since is no longer cited. */
export async function ground(
  { datanets, governance }: GroundHandles,
  { output, clientTexts, retrieved }: Pick<Inference, 'output' | 'clientTexts' | 'retrieved'>,
): Promise<Grounding> {
  if (retrieved.length === 0) return ungrounded;
  const [{ policy }, records] = await Promise.all([
    governance.policyInForce(),
    recordsBefore(datanets, retrieved),
  ]);
  const snapshotOf = new Map(records.map(({ hash, snapshotId }) => [hash, snapshotId]));
  const of = { records, clientTexts, rules: policy.trace };
  const { quotes, groundedWordsPpm } = quotesIn(output, of);
  const cited = await Promise.all(
    [...new Set(snapshotOf.values())].map((snapshotId) => {
      const quoted = quotes.filter(({ recordHash }) => snapshotOf.get(recordHash) === snapshotId);
      return cite(datanets, snapshotId, quoted);
    }),
  );
  return { citations: cited.flat().sort((a, b) => a.start - b.start), groundedWordsPpm };
}

/** What was put before the model and can still be read, each record once. */
async function recordsBefore(
  datanets: Pick<Datanets, 'recordsOf'>,
  retrieved: Inference['retrieved'],
): Promise<readonly (TraceRecord & { readonly snapshotId: Id<'snapshot'> })[]> {
  const snapshotOf = new Map(retrieved.map((one) => [one.recordHash, one.snapshotId]));
  const found = await Promise.all(
    [...new Set(snapshotOf.values())].map(async (snapshotId) => {
      const hashes = [...snapshotOf.keys()].filter((hash) => snapshotOf.get(hash) === snapshotId);
      const records = await datanets.recordsOf(snapshotId, hashes);
      return records.map(({ recordHash, text }) => ({ hash: recordHash, text, snapshotId }));
    }),
  );
  return found.flat();
}

async function cite(
  datanets: Pick<Datanets, 'passageSources'>,
  snapshotId: Id<'snapshot'>,
  quotes: readonly Quote[],
): Promise<readonly Citation[]> {
  if (quotes.length === 0) return [];
  const places = quotes.map(({ recordHash, inRecord }) => ({
    ...{ recordHash, offset: inRecord.start },
  }));
  const sources = await datanets.passageSources(snapshotId, places);
  return quotes.flatMap((quote, i) => {
    const source = sources[i];
    return source ? [{ ...quote, ...source, snapshotId }] : [];
  });
}

/** Pure: what of an output stands in records, and is no echo of what the client sent. */
export function quotesIn(
  output: string,
  {
    records,
    clientTexts,
    rules: { minWords, maxRecords },
  }: {
    readonly records: readonly TraceRecord[];
    readonly clientTexts: readonly string[];
    readonly rules: Pick<TraceRules, 'minWords' | 'maxRecords'>;
  },
): { readonly quotes: readonly Quote[]; readonly groundedWordsPpm: number } {
  const rules = { minWords, maxRecords };
  const { spans, echoes } = traceByScan(output, { records, clientTexts, rules });
  const unowned = spans.map(({ start, end }) => ({ start, end, records: [] }));
  const words = informedWords(output, () => 1);
  return {
    quotes: spans
      .filter(({ echo }) => !echo)
      .flatMap(({ start, end, records }) =>
        records.map(({ hash, ...inRecord }) => ({
          ...{ start, end, text: output.slice(start, end), recordHash: hash, inRecord },
        })),
      ),
    groundedWordsPpm: groundedPpm(coverWords(words, { spans: unowned, echoes }, () => [])),
  };
}
