/**
 * Traces and counts over suffix arrays: what the linear scan in `protocol/` finds, in a millisecond or so.
 *
 * One index holds the records of one sealed snapshot and never changes. A query goes over any number of indexes at
 * once and finds what a scan over all their records would; a record sealed in several snapshots counts once.
 * Withdrawn records are left out by name, and a query can be kept to some records, such as those retrieved.
 */
import {
  cutWords,
  longestRunsIn,
  type SpanRecord,
  type TokenRun,
  type Trace,
  type TraceRecord,
  type TraceRules,
  traceThrough,
  WORDS_VERSION,
  type Words,
} from '@openledger/protocol';
import {
  type Allows,
  indexOfColumns,
  offsetAt,
  openShard,
  queryOf,
  questionOf,
  raiseLongest,
  ranksOf,
  ranksOfTokens,
  recordAt,
  type TraceShard,
} from './shard.ts';
import { buildColumns } from './shard-columns.ts';

export type TraceIndex = {
  readonly shards: readonly TraceShard[];
  readonly records: number;
  readonly tokens: number;
};

/** Which records a query may find. */
export type TraceScope = {
  readonly indexes: readonly TraceIndex[];
  readonly withdrawn?: ReadonlySet<string>;
  /** When given, no record outside this set. */
  readonly only?: ReadonlySet<string>;
};

/** Characters of text in one shard: it has far fewer positions than 24 bits tell apart. */
export const SHARD_CHARACTERS = 16_000_000;

/** @param records of one snapshot; a hash that comes again is skipped */
export function buildTraceIndex(
  records: Iterable<TraceRecord>,
  shardCharacters = SHARD_CHARACTERS,
): TraceIndex {
  const distinct = new Map<string, TraceRecord>();
  for (const record of records) if (!distinct.has(record.hash)) distinct.set(record.hash, record);
  return indexOf(inShards(distinct.values(), shardCharacters).map(buildShard));
}

export const indexOf = (shards: readonly TraceShard[]): TraceIndex => ({
  shards,
  records: shards.reduce((sum, { hashes }) => sum + hashes.length, 0),
  tokens: shards.reduce((sum, { tokens }) => sum + tokens, 0),
});

/** Rows of records of about so many characters together. */
export function inShards(
  records: Iterable<TraceRecord>,
  shardCharacters: number,
): readonly (readonly TraceRecord[])[] {
  const shards: TraceRecord[][] = [];
  let room = 0;
  for (const record of records) {
    if (room <= 0) {
      shards.push([]);
      room = shardCharacters;
    }
    shards[shards.length - 1].push(record);
    room -= record.text.length;
  }
  return shards;
}

/** In memory, with the records' texts. */
export function buildShard(records: readonly TraceRecord[]): TraceShard {
  const texts = new Map(records.map(({ hash, text }) => [hash, text]));
  const columns = buildColumns(records);
  return openShard(columns, {
    index: indexOfColumns(columns),
    textOf: (hash) => texts.get(hash) ?? '',
  });
}

/** Traces an output; equals `traceByScan` over the records in scope. */
export function trace(
  output: string,
  {
    scope,
    clientTexts,
    rules,
  }: {
    readonly scope: TraceScope;
    readonly clientTexts: readonly string[];
    readonly rules: TraceRules;
  },
): Trace {
  const words = cutWords(output);
  const question = questionOf(words, rules.minWords);
  const parts = shardsOf(scope).map((shard) => ({
    ...{ shard, query: queryOf(shard, question), allows: allowsOf(shard, scope) },
  }));
  const source = {
    longestRuns: () => {
      const longest = new Int32Array(words.count);
      for (const { shard, query, allows } of parts) {
        raiseLongest(shard, question, { query, longest, allows });
      }
      return longest;
    },
    recordsWith: (_: Words, { from, to }: TokenRun, limit: number) => {
      const length = words.ends[to - 1] - words.starts[from];
      const found = new Map<string, { readonly shard: TraceShard; readonly position: number }>();
      for (const { shard, query, allows } of parts) {
        const ranks = ranksOf(shard, query, from, to);
        for (let rank = ranks.from; rank < ranks.to; rank++) {
          const position = shard.index.suffixAt(rank);
          const record = recordAt(shard, position);
          if (allows && !allows(record)) continue;
          const hash = shard.hashes[record];
          const first = found.get(hash);
          if (!first || (first.shard === shard && position < first.position)) {
            found.set(hash, { shard, position });
          }
          if (found.size > limit) return undefined;
        }
      }
      return [...found].map(([hash, { shard, position }]): SpanRecord => {
        const start = offsetAt(shard, position);
        return { hash, start, end: start + length };
      });
    },
  };
  return traceThrough(source, longestRunsIn(clientTexts), output, rules);
}

export type WordCount = {
  /** Not raw characters: tokens of `words-1` are compared, and the white space between them is not. */
  readonly basis: 'word-tokens';
  readonly words: typeof WORDS_VERSION;
  readonly occurrences: number;
  readonly records: number;
};

/** How often a text's tokens stand one after the other in the records in scope. A text without tokens occurs nowhere. */
export function countWordTokens(text: string, scope: TraceScope): WordCount {
  const words = cutWords(text);
  const question = questionOf(words, 1);
  const records = new Set<string>();
  const counted = new Map<string, TraceShard>(); // a record sealed twice counts where it was met first
  let occurrences = 0;
  for (const shard of words.count > 0 ? shardsOf(scope) : []) {
    const allows = allowsOf(shard, scope);
    for (const { from, to } of ranksOfTokens(shard, queryOf(shard, question))) {
      for (let rank = from; rank < to; rank++) {
        const record = recordAt(shard, shard.index.suffixAt(rank));
        const hash = shard.hashes[record];
        if (allows && !allows(record)) continue;
        if (!counted.has(hash)) counted.set(hash, shard);
        if (counted.get(hash) !== shard) continue;
        records.add(hash);
        occurrences += 1;
      }
    }
  }
  return { basis: 'word-tokens', words: WORDS_VERSION, occurrences, records: records.size };
}

const shardsOf = (scope: TraceScope): readonly TraceShard[] =>
  scope.indexes.flatMap((index) => index.shards);

/** Undefined where every record may be found, so that nothing is asked in the common case. */
function allowsOf({ hashes }: TraceShard, { withdrawn, only }: TraceScope): Allows | undefined {
  if (!only && !withdrawn?.size) return undefined;
  return (record) =>
    !withdrawn?.has(hashes[record]) && (only === undefined || only.has(hashes[record]));
}
