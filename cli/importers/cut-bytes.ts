/**
 * Cuts a stream of bytes at a separator, holding no more than one piece in memory.
 *
 * @returns the pieces without their separators; undefined for one that is longer than `maxBytes`
 */
export async function* cutBytes(
  chunks: AsyncIterable<Buffer>,
  { separator, maxBytes }: { readonly separator: number; readonly maxBytes: number },
): AsyncGenerator<Buffer | undefined> {
  let parts: Buffer[] = [];
  let size = 0;
  const keep = (part: Buffer) => {
    size += part.length;
    if (size > maxBytes) parts = [];
    else if (part.length > 0) parts.push(part);
  };
  const finish = () => {
    const piece = size > maxBytes ? undefined : Buffer.concat(parts);
    parts = [];
    size = 0;
    return piece;
  };
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(separator); end >= 0; end = chunk.indexOf(separator, start)) {
      keep(chunk.subarray(start, end));
      start = end + 1;
      yield finish();
    }
    keep(chunk.subarray(start));
  }
  if (size > 0) yield finish();
}
