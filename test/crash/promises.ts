import type { Id } from '@openledger/protocol';
import { groupBy, type LogLine } from './log-lines.ts';
import type { Said, Word } from './said.ts';

type IsKept = (requestId: Id<'inference'>, units: bigint) => boolean;

/** @param isKept a word that is not in it is one that this mode does not say: each is lost */
export function countKept(
  said: Said,
  isKept: Partial<Record<Word, IsKept>>,
): { readonly acknowledged: number; readonly lost: number } {
  const words = Object.keys(said) as Word[];
  const promises = words.flatMap((word) =>
    [...said[word]].map(([id, units]) => isKept[word]?.(id, units) === true),
  );
  return {
    acknowledged: promises.length,
    lost: promises.filter((kept) => !kept).length,
  };
}

/** Acts that stand more than once for one request. */
export function countTwice(lines: readonly LogLine[]): number {
  const acts = groupBy(lines, ({ reference, kind }) => `${reference} ${kind}`);
  return [...acts.values()].filter((same) => same.length > 1).length;
}
