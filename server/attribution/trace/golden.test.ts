/**
 * The real texts: 950 EIPs (10.9 M characters) and 6,762 tldr pages, with known counts and planted passages.
 *
 * The data lies beside the project, in ../shared/data, and is never part of it; without it these tests skip.
 */
import { existsSync, readFileSync } from 'node:fs';
import {
  codePointOffsets,
  cutsWord,
  cutWords,
  defaultTraceRules,
  type TraceRecord,
  tokenAt,
  traceByScan,
} from '@openledger/protocol';
import { beforeAll, describe, expect, test } from 'vitest';
import { buildTraceIndex, countWordTokens, type TraceIndex, trace } from './trace-index.ts';

const data = new URL('../../../../shared/data/', import.meta.url);
const isHere = existsSync(data);
const why = isHere ? '' : ' (skipped: ../shared/data is absent)';

const lines = <T>(path: string): T[] =>
  readFileSync(new URL(path, data), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));

type Eip = {
  readonly id: string;
  readonly text: string;
  readonly authors: readonly { readonly id: string }[];
};
type Page = { readonly id: string; readonly text: string; readonly line_commit: readonly number[] };
type Commit = { readonly author: string };
/** Offsets count code points. */
type Planted = {
  readonly id: string;
  readonly text: string;
  readonly spans: readonly {
    readonly planted: readonly [number, number];
    readonly maximal: readonly [number, number];
    readonly docs: readonly string[];
    readonly contributors: readonly string[];
  }[];
};

