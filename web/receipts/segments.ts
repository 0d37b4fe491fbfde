/** Cuts a text where passages begin and end, so that each piece knows which passages cover it. */
import type { TextRange } from '@openledger/protocol';

export type Segment = {
  /** UTF-16 offset into the text. */
  readonly start: number;
  readonly text: string;
  /** Indexes of the passages that cover all of this piece, ascending; none of them ends or begins inside it. */
  readonly passages: readonly number[];
};

/** @param passages in any order; they may overlap, and what lies outside the text is left out */
export function segmentsOf(text: string, passages: readonly TextRange[]): readonly Segment[] {
  const inside = (offset: number) => Math.min(Math.max(offset, 0), text.length);
  const cuts = [0, text.length, ...passages.flatMap(({ start, end }) => [start, end])].map(inside);
  const edges = [...new Set(cuts)].sort((a, b) => a - b);
  return edges.slice(1).map((end, i) => {
    const start = edges[i];
    return {
      start,
      text: text.slice(start, end),
      passages: passages.flatMap((one, index) =>
        one.start <= start && end <= one.end ? [index] : [],
      ),
    };
  });
}
