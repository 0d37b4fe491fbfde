/** What each passage of a receipt earned for the owners of its records. */
import type { Evidence } from './evidence.ts';
import { PPM_ONE, WEIGHT_ONE } from './split.ts';

/**
 * Divides the measured part of a data leg over the passages, by information.
 *
 * A word in which passages overlap counts in equal parts for each of them that pays. Rounded down: a passage is a way
 * to look at a receipt, while credits are rounded once, over a party's whole life.
 *
 * @param dataUnits the data leg
 * @returns units a passage, in the order of the evidence; 0 for commons, which pay nobody
 */
export function passageEarnings(
  { spans, information, confidencePpm }: Evidence,
  dataUnits: bigint,
): readonly bigint[] {
  const sharers = new Map<number, bigint>(); // word -> how many passages are paid for it
  const paying = spans.filter(({ commons }) => !commons);
  for (const { firstWord, words } of paying) {
    for (let word = firstWord; word < firstWord + words; word++) {
      sharers.set(word, (sharers.get(word) ?? 0n) + 1n);
    }
  }
  const whole = BigInt(information.total) * BigInt(PPM_ONE) * WEIGHT_ONE;
  return spans.map((span) => {
    if (span.commons || whole === 0n) return 0n;
    const part = span.information.reduce(
      (sum, worth, i) =>
        sum + (BigInt(worth) * WEIGHT_ONE) / (sharers.get(span.firstWord + i) ?? 1n),
      0n,
    );
    return (dataUnits * BigInt(confidencePpm) * part) / whole;
  });
}
