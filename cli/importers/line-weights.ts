/**
 * How much of a text each of its writers wrote.
 *
 * A line weighs its characters (code points) that are not white space, shared equally among those who wrote it. To
 * keep that exact, all weights are multiplied by the least common multiple of the numbers of writers, then divided by
 * what they have in common. A line without known writers weighs nothing.
 */
import type { AuthoredLines } from '@openledger/sdk';

export type WrittenLine = {
  /** As `visibleCharacters` counts them; of several lines, all together. */
  readonly characters: number;
  /** Distinct. */
  readonly writers: readonly string[];
};

export const visibleCharacters = (text: string): number => [...text.replaceAll(/\s+/g, '')].length;

/** @returns whole weights from 1 to 2^53 - 1, largest first, equal ones by name */
export function lineWeights(
  lines: readonly WrittenLine[],
): readonly { readonly writer: string; readonly weight: number }[] {
  const scale = [...new Set(lines.map(({ writers }) => BigInt(writers.length || 1)))].reduce(
    (all, count) => (all / commonDivisor(all, count)) * count,
    1n,
  );
  const weights = new Map<string, bigint>();
  for (const { characters, writers } of lines) {
    for (const writer of writers) {
      const part = (BigInt(characters) * scale) / BigInt(writers.length);
      weights.set(writer, (weights.get(writer) ?? 0n) + part);
    }
  }
  return wholeNumbers([...weights].filter(([, weight]) => weight > 0n));
}

/** Who wrote which lines, by the places of their names among the text's contributors. */
export function lineAuthorship(
  lines: readonly WrittenLine[],
  contributors: readonly string[],
): AuthoredLines[] {
  const placeOf = new Map(contributors.map((writer, place) => [writer, place]));
  const runs: AuthoredLines[] = [];
  for (const { writers } of lines) {
    const by = writers.flatMap((writer) => placeOf.get(writer) ?? []);
    const last = runs.at(-1);
    if (last && last.by.join() === by.join()) last.lines += 1;
    else runs.push({ lines: 1, by });
  }
  return runs;
}

/** Only a text with dozens of different numbers of co-authors is too large for a number: then the last bits go. */
function wholeNumbers(
  weights: readonly (readonly [writer: string, weight: bigint])[],
): readonly { readonly writer: string; readonly weight: number }[] {
  const common = weights.reduce((divisor, [, weight]) => commonDivisor(divisor, weight), 0n);
  const largest =
    weights.reduce((most, [, weight]) => (weight > most ? weight : most), 0n) / (common || 1n);
  const excess = BigInt(Math.max(0, largest.toString(2).length - 53));
  return weights
    .map(([writer, weight]) => ({ writer, weight: Number((weight / common) >> excess) || 1 }))
    .sort((a, b) => b.weight - a.weight || (a.writer < b.writer ? -1 : 1));
}

function commonDivisor(a: bigint, b: bigint): bigint {
  return b === 0n ? a : commonDivisor(b, a % b);
}
