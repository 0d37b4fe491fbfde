/**
 * Traces by reading every record from end to end: no index, nothing to trust. What a verifier runs.
 *
 * Time grows with the length of the records; memory with the length of the output.
 */
import {
  type SpanRecord,
  type TokenRun,
  type Trace,
  type TraceRecord,
  type TraceRules,
  type TraceSource,
  traceThrough,
} from './trace.ts';
import { cutsWord, cutWords, type Words } from './words.ts';

/**
 * @param records all records that the trace may credit, each hash once
 * @param clientTexts what the client supplied, whatever its role
 */
export function traceByScan(
  output: string,
  {
    records,
    clientTexts,
    rules,
  }: {
    readonly records: readonly TraceRecord[];
    readonly clientTexts: readonly string[];
    readonly rules: TraceRules;
  },
): Trace {
  const source: TraceSource = {
    longestRuns: longestRunsIn(records.map((record) => record.text)),
    recordsWith: (words, run, limit) => recordsWith(records, words, run, limit),
  };
  return traceThrough(source, longestRunsIn(clientTexts), output, rules);
}

/**
 * Answers `longestRuns` for plain texts.
 *
 * Each row of `minTokens` tokens of the output that begins with a word is put into a dictionary; each row of a text is
 * looked up in it, and a hit is followed as far as both sides go on alike.
 */
export const longestRunsIn =
  (texts: Iterable<string>): TraceSource['longestRuns'] =>
  (output, minTokens) => {
    const longest = new Int32Array(output.count);
    const seeds = seedsOf(output, minTokens);
    if (seeds.size > 0)
      for (const text of texts) followHits(cutWords(text), output, seeds, minTokens, longest);
    return longest;
  };

/** The characters of each row of `size` tokens that begins with a word -> where such rows begin. */
function seedsOf(output: Words, size: number): Map<string, number[]> {
  const seeds = new Map<string, number[]>();
  for (let from = 0; from + size <= output.count; from++) {
    if (!output.wordFlags[from]) continue;
    const row = output.text.slice(output.starts[from], output.ends[from + size - 1]);
    const places = seeds.get(row);
    if (places) places.push(from);
    else seeds.set(row, [from]);
  }
  return seeds;
}

function followHits(
  text: Words,
  output: Words,
  seeds: ReadonlyMap<string, readonly number[]>,
  size: number,
  longest: Int32Array,
): void {
  const ends = new Map<number, number>(); // offset between the two token numbers -> where its last match ended
  for (let at = 0; at + size <= text.count; at++) {
    if (!text.wordFlags[at]) continue;
    const places = seeds.get(text.text.slice(text.starts[at], text.ends[at + size - 1]));
    for (const from of places ?? []) {
      const shift = at - from;
      let end = ends.get(shift) ?? 0;
      if (end <= from) {
        end = from + size;
        while (sameNext(output, end, text, end + shift)) end++;
        ends.set(shift, end);
      }
      if (end > longest[from]) longest[from] = end;
    }
  }
}

/** Says whether two tokens, and the white space before them, are the same characters. */
function sameNext(a: Words, i: number, b: Words, j: number): boolean {
  if (i >= a.count || j >= b.count) return false;
  const length = a.ends[i] - a.ends[i - 1];
  if (length !== b.ends[j] - b.ends[j - 1]) return false;
  for (let k = 1; k <= length; k++) {
    if (a.text.charCodeAt(a.ends[i] - k) !== b.text.charCodeAt(b.ends[j] - k)) return false;
  }
  return true;
}

function recordsWith(
  records: readonly TraceRecord[],
  output: Words,
  { from, to }: TokenRun,
  limit: number,
): readonly SpanRecord[] | undefined {
  const passage = output.text.slice(output.starts[from], output.ends[to - 1]);
  const found: SpanRecord[] = [];
  for (const { hash, text } of records) {
    const start = standsAt(passage, text);
    if (start < 0) continue;
    if (found.length === limit) return undefined;
    found.push({ hash, start, end: start + passage.length });
  }
  return found;
}

/** The first offset at which a passage stands in a text without cutting a word, or -1. */
export function standsAt(passage: string, text: string): number {
  let start = text.indexOf(passage);
  while (start >= 0 && (cutsWord(text, start) || cutsWord(text, start + passage.length))) {
    start = text.indexOf(passage, start + 1);
  }
  return start;
}
