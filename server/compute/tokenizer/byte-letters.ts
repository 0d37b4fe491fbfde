/**
 * A visible letter for every byte, so that any bytes can be written in JSON: byte-level BPE's alphabet.
 *
 * Printable bytes of Latin-1 stand for themselves; the other 68, in order, for the code points from 256.
 * Source: Radford et al., "Language Models are Unsupervised Multitask Learners", 2019 (GPT-2's encoder).
 */

const isPrintable = (byte: number): boolean =>
  (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;

/** The letter of each byte, [256]. */
export const byteLetters: readonly string[] = lettersInOrder();

const bytesByLetter = new Map(byteLetters.map((letter, byte) => [letter, byte]));

/** @returns undefined when a letter stands for no byte */
export function bytesOfLetters(letters: string): Uint8Array | undefined {
  const bytes = Array.from(letters, (letter) => bytesByLetter.get(letter));
  return bytes.every((byte) => byte !== undefined) ? Uint8Array.from(bytes) : undefined;
}

function lettersInOrder(): string[] {
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) =>
    String.fromCharCode(isPrintable(byte) ? byte : next++),
  );
}