describe.skipIf(!isHere)(`golden traces${why}`, () => {
  let eips: Eip[];
  let pages: Page[];
  let commits: Commit[];
  let eipIndex: TraceIndex;
  let pageIndex: TraceIndex;
  const records = (
    docs: readonly { readonly id: string; readonly text: string }[],
  ): TraceRecord[] => docs.map(({ id, text }) => ({ hash: id, text }));

  beforeAll(() => {
    eips = lines<Eip>('corpora/eips/eips.jsonl');
    pages = lines<Page>('corpora/tldr/pages_2025-12-31.jsonl');
    commits = lines<Commit>('corpora/tldr/commits.jsonl');
    eipIndex = buildTraceIndex(records(eips));
    pageIndex = buildTraceIndex(records(pages));
  });

  test('300 of 300 texts are counted over the EIPs as a plain scan counts their word tokens', () => {
    const queries: { text: string }[] = JSON.parse(
      readFileSync(new URL('golden/trace/counts_eips.json', data), 'utf8'),
    );
    const tokensOf = (text: string) => {
      const words = cutWords(text);
      return Array.from({ length: words.count }, (_, i) => tokenAt(words, i));
    };
    const corpus = eips.map(({ text }) => tokensOf(text));
    const wanted = queries.map(({ text }) => ({
      tokens: tokensOf(text),
      occurrences: 0,
      records: new Set<number>(),
    }));
    for (const [record, tokens] of corpus.entries()) {
      for (const query of wanted) {
        const [first] = query.tokens;
        for (let at = tokens.indexOf(first); at >= 0; at = tokens.indexOf(first, at + 1)) {
          if (!query.tokens.every((token, k) => tokens[at + k] === token)) continue;
          query.occurrences += 1;
          query.records.add(record);
        }
      }
    }
    const equal = queries.filter(({ text }, i) => {
      const counted = countWordTokens(text, { indexes: [eipIndex] });
      return (
        counted.occurrences === wanted[i].occurrences && counted.records === wanted[i].records.size
      );
    });
    expect(queries.length).toBe(300);
    expect(equal.length).toBe(300);
  });

  test('every planted passage of 8 words is found, with its record and contributors, and nothing else', () => {
    const cases: Planted[] = JSON.parse(
      readFileSync(new URL('golden/trace/planted_dev_tldr_eips.json', data), 'utf8'),
    );
    const eipOf = new Map(eips.map((eip) => [eip.id, eip]));
    const pageOf = new Map(pages.map((page) => [page.id, page]));

    /** Authors of an EIP, or of the lines of a page that a range has characters of, line ends aside. */
    const contributorsOf = (id: string, start: number, end: number): string[] => {
      const page = pageOf.get(id);
      if (!page) return (eipOf.get(id)?.authors ?? []).map((author) => author.id).sort();
      const authors = new Set<string>();
      let offset = 0;
      for (const [i, line] of page.text.split('\n').entries()) {
        const touched = Math.min(end, offset + line.length) - Math.max(start, offset);
        if (touched > 0) authors.add(commits[page.line_commit[i]].author);
        offset += line.length + 1;
      }
      return [...authors].sort();
    };

    let found = 0;
    let short = 0;
    for (const { id, text, spans: expected } of cases) {
      const { spans } = trace(text, {
        scope: { indexes: [eipIndex, pageIndex] },
        clientTexts: [],
        rules: defaultTraceRules,
      });
      const toCodePoints = codePointOffsets(text);
      const inside = (span: (typeof spans)[number], [from, to]: readonly [number, number]) =>
        from <= toCodePoints(span.start) && toCodePoints(span.end) <= to;

      for (const span of spans) {
        expect(
          expected.filter(({ maximal }) => inside(span, maximal)),
          `${id}: a span nobody planted`,
        ).toHaveLength(1);
        expect([cutsWord(text, span.start), cutsWord(text, span.end)]).toEqual([false, false]);
      }
      for (const { maximal, planted, docs, contributors } of expected) {
        const matches = spans.filter((span) => inside(span, maximal));
        const source = eipOf.get(docs[0]) ?? pageOf.get(docs[0]);
        const passage = Array.from(text)
          .slice(...planted)
          .join('');
        if (wholeWords(passage, source?.text ?? '') < defaultTraceRules.minWords) {
          short += 1;
          continue;
        }
        expect(matches, `${id} ${maximal}`).toHaveLength(1);
        const [{ records: credited, start, end }] = matches;
        expect(credited.map(({ hash }) => hash)).toEqual(docs);
        for (const { hash, start: from, end: to } of credited) {
          const record = (eipOf.get(hash) ?? pageOf.get(hash))?.text ?? '';
          expect(record.slice(from, to)).toBe(text.slice(start, end));
          for (const party of contributorsOf(hash, from, to)) expect(contributors).toContain(party);
          const longest = Array.from(text)
            .slice(...maximal)
            .join('');
          const at = record.indexOf(longest);
          expect(contributorsOf(hash, at, at + longest.length)).toEqual(contributors);
        }
        found += 1;
      }
    }
    expect({ found, short }).toEqual({ found: 242, short: 2 });
  });

  test('the scan that verifiers run finds the same on the real texts', () => {
    const cases: Planted[] = JSON.parse(
      readFileSync(new URL('golden/trace/planted_dev_tldr_eips.json', data), 'utf8'),
    );
    const all = [...records(eips), ...records(pages)];
    const output = cases
      .slice(0, 25)
      .map(({ text }) => text)
      .join('\n');
    const clientTexts = [cases[1].text];
    for (const minWords of [4, 8]) {
      const rules = { minWords, maxRecords: 40 };
      const fast = trace(output, { scope: { indexes: [eipIndex, pageIndex] }, clientTexts, rules });
      expect(fast).toEqual(traceByScan(output, { records: all, clientTexts, rules }));
      expect(fast.spans.some(({ echo }) => echo)).toBe(true);
    }
  });
});

/** Words of a passage that are whole words of the text it was taken from. */
function wholeWords(passage: string, source: string): number {
  const at = source.indexOf(passage);
  const words = cutWords(passage);
  let count = 0;
  for (let i = 0; i < words.count; i++) {
    const isCut = cutsWord(source, at + words.starts[i]) || cutsWord(source, at + words.ends[i]);
    if (words.wordFlags[i] && !isCut) count += 1;
  }
  return count;
}
