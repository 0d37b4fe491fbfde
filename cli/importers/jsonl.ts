/** A JSONL file: one record a line. */
import { basename } from 'node:path';
import type { Draft } from '@openledger/sdk';
import { jsonLines } from './json-lines.ts';
import type { RowOptions } from './problem.ts';
import { toDraft } from './to-draft.ts';

/**
 * Reads `{ text, licence?, contributors?: [{ identity | handle, weight }], authorship?, metadata?, ... }` a line.
 *
 * Members that are none of these are kept as metadata. A line that cannot be read is reported by its number.
 */
export async function* jsonlDrafts(
  path: string,
  { onProblem, ...columns }: RowOptions = {},
): AsyncGenerator<Draft> {
  const name = basename(path);
  const read = (value: unknown, line: number) =>
    toDraft(value, { ...columns, source: { kind: 'jsonl', path: name, line } });
  yield* jsonLines({ path, name }, read, onProblem);
}
