/**
 * Evidence: what a receipt says of a trace, so that shares can be recomputed from it without the output's text.
 *
 * Words are numbered from 0 through the output, symbols left out. A span names its first word and the information of
 * each of its words, 0 where the word lies in an echo, and the number of its first word in each record; so whoever knows
 * whose each word of the records is can replay the coverage game. The total is the signer's word until somebody with the texts recomputes it.
 */
import { z } from 'zod';
import {
  type Coverage,
  coverWords,
  type InformedWord,
  informedWords,
  type OwnersOf,
} from './coverage.ts';
import { Sha256Hex } from './hash.ts';
import { idSchema } from './ids.ts';
import { Ppm } from './policy.ts';
import { groundedPpm } from './shares.ts';
import { TRACE_VERSION, type Trace, type TraceRules } from './trace.ts';

const Count = z.number().int().min(0);

/** A whole number of 1/65,536 bits. */
const Information = Count;

/** Where a span stands in a record: UTF-16 offsets into the record's text, and which of its words is the first. */
export const EvidenceRecord = z.strictObject({
  record: Sha256Hex,
  snapshot: idSchema('snapshot'),
  start: Count,
  end: Count,
  firstWord: Count,
});

/** A passage of the output that stands in records; UTF-16 offsets into the output. */
export const EvidenceSpan = z
  .strictObject({
    start: Count,
    end: Count,
    firstWord: Count,
    words: z.number().int().min(1),
    echo: z.boolean(),
    commons: z.boolean(),
    information: z.array(Information),
    /** Sorted by hash; empty when the span is commons. */
    records: z.array(EvidenceRecord),
  })
  .refine(({ start, end }) => start < end, 'A span is not empty.')
  .refine(({ words, information }) => words === information.length, 'One information a word.')
  .refine(({ commons, records }) => commons === (records.length === 0), 'Only commons name none.')
  .refine(({ records }) => isAscending(records.map(({ record }) => record)), 'Records are sorted.')
  .refine(
    ({ start, end, records }) => records.every((one) => one.end - one.start === end - start),
    'A span is as long in its records as in the output.',
  );
export type EvidenceSpan = z.output<typeof EvidenceSpan>;

export const Evidence = z.strictObject({
  algorithm: z.literal(TRACE_VERSION),
  minWords: z.number().int().min(1),
  maxRecords: z.number().int().min(1),
  confidencePpm: Ppm,
  /** Of the output's words that are not echo: all, and those that some span covers. */
  information: z.strictObject({ total: Information, covered: Information }),
  groundedPpm: Ppm,
  /** In the order of the output; none lies inside another. */
  spans: z
    .array(EvidenceSpan)
    .refine((spans) => spans.every((span, i) => i === 0 || isAfter(spans[i - 1], span)), {
      error: 'Spans ascend.',
    }),
});
export type Evidence = z.output<typeof Evidence>;

/**
 * Writes a trace down as evidence.
 *
 * @param information of one word, in 1/65,536 bits
 * @param firstWordOf the number of the record's word that begins at an offset
 * @param snapshotOf the snapshot by which a record takes part; of several, the first that the receipt names
 */
export function evidenceOf({
  output,
  trace,
  rules,
  confidencePpm,
  information,
  coverage,
  firstWordOf,
  snapshotOf,
}: {
  readonly output: string;
  readonly trace: Trace;
  readonly rules: TraceRules;
  readonly confidencePpm: number;
  readonly information: (word: string) => number;
  readonly coverage: Pick<Coverage, 'total' | 'covered'>;
  readonly firstWordOf: (recordHash: string, start: number) => number;
  readonly snapshotOf: (recordHash: string) => string;
}): Evidence {
  const words = [...informedWords(output, information)];
  const echoed = wordsInside(words, trace.echoes);
  const numbers = new Map(words.map(({ start }, number) => [start, number]));
  return Evidence.parse({
    algorithm: trace.version,
    minWords: rules.minWords,
    maxRecords: rules.maxRecords,
    confidencePpm,
    information: { total: Number(coverage.total), covered: Number(coverage.covered) },
    groundedPpm: groundedPpm(coverage),
    spans: trace.spans.map(({ start, end, words: count, echo, commons, records }) => {
      const firstWord = numbers.get(start);
      if (firstWord === undefined) throw new Error(`No word of the output begins at ${start}.`);
      return {
        start,
        end,
        firstWord,
        words: count,
        echo,
        commons,
        information: words
          .slice(firstWord, firstWord + count)
          .map((word) => (echoed.has(word) ? 0 : word.information)),
        records: records.map(({ hash, start, end }) => ({
          record: hash,
          snapshot: snapshotOf(hash),
          start,
          end,
          firstWord: firstWordOf(hash, start),
        })),
      };
    }),
  });
}

/**
 * Plays the coverage game from evidence alone; `total` is the evidence's own.
 *
 * @throws Error when two spans disagree about a word that both hold
 */
export function measuredFrom(
  { spans, information }: Pick<Evidence, 'spans' | 'information'>,
  ownersOf: OwnersOf,
): Coverage {
  const byWord = new Map<number, InformedWord>();
  for (const { firstWord, information } of spans) {
    for (const [i, worth] of information.entries()) {
      const start = firstWord + i;
      const known = byWord.get(start);
      if (known && known.information !== worth)
        throw new Error(`Two spans disagree about word ${start}.`);
      byWord.set(start, { start, end: start + 1, information: worth });
    }
  }
  const numbered = spans.map(({ firstWord, words, records }) => ({
    start: firstWord,
    end: firstWord + words,
    records: records.map(({ record, firstWord }) => ({ hash: record, firstWord })),
  }));
  const words = [...byWord.values()].sort((a, b) => a.start - b.start);
  const covered = coverWords(words, { spans: numbered, echoes: [] }, ownersOf);
  return { ...covered, total: BigInt(information.total) };
}

/** The words that lie in echoes. Both lists ascend. */
function wordsInside(words: readonly InformedWord[], echoes: Trace['echoes']): Set<InformedWord> {
  const inside = new Set<InformedWord>();
  let next = 0;
  for (const word of words) {
    while (echoes[next]?.end <= word.start) next++;
    if (next < echoes.length && echoes[next].start <= word.start && word.end <= echoes[next].end)
      inside.add(word);
  }
  return inside;
}

/** Begins later and ends later, in offsets and in words. */
const isAfter = (before: EvidenceSpan, span: EvidenceSpan): boolean =>
  before.start < span.start &&
  before.end < span.end &&
  before.firstWord < span.firstWord &&
  before.firstWord + before.words < span.firstWord + span.words;

const isAscending = (list: readonly string[]): boolean =>
  list.every((item, i) => i === 0 || list[i - 1] < item);
