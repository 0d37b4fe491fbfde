/** Files as text, or not at all. */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';

const { O_NOFOLLOW, O_RDONLY } = constants;

/** Larger files are not read. The server takes records up to 1 MB. */
export const MAX_FILE_BYTES = 1_000_000;

export type ReadText = { readonly text: string } | { readonly refusal: string };

/** Reads a file that somebody else may be growing meanwhile: never more than the limit. Not through a symbolic link. */
export async function readText(path: string): Promise<ReadText> {
  const file = await open(path, O_RDONLY | O_NOFOLLOW);
  try {
    const { size } = await file.stat();
    if (size > MAX_FILE_BYTES)
      return { refusal: `It has ${size} bytes; at most ${MAX_FILE_BYTES} are read.` };
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size), 0, size, 0);
    return decodeText(buffer.subarray(0, bytesRead));
  } finally {
    await file.close();
  }
}

/** Line ends become `\n`, a byte order mark is dropped; binary content and other encodings are refused. */
export function decodeText(bytes: Uint8Array): ReadText {
  if (bytes.includes(0)) return { refusal: 'It is binary.' };
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return { text: text.replaceAll('\r\n', '\n') };
  } catch {
    return { refusal: 'It is not valid UTF-8.' };
  }
}
