/** Retrieved records as the model reads them. */
import type { RetrievedRecord } from '../datanets/index.ts';
import type { GenerationRequest } from './request.ts';

/** The records' texts in order of relevance, or undefined when nothing was retrieved. */
export function contextMessage(retrieved: readonly RetrievedRecord[]): string | undefined {
  if (retrieved.length === 0) return undefined;
  return retrieved.map((record) => record.text.trim()).join('\n\n');
}

/** Every text that is put before the model. */
export const promptTexts = ({
  request,
  retrieved,
}: {
  readonly request: GenerationRequest;
  readonly retrieved: readonly RetrievedRecord[];
}): readonly string[] => [
  ...request.messages.map((message) => message.content),
  ...retrieved.map((record) => record.text),
];
