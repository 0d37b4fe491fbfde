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

/** A record that was withdrawn since is no longer cited. */
export async function ground(
  {
    datanets,
    governance,
  }: {
    readonly datanets: Pick<Datanets, 'recordsOf' | 'passageSources'>;
    readonly governance: Pick<Governance, 'policyInForce'>;
  },
  { output, clientTexts, retrieved }: Pick<Inference, 'output' | 'clientTexts' | 'retrieved'>,
): Promise<Grounding> {
  if (retrieved.length === 0) return ungrounded;
  const hashesIn = new Map<Id<'snapshot'>, readonly string[]>();
  for (const { recordHash, snapshotId } of retrieved) {
    hashesIn.set(snapshotId, [...(hashesIn.get(snapshotId) ?? []), recordHash]);
  }
  const found = await Promise.all(
    [...hashesIn].map(async ([snapshotId, hashes]) => {
      const records = await datanets.recordsOf(snapshotId, hashes);
      return records.map(({ recordHash, text }) => ({ hash: recordHash, text, snapshotId }));
    }),
  );
  const records = new Map(found.flat().map((record) => [record.hash, record]));
  const { policy } = await governance.policyInForce();
  const { quotes, groundedWordsPpm } = quotesIn(output, {
    ...{ records: [...records.values()], clientTexts, rules: policy.trace },
  });
  const citations: Citation[] = [];
  for (const snapshotId of hashesIn.keys()) {
    const from = quotes.filter((one) => records.get(one.recordHash)?.snapshotId === snapshotId);
    if (from.length === 0) continue;
    const places = from.map((one) => ({
      recordHash: one.recordHash,
      offset: one.inRecord.start,
    }));
    const sources = await datanets.passageSources(snapshotId, places);
    for (const [i, quote] of from.entries()) {
      const source = sources[i];
      if (source) citations.push({ ...quote, ...source, snapshotId });
    }
  }
  return { citations: citations.sort((a, b) => a.start - b.start), groundedWordsPpm };
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
  const traceBeside = (texts: readonly string[]) =>
    traceByScan(output, { records, clientTexts: texts, rules: { minWords, maxRecords } });
  // A client's texts may be long, and are read only where it matters whether something is their echo.
  if (traceBeside([]).spans.length === 0) return { quotes: [], groundedWordsPpm: 0 };
  const { spans, echoes } = traceBeside(clientTexts);
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
