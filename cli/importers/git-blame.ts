import { cutBytes } from './cut-bytes.ts';
import type { CleanRoom } from './git-clean-room.ts';
import { MAX_FILE_BYTES } from './read-text.ts';

export type BlamedLine = {
  /** The commit that wrote the line. */
  readonly commit: string;
  /** As it stands in the file, without its line feed. */
  readonly content: Buffer;
};

/**
 * Who wrote each line of a file as it stands in a commit, line by line as git finds out.
 *
 * The file must be no larger than MAX_FILE_BYTES. What else git says of a commit is passed over, however long it is.
 */
export async function* blame(
  room: CleanRoom,
  { commit, path }: { readonly commit: string; readonly path: string },
): AsyncGenerator<BlamedLine> {
  const output = room.stream(['blame', '--porcelain', '--no-textconv', commit, '--', path]);
  let author = '';
  for await (const row of cutBytes(output, { separator: NEWLINE, maxBytes: MAX_FILE_BYTES + 1 })) {
    if (row === undefined) continue;
    if (row[0] === TAB) yield { commit: author, content: row.subarray(1) };
    else author = /^([0-9a-f]{40,64}) \d+ \d+/.exec(row.toString('latin1'))?.[1] ?? author;
  }
}

const NEWLINE = 0x0a;
const TAB = 0x09;
