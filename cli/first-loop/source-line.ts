/** Follows a passage back through the refinements to the line of the file that its contributor wrote. */
import type { api, Client, Id, OutputOf } from '@openledger/sdk';

type RecordDetail = OutputOf<typeof api.datanets.getRecord>;

/**
 * @param offset where the passage begins in the record's text, in UTF-16 units
 * @returns a line of the contributed file, from 1
 */
export async function sourceLine(
  client: Client,
  {
    datanetId,
    record,
    offset,
  }: { readonly datanetId: Id<'datanet'>; readonly record: RecordDetail; readonly offset: number },
): Promise<number> {
  let at = record;
  let line = record.text.slice(0, offset).split('\n').length;
  for (let [parent] = at.parents; parent; [parent] = at.parents) {
    line = parent.lines[line - 1] ?? line;
    at = await client.datanets.getRecord({ datanetId, recordHash: parent.hash });
  }
  return line + (at.source.line ?? 1) - 1;
}
