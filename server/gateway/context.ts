/** Retrieved records as the model reads them. */
import { outputText } from '@openledger/protocol';
import type { RetrievedRecord } from '../datanets/index.ts';
import type { GenerationRequest } from './request.ts';

/** The records' texts in order of relevance, or undefined when nothing was retrieved. */
export function contextMessage(retrieved: readonly RetrievedRecord[]): string | undefined {
  if (retrieved.length === 0) return undefined;
  return retrieved.map((record) => record.text.trim()).join('\n\n');
}

/** Every text that is put before the model, tools' definitions and the form asked for among them. */
export const promptTexts = ({
  request: { messages, tools, responseFormat },
  retrieved,
}: {
  readonly request: GenerationRequest;
  readonly retrieved: readonly RetrievedRecord[];
}): readonly string[] => [
  ...messages.map(({ content, toolCalls }) =>
    toolCalls ? outputText(content, toolCalls) : content,
  ),
  ...tools.map((tool) => JSON.stringify(tool)),
  ...(responseFormat ? [JSON.stringify(responseFormat)] : []),
  ...retrieved.map((record) => record.text),
];
