/** Prompts that the datanet can answer: the headings of its own documents. */
import type { SnapshotExport } from '@openledger/sdk';

/** Short enough never to be an echo of eight words. */
const MOST_WORDS = 7;

/**
 * Headings of documents, as prompts without trailing space: `# zod`, `## Usage`. Spread evenly over the snapshots.
 *
 * @returns at most `count`, distinct
 */
export function promptsFrom(
  snapshots: readonly SnapshotExport[],
  count: number,
): readonly string[] {
  const headings = snapshots
    .flatMap(({ records }) => records)
    .flatMap(({ text }) => {
      const [first = ''] = (text ?? '').trimStart().split('\n');
      const heading = first.trim();
      return isUsable(heading) ? [heading] : [];
    });
  const distinct = [...new Set(headings)];
  const step = Math.max(1, distinct.length / count);
  return Array.from(
    { length: Math.min(count, distinct.length) },
    (_, i) => distinct[Math.floor(i * step)],
  );
}

function isUsable(heading: string): boolean {
  const words = heading.match(/[\p{L}\p{N}_]+/gu) ?? [];
  return (
    /^#{1,3} \S/.test(heading) &&
    words.length >= 1 &&
    words.length <= MOST_WORDS &&
    heading.length <= 60
  );
}
