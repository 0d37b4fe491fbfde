/** Retrieved records as the model reads them. */
import { outputText } from '@openledger/protocol';
import type { RetrievedRecord } from '../datanets/index.ts';
import { sumOf, tokensAbout } from './price.ts';
import type { GenerationRequest } from './request.ts';

/** The records' texts in order of relevance, or undefined when nothing was retrieved. */
export function contextMessage(retrieved: readonly RetrievedRecord[]): string | undefined {
  if (retrieved.length === 0) return undefined;
  return retrieved.map((record) => record.text.trim()).join('\n\n');
}

type Prompt = {
  readonly request: GenerationRequest;
  readonly retrieved: readonly RetrievedRecord[];
};

/** Our guess where the tokenizer is not ours. */
export const promptTokensAbout = (prompt: Prompt): number =>
  sumOf(promptTexts(prompt).map(tokensAbout));

/** Every text that is put before the model, tools' definitions and the form asked for among them. */
export const promptTexts = ({
  request: { messages, tools, responseFormat },
  retrieved,
}: Prompt): readonly string[] => [
  ...messages.map(({ content, toolCalls }) =>
    toolCalls ? outputText(content, toolCalls) : content,
  ),
  ...tools.map((tool) => JSON.stringify(tool)),
  ...(responseFormat ? [JSON.stringify(responseFormat)] : []),
  ...retrieved.map((record) => record.text),
];
