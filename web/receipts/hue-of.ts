/** The colour of a passage, the same in the output and in the list. What pays nobody has none. */
import type { EvidenceSpan } from '@openledger/protocol';

const HUES = 6;

export const hueOf = (
  passage: number,
  { echo, commons }: Pick<EvidenceSpan, 'echo' | 'commons'>,
): string => (echo || commons ? 'hue-none' : `hue-${passage % HUES}`);
