/** Any server that speaks Anthropic's Messages API: Anthropic's own, and those that answer in its words. */
import { anthropicBody } from './anthropic-body.ts';
import { anthropicEvents } from './anthropic-events.ts';
import type { Generation, Operator, OperatorEvent } from './operator.ts';
import { listModels } from './read-answer.ts';
import { type Endpoint, endpointAt, send, serverSentEvents } from './transport.ts';

/** The version of the API whose words are spoken here. */
const VERSION = '2023-06-01';

export function anthropicOperator({
  baseUrl,
  apiKey,
}: {
  readonly baseUrl: string;
  readonly apiKey: string | null;
}): Operator {
  const headers = { 'anthropic-version': VERSION, ...(apiKey ? { 'x-api-key': apiKey } : {}) };
  const endpoint = endpointAt(withVersion(baseUrl), headers);
  return {
    listModels: () => listModels(endpoint, 'models?limit=1000'),
    async countPrompt(generation) {
      anthropicBody(generation); // refuses what it cannot heed
      return undefined;
    },
    ownTokensAtMost: ({ tools, responseFormat }) =>
      tools.length > 0 || responseFormat ? INSTRUCTION_TOKENS : 0,
    generate: (generation) => generate(endpoint, generation),
  };
}

/** Anthropic's clients name an address without the version, others with it: both will do. */
const withVersion = (baseUrl: string): string =>
  `${baseUrl.replace(/\/+$/, '').replace(/\/v1$/, '')}/v1`;

/** It puts instructions of its own before tools and schemas; Anthropic names 264 to 530 tokens, by model. */
const INSTRUCTION_TOKENS = 600;

/** Always streamed, also where the answer may come in one piece: so it can be stopped, and its silence told. */
async function* generate(endpoint: Endpoint, generation: Generation): AsyncIterable<OperatorEvent> {
  const { signal, headers, maxTokens } = generation;
  const body = { ...anthropicBody(generation), stream: true };
  const answered = await send(endpoint, { path: 'messages', body, signal, headers });
  yield* anthropicEvents(serverSentEvents(answered), maxTokens);
}
