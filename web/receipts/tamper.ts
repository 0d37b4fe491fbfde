/** Changes one byte of a bundle, as a forger would who wants nobody to notice. */
import { utf8 } from '@openledger/protocol';

export type Tampering = {
  readonly bytes: Uint8Array;
  /** Offset of the byte that was changed. */
  readonly at: number;
  /** The bytes around it, before and after, as text. */
  readonly before: Excerpt;
  readonly after: Excerpt;
};

export type Excerpt = { readonly left: string; readonly byte: string; readonly right: string };

/**
 * Changes one decimal digit into its neighbour (its lowest bit is flipped).
 *
 * A digit, because the text then stays well-formed: it takes more than grammar to notice.
 *
 * @param chance from 0 up to but not including 1: which digit
 * @returns undefined when the text has no digit
 */
export function tamper(text: string, chance: number): Tampering | undefined {
  const bytes = utf8(text);
  const digits = [...bytes.keys()].filter((at) => bytes[at] >= 0x30 && bytes[at] <= 0x39);
  if (digits.length === 0) return undefined;
  const at = digits[Math.floor(chance * digits.length)];
  const changed = flipByte(bytes, at);
  return { bytes: changed, at, before: excerpt(bytes, at), after: excerpt(changed, at) };
}

/** A copy with the lowest bit of one byte flipped. */
export function flipByte(bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice();
  copy[at] ^= 1;
  return copy;
}

const EXCERPT_BYTES = 28;

function excerpt(bytes: Uint8Array, at: number): Excerpt {
  const read = (from: number, to: number) =>
    new TextDecoder().decode(bytes.subarray(Math.max(from, 0), to));
  return {
    left: read(at - EXCERPT_BYTES, at),
    byte: read(at, at + 1),
    right: read(at + 1, at + 1 + EXCERPT_BYTES),
  };
}
