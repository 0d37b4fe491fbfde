/**
 * 'trace-1': which passages of an output stand, word for word, in which records.
 *
 * A *run* is a row of neighbouring tokens (`words-1`). A run of the output *stands in* a text when the same characters
 * stand there, white space inside included, and neither end cuts a word of that text. The symbols at a run's ends are
 * trimmed, so that it begins and ends with a word; only words count towards its length.
 *
 * A *span* is the longest such run from some word of the output that stands in at least one record and has at least
 * `minWords` words; spans that lie inside an earlier one are dropped. A span names every record it stands in, unless
 * they are more than `maxRecords`: then it is *commons*, names none and pays nobody.
 *
 * An *echo* is a run of at least `minWords` words that stands in a text which the client supplied. What lies in an
 * echo is not paid and is left out of the grounded fraction, whether or not a span covers it.
 *
 * This file is the definition. It asks two questions of a source, which the linear scan beside it answers for
 * verifiers, and the server's suffix arrays answer fast.
 */
import { cutWords, type Words } from './words.ts';

export const TRACE_VERSION = 'trace-1';

export type TraceRecord = { readonly hash: string; readonly text: string };

export type TraceRules = {
  /** The fewest words of a span, at least 1. */
  readonly minWords: number;
  /** A span found in more records than this is commons. */
  readonly maxRecords: number;
  /**
   * Characters that no span goes across: with full stop and line feed, spans are kept inside sentences and lines, as OLMoTrace
   * does (Liu et al., "OLMoTrace: Tracing Language Model Outputs Back to Trillions of Training Tokens", 2025). Absent: none.
   */
  readonly delimiters?: string;
};

export const defaultTraceRules: TraceRules = { minWords: 8, maxRecords: 64 };

/** UTF-16 offsets into a text, `end` excluded. */
export type TextRange = { readonly start: number; readonly end: number };

/** The first place where a span stands in a record; offsets into the record's text. */
export type SpanRecord = TextRange & { readonly hash: string };

/** Offsets into the output. */
export type Span = TextRange & {
  readonly words: number;
  /** Every word of the span lies in echoes: nothing of it is left to pay. */
  readonly echo: boolean;
  readonly commons: boolean;
  /** Sorted by hash; empty when the span is commons. */
  readonly records: readonly SpanRecord[];
};

export type Trace = {
  readonly version: typeof TRACE_VERSION;
  readonly spans: readonly Span[];
  /** Apart from each other, ascending. */
  readonly echoes: readonly TextRange[];
};

/** Tokens `from` up to but not including `to`. */
export type TokenRun = { readonly from: number; readonly to: number };

/** The two questions a trace asks of a body of records. */
export type TraceSource = {
  /**
   * For each token, one past the last token of the longest run from there that stands in some record.
   *
   * Runs need not be trimmed. Where the longest run has fewer than `minWords` words, begins with a symbol, or ends no
   * later than one from an earlier token, the answer may be any smaller number.
   */
  readonly longestRuns: (output: Words, minWords: number) => Int32Array;
  /** The records in which a trimmed run stands, in any order; undefined when more than `limit`. */
  readonly recordsWith: (
    output: Words,
    run: TokenRun,
    limit: number,
  ) => readonly SpanRecord[] | undefined;
};

/**
 * Traces an output through a source of records.
 *
 * @param clientRuns answers `longestRuns` for the texts that the client supplied
 */
export function traceThrough(
  source: TraceSource,
  clientRuns: TraceSource['longestRuns'],
  outputText: string,
  { minWords, maxRecords, delimiters = '' }: TraceRules,
): Trace {
  if (!Number.isInteger(minWords) || minWords < 1) throw new Error('A span has at least one word.');
  const output = cutWords(outputText);
  const echoRuns = maximalRuns(output, clientRuns(output, minWords), minWords);
  const isEcho = tokensIn(output, echoRuns);

  const longest = endAtDelimiters(output, source.longestRuns(output, minWords), delimiters);
  const spans = maximalRuns(output, longest, minWords).map((run) => {
    const records = source.recordsWith(output, run, maxRecords);
    return {
      ...rangeOf(output, run),
      words: countWords(output, run),
      echo: countWords(output, run, isEcho) === 0,
      commons: records === undefined,
      records: [...(records ?? [])].sort((a, b) => (a.hash < b.hash ? -1 : 1)),
    };
  });
  return {
    version: TRACE_VERSION,
    spans,
    echoes: joinRuns(echoRuns).map((run) => rangeOf(output, run)),
  };
}

/** Ends each run before the first delimiter behind its first token; what stands behind one is a run of its own. */
function endAtDelimiters(output: Words, longest: Int32Array, delimiters: string): Int32Array {
  if (delimiters === '') return longest;
  const isDelimited = new Uint8Array(output.count + 1); // a delimiter stands in token i, or before it
  for (let i = 0; i < output.count; i++) {
    const before = output.text.slice(i === 0 ? 0 : output.ends[i - 1], output.ends[i]);
    if ([...delimiters].some((one) => before.includes(one))) isDelimited[i] = 1;
  }
  const ended = new Int32Array(output.count);
  let [reached, next] = [0, 0];
  for (let from = 0; from < output.count; from++) {
    if (longest[from] > reached) reached = longest[from]; // what a run holds is a run
    next = Math.max(next, from + 1);
    while (next < output.count && !isDelimited[next]) next++;
    ended[from] = Math.min(reached, next);
  }
  return ended;
}

/**
 * The trimmed runs of at least `minWords` words that lie inside no earlier one, ascending.
 *
 * @param longest for each token, one past the last token of the longest run from there
 */
export function maximalRuns(output: Words, longest: Int32Array, minWords: number): TokenRun[] {
  const runs: TokenRun[] = [];
  let reached = 0;
  for (let from = 0; from < output.count; from++) {
    if (!output.wordFlags[from] || longest[from] <= reached) continue;
    let to = longest[from];
    while (to > from && !output.wordFlags[to - 1]) to--;
    if (to <= reached || countWords(output, { from, to }) < minWords) continue;
    runs.push({ from, to });
    reached = to;
  }
  return runs;
}

const rangeOf = (output: Words, { from, to }: TokenRun): TextRange => ({
  start: output.starts[from],
  end: output.ends[to - 1],
});

function countWords(output: Words, { from, to }: TokenRun, except?: Uint8Array): number {
  let count = 0;
  for (let i = from; i < to; i++) if (output.wordFlags[i] && !except?.[i]) count++;
  return count;
}

/** 1 for each token that lies in one of the runs. */
function tokensIn(output: Words, runs: readonly TokenRun[]): Uint8Array {
  const flags = new Uint8Array(output.count);
  for (const { from, to } of runs) flags.fill(1, from, to);
  return flags;
}

/** Joins runs, ascending by `from` and by `to`, that overlap. */
function joinRuns(runs: readonly TokenRun[]): TokenRun[] {
  const joined: TokenRun[] = [];
  for (const run of runs) {
    const last = joined.at(-1);
    if (last && run.from < last.to) joined[joined.length - 1] = { from: last.from, to: run.to };
    else joined.push(run);
  }
  return joined;
}
