/**
 * 'quality-1': how much a text deserves to be read, in parts per million, by a published formula in whole numbers.
 *
 * quality = language * repetition * (structure + compression) / 2, each part from 0 to 10^6, each step rounded down:
 *
 * - *language*: of the characters that are not white space, the share in words, full from 60 % on. ASCII words of more
 *   than 24 characters (hashes, keys, encoded data) do not count.
 * - *structure*: of the lines that are not blank, the share with at least two words, full from 50 % on.
 * - *compression*: size after LZ78 over size before, full from 20 % on, over the first 65,536 characters.
 *   Source: Ziv, Lempel, "Compression of individual sequences via variable-rate coding", 1978.
 * - *repetition*: of the characters on lines that are not blank, the share on lines not seen before in the text.
 *
 * It says nothing about truth. Money hangs on it only through the prior (information times quality).
 */
import { cutWords, PPM_ONE } from '@openledger/protocol';

export const QUALITY_VERSION = 'quality-1';

export type Quality = {
  readonly ppm: number;
  readonly language: number;
  readonly structure: number;
  readonly compression: number;
  readonly repetition: number;
};

const LONGEST_WORD = 24;
const COMPRESSION_WINDOW = 65_536;

export function scoreQuality(text: string): Quality {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const language = languageOf(text);
  const structure = structureOf(lines);
  const compression = compressionOf(text.slice(0, COMPRESSION_WINDOW));
  const repetition = repetitionOf(lines);
  const form = Math.floor((structure + compression) / 2);
  const wording = Math.floor((language * repetition) / PPM_ONE);
  return {
    ppm: Math.floor((wording * form) / PPM_ONE),
    ...{ language, structure, compression, repetition },
  };
}

/** part / whole in ppm, scaled so that `full` ppm and more count as all. Exact: the products stay below 2^53. */
const share = (part: number, whole: number, full: number): number =>
  whole === 0
    ? 0
    : Math.min(PPM_ONE, Math.floor((Math.floor((part * PPM_ONE) / whole) * PPM_ONE) / full));

function languageOf(text: string): number {
  const words = cutWords(text);
  let inWords = 0;
  let inTokens = 0;
  for (let i = 0; i < words.count; i++) {
    const length = words.ends[i] - words.starts[i];
    inTokens += length;
    if (
      words.wordFlags[i] &&
      !(length > LONGEST_WORD && isAscii(text, words.starts[i], words.ends[i]))
    )
      inWords += length;
  }
  return share(inWords, inTokens, 600_000);
}

function isAscii(text: string, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
}

function structureOf(lines: readonly string[]): number {
  const speaking = lines.filter((line) => {
    const words = cutWords(line);
    return words.wordFlags.reduce((count, flag) => count + flag, 0) >= 2;
  });
  return share(speaking.length, lines.length, 500_000);
}

/** LZ78 writes each phrase as the number of an earlier one and one more character of 16 bits. */
function compressionOf(text: string): number {
  const phrases = new Map<number, number>(); // (phrase, next unit) -> longer phrase
  let count = 1;
  let phrase = 0;
  let written = 0;
  for (let i = 0; i < text.length; i++) {
    const key = phrase * 0x10000 + text.charCodeAt(i);
    const longer = phrases.get(key);
    if (longer !== undefined) {
      phrase = longer;
      continue;
    }
    written += 16 + (32 - Math.clz32(count));
    phrases.set(key, count++);
    phrase = 0;
  }
  return share(written, 16 * text.length, 200_000);
}

function repetitionOf(lines: readonly string[]): number {
  const seen = new Set<string>();
  let fresh = 0;
  let all = 0;
  for (const line of lines) {
    const content = line.trim();
    all += content.length;
    if (!seen.has(content)) fresh += content.length;
    seen.add(content);
  }
  return share(fresh, all, PPM_ONE);
}
