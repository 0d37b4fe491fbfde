/**
 * An index of a datanet's passages that follows its snapshots: what is new is added, what is gone is passed over, small
 * segments are merged by doubling. A search reads what is there.
 *
 * A snapshot is taken up in three steps: `keep` for every passage it holds, `add` for those that were missing, `finish`.
 */
import { createBm25 } from '../../compute/bm25.ts';
import { MOST_DOCUMENTS } from '../../compute/inverted-index.ts';
import { learnProjectedTerms, type ProjectedTerms } from '../../compute/projected-terms.ts';
import { createSignCodes, type SignCodes, setVector } from '../../compute/sign-codes.ts';
import { projectSegment } from './project-segment.ts';
import { type Found, type PassageSearch, searchSegments } from './search-segments.ts';
import {
  aliveIn,
  createSegmentBuilder,
  hashAt,
  mergeSegments,
  type Passage,
  type Segment,
  sizeOf,
} from './segment.ts';

export type PassageIndex = {
  /** @returns those that are not here */
  keep(hashes: readonly string[]): readonly string[];
  add(passages: readonly Passage[]): void;
  /** What was neither kept nor added since the last time is not found any more. */
  finish(): void;
  /** Those that are not here are passed over. */
  strike(hashes: readonly string[]): void;
  /** Vectors for `hybrid` where no other embedder makes them; yields when others may have their turn. */
  project(): Generator<void, void>;
  /** Passages without a vector from elsewhere, some of them. */
  withoutVector(limit: number): readonly string[];
  addVectors(hashes: readonly string[], vectors: readonly Float32Array[]): void;
  search(search: PassageSearch): Found;
  readonly size: () => number;
  readonly bytes: () => number;
};

const DIMENSIONS = 384;

export function createPassageIndex(): PassageIndex {
  let segments: readonly Segment[] = [];
  let builder = createSegmentBuilder();
  let bm25 = createBm25([]);
  /** Passages that can be found. */
  let alive = 0;
  let terms: { readonly learned: ProjectedTerms; readonly from: number } | undefined;
  /** Where a passage is, by the first 52 bits of its hash; who looks compares the whole. */
  const places = new Map<number, { segment: Segment; row: number }>();
  let kept = new Map<Segment, Uint8Array>();

  function placeOf(hash: string) {
    const place = places.get(keyOf(hash));
    return place && hashAt(place.segment, place.row) === hash ? place : undefined;
  }

  function setSegments(next: readonly Segment[]): void {
    segments = next;
    bm25 = createBm25(segments.map((segment) => segment.bm25));
    alive = segments.reduce((sum, segment) => sum + aliveIn(segment), 0);
  }

  function takeUp(segment: Segment): void {
    for (let row = 0; row < sizeOf(segment); row++) {
      places.set(keyOf(hashAt(segment, row)), { segment, row });
    }
  }

  function closeBuilder(): void {
    if (builder.size() === 0) return;
    const segment = builder.build();
    builder = createSegmentBuilder();
    takeUp(segment);
    kept.set(segment, new Uint8Array(sizeOf(segment)).fill(1));
    setSegments([...segments, segment]);
  }

  return {
    keep(hashes) {
      return hashes.filter((hash) => {
        const place = placeOf(hash);
        if (!place) return true;
        const rows = kept.get(place.segment) ?? new Uint8Array(sizeOf(place.segment));
        kept.set(place.segment, rows);
        rows[place.row] = 1;
        return false;
      });
    },
    add(passages) {
      for (const passage of passages) {
        builder.add(passage);
        if (builder.size() === MOST_DOCUMENTS) closeBuilder();
      }
    },
    finish() {
      closeBuilder();
      for (const segment of segments) {
        segment.alive.set(kept.get(segment) ?? new Uint8Array(sizeOf(segment)));
      }
      kept = new Map();
      const next = mergeByDoubling(segments);
      for (const segment of next) if (!segments.includes(segment)) takeUp(segment);
      for (const [key, { segment }] of places) if (!next.includes(segment)) places.delete(key);
      setSegments(next);
    },
    strike(hashes) {
      for (const hash of hashes) {
        const place = placeOf(hash);
        if (!place) continue;
        alive -= place.segment.alive[place.row];
        place.segment.alive[place.row] = 0;
      }
    },
    *project() {
      if (!terms || bm25.size >= 2 * terms.from) {
        const from = bm25.size;
        terms = { learned: yield* learnFrom(segments), from };
      }
      const { learned } = terms;
      for (const segment of segments) {
        if (segment.projected?.terms === learned) continue;
        segment.projected = { terms: learned, codes: yield* projectSegment(segment, learned) };
      }
    },
    withoutVector: (limit) => findWithoutVector(segments, limit),
    addVectors(hashes, vectors) {
      for (const [i, hash] of hashes.entries()) {
        const place = placeOf(hash);
        if (!place) continue;
        place.segment.embedded ??= createSignCodes(sizeOf(place.segment), vectors[i].length);
        setVector(place.segment.embedded, place.row, vectors[i]);
      }
    },
    search: (search) => searchSegments({ segments, bm25, isWhole: alive === bm25.size }, search),
    size: () => alive,
    bytes: () => segments.reduce((sum, segment) => sum + bytesOf(segment), 0),
  };
}

const learnFrom = (segments: readonly Segment[]) =>
  learnProjectedTerms(
    segments.map((segment) => segment.bm25.index),
    { dimensions: DIMENSIONS },
  );

function findWithoutVector(segments: readonly Segment[], limit: number): readonly string[] {
  const found: string[] = [];
  for (const segment of segments) {
    for (let row = 0; row < sizeOf(segment) && found.length < limit; row++) {
      const lacks = segment.embedded === undefined || segment.embedded.scales[row] === 0;
      if (lacks && segment.alive[row] === 1) found.push(hashAt(segment, row));
    }
  }
  return found;
}

const keyOf = (hash: string): number => Number.parseInt(hash.slice(0, 13), 16);

/** The last segments become one while the last is at least half of the one before and both fit into one. */
function mergeByDoubling(segments: readonly Segment[]): readonly Segment[] {
  const left = segments.filter((segment) => aliveIn(segment) > 0);
  const sizes = left.map(aliveIn);
  let from = left.length;
  let size = 0;
  while (
    from > 0 &&
    size + sizes[from - 1] <= MOST_DOCUMENTS &&
    (size === 0 || sizes[from - 1] <= 2 * size)
  ) {
    size += sizes[--from];
  }
  const last = left.slice(from);
  const isWhole = last.length === 1 && 2 * sizes[from] > sizeOf(last[0]);
  return last.length === 0 || isWhole ? left : [...left.slice(0, from), mergeSegments(last)];
}

/** Of the arrays; the words themselves and what finds them are not counted. */
function bytesOf({ bm25, projected, embedded, ...rest }: Segment): number {
  const { offsets, documents, frequencies, lengths } = bm25.index;
  const codesOf = (codes: SignCodes | undefined) =>
    codes ? [codes.bits, codes.bytes, codes.scales] : [];
  return [
    ...[offsets, documents, frequencies, lengths, bm25.bounds, rest.hashes, rest.documents],
    ...[rest.groups, rest.times, rest.alive, ...codesOf(projected?.codes), ...codesOf(embedded)],
  ].reduce((sum, array) => sum + array.byteLength, 0);
}
