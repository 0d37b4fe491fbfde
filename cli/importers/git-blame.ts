import type { CleanRoom } from './git-clean-room.ts';

export type BlamedLine = {
  /** The commit that wrote the line. */
  readonly commit: string;
  /** As it stands in the file, without its line feed. */
  readonly content: Buffer;
};

/** Who wrote each line of a file as it stands in a commit. */
export async function blame(
  room: CleanRoom,
  { commit, path }: { readonly commit: string; readonly path: string },
): Promise<readonly BlamedLine[]> {
  const output = await room.git(['blame', '--porcelain', '--no-textconv', commit, '--', path]);
  const lines: BlamedLine[] = [];
  let author = '';
  for (const row of rowsOf(output)) {
    if (row[0] === TAB) lines.push({ commit: author, content: row.subarray(1) });
    else author = /^([0-9a-f]{40,64}) \d+ \d+/.exec(row.toString())?.[1] ?? author;
  }
  return lines;
}

const TAB = 0x09;

function* rowsOf(output: Buffer): Generator<Buffer> {
  for (let start = 0; start < output.length; ) {
    const end = output.indexOf(0x0a, start);
    yield output.subarray(start, end < 0 ? output.length : end);
    start = end < 0 ? output.length : end + 1;
  }
}
