/** Retrieved records as the model reads them. */
import type { RetrievedRecord } from '../datanets/index.ts';

/** The records' texts in order of relevance, or undefined when nothing was retrieved. */
export function contextMessage(retrieved: readonly RetrievedRecord[]): string | undefined {
  if (retrieved.length === 0) return undefined;
  return retrieved.map((record) => record.text.trim()).join('\n\n');
}
