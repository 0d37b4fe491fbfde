/** Cuts a stream of bytes into lines, holding no more than one line in memory. */

/** One line of a body, numbered from 1. A line that cannot be read says why, and the lines after it still come. */
export type Line =
  | { readonly number: number; readonly text: string }
  | { readonly number: number; readonly problem: 'too_long' | 'not_utf8' };

const NEWLINE = 0x0a;

/**
 * Lines end at `\n` or `\r\n`; blank lines are counted and left out.
 *
 * @param maxLineBytes a longer line becomes a problem; its bytes are dropped as they come
 */
export async function* linesOf(
  chunks: AsyncIterable<Uint8Array>,
  { maxLineBytes }: { readonly maxLineBytes: number },
): AsyncGenerator<Line> {
  let number = 1;
  let parts: Uint8Array[] = [];
  let sizeBytes = 0;
  const keep = (part: Uint8Array) => {
    sizeBytes += part.length;
    if (sizeBytes > maxLineBytes) parts = [];
    else if (part.length > 0) parts.push(part);
  };
  const finish = (): Line | undefined => {
    const line = sizeBytes > maxLineBytes ? tooLong(number) : readLine(number, parts);
    number += 1;
    parts = [];
    sizeBytes = 0;
    return line;
  };

  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      keep(chunk.subarray(start, end));
      start = end + 1;
      const line = finish();
      if (line) yield line;
    }
    keep(chunk.subarray(start));
  }
  const last = finish();
  if (last) yield last;
}

const tooLong = (number: number): Line => ({ number, problem: 'too_long' });

/** A line without anything but white space is none. */
function readLine(number: number, parts: readonly Uint8Array[]): Line | undefined {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  try {
    const text = decoder.decode(Buffer.concat(parts)).replace(/\r$/, '');
    return text.trim() === '' ? undefined : { number, text };
  } catch {
    return { number, problem: 'not_utf8' };
  }
}
