/** One search over the segments of an index: by words, or by words and vectors, the two rankings fused by reciprocal rank. */
import type { Bm25, Hit } from '../../compute/bm25.ts';
import { diversify, fuseRanks } from '../../compute/rank-fusion.ts';
import {
  codeDimensions,
  createSignCodes,
  nearest,
  type SignCodes,
  vectorAt,
} from '../../compute/sign-codes.ts';
import { hashAt, type Segment, sizeOf } from './segment.ts';

/** By words alone, or by words and vectors together. */
export type Mode = 'words' | 'hybrid';

export type PassageSearch = {
  readonly query: string;
  readonly limit: number;
  readonly mode: Mode;
  /** Made by an embedder elsewhere. Absent: the one made here is used. */
  readonly vector?: Float32Array;
  /** Groups that may be found. Absent: all. */
  readonly groups?: ReadonlySet<number>;
  /** Contributed at or after, and before, in milliseconds. */
  readonly since?: number;
  readonly before?: number;
  /** 0 to 1: how much being unlike the passages before counts against being near; `hybrid` only. */
  readonly diversity?: number;
};

export type Found = {
  /** Best first. */
  readonly hits: readonly { readonly hash: string; readonly score: number }[];
  /** What was searched by in the end: without vectors it is words. */
  readonly mode: Mode;
};

/** Chosen on one half of the EIP queries of `eips.test.ts`. */
const VECTOR_WEIGHT = 0.5;
const RANK_CONSTANT = 5;
/** How deep each ranking is read at least. */
const DEPTH = 100;
/** Rows near by their bits that are ranked by their bytes: the more there are, the more stand in between. */
export const candidatesAmong = (rows: number): number => Math.max(1000, Math.ceil(rows / 256));

export function searchSegments(
  index: {
    readonly segments: readonly Segment[];
    readonly bm25: Bm25;
    /** Nothing in it is withdrawn or replaced. */
    readonly isWhole: boolean;
  },
  search: PassageSearch,
): Found {
  const { segments, bm25 } = index;
  const isNarrow = search.groups ?? search.since ?? search.before;
  const filter = index.isWhole && isNarrow === undefined ? undefined : filterOf(segments, search);
  const { query, limit, mode, diversity = 0 } = search;
  const told = (hits: readonly Hit[], used: Mode): Found => ({
    mode: used,
    hits: hits.map(({ document, score }) => ({ hash: hashOf(segments, document), score })),
  });
  const vectors = mode === 'hybrid' ? vectorsOf(segments, search) : undefined;
  if (!vectors) return told(bm25.search(query, { limit, filter }), 'words');
  const depth = { limit: Math.max(DEPTH, limit), filter };
  const rankings = [
    { hits: bm25.search(query, depth), weight: 1 },
    {
      hits: nearest(vectors.codes, vectors.query, {
        ...depth,
        candidates: candidatesAmong(bm25.size),
      }),
      weight: VECTOR_WEIGHT,
    },
  ];
  const similarity = (a: number, b: number) =>
    dot(rowVector(vectors.codes, a), rowVector(vectors.codes, b));
  const fused = fuseRanks(rankings, RANK_CONSTANT);
  return told(diversify(fused, { limit, diversity, similarity }), 'hybrid');
}

function filterOf(
  segments: readonly Segment[],
  { groups, since = -Infinity, before = Infinity }: PassageSearch,
): (document: number) => boolean {
  const mask = new Uint8Array(segments.reduce((sum, segment) => sum + sizeOf(segment), 0));
  let base = 0;
  for (const segment of segments) {
    const { alive, times } = segment;
    for (let row = 0; row < alive.length; row++) {
      const isAsked = times[row] >= since && times[row] < before;
      if (alive[row] === 1 && isAsked && (!groups || groups.has(segment.groups[row]))) {
        mask[base + row] = 1;
      }
    }
    base += alive.length;
  }
  return (document) => mask[document] === 1;
}

/** The vectors to be searched and the query's; undefined while some segment has none. */
function vectorsOf(
  segments: readonly Segment[],
  { query, vector }: PassageSearch,
): { readonly codes: readonly SignCodes[]; readonly query: Float32Array } | undefined {
  if (vector) {
    const dimensions = codeDimensions(vector.length);
    const isKnown = segments.some(({ embedded }) => embedded?.dimensions === dimensions);
    if (!isKnown) return undefined;
    const codes = segments.map(
      (segment) => segment.embedded ?? createSignCodes(sizeOf(segment), dimensions),
    );
    return { codes, query: vector };
  }
  const terms = segments.find(({ projected }) => projected)?.projected?.terms;
  if (!terms) return undefined;
  const codes = segments.map(({ projected, ...segment }) =>
    projected?.terms === terms
      ? projected.codes
      : createSignCodes(segment.alive.length, terms.dimensions),
  );
  return { codes, query: terms.embed(query) };
}

const hashOf = (segments: readonly Segment[], document: number): string =>
  atDocument(segments, sizeOf, document, hashAt);

const rowVector = (codes: readonly SignCodes[], document: number): Float32Array =>
  atDocument(codes, ({ rows }) => rows, document, vectorAt);

/** Documents are numbered through all parts. */
function atDocument<Part, Found>(
  parts: readonly Part[],
  rowsOf: (part: Part) => number,
  document: number,
  read: (part: Part, row: number) => Found,
): Found {
  let row = document;
  for (const part of parts) {
    if (row < rowsOf(part)) return read(part, row);
    row -= rowsOf(part);
  }
  throw new Error(`The index holds no passage ${document}.`);
}

const dot = (a: Float32Array, b: Float32Array): number =>
  a.reduce((sum, value, i) => sum + value * b[i], 0);
