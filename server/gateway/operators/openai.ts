/** Any server that speaks OpenAI's chat completions: vLLM, llama.cpp, Ollama, hosted APIs. */
import { OpenLedgerError } from '@openledger/protocol';
import { z } from 'zod';
import { contextMessage } from '../context.ts';
import type { Usage } from '../price.ts';
import type {
  FinishReason,
  Generation,
  Operator,
  OperatorEvent,
  TokenLogprob,
} from './operator.ts';

const TokenCount = z.number().int().nonnegative();

const Chunk = z.object({
  choices: z
    .array(
      z.object({
        delta: z.object({ content: z.string().nullish() }).nullish(),
        finish_reason: z.string().nullish(),
        logprobs: z
          .object({
            content: z
              .array(
                z.object({
                  token: z.string(),
                  logprob: z.number(),
                  top_logprobs: z
                    .array(z.object({ token: z.string(), logprob: z.number() }))
                    .default([]),
                }),
              )
              .nullish(),
          })
          .nullish(),
      }),
    )
    .default([]),
  /** A count that is none is treated as a missing one. */
  usage: z
    .object({ prompt_tokens: TokenCount, completion_tokens: TokenCount })
    .nullish()
    .catch(undefined),
  error: z.unknown().optional(),
});

export type OpenAiEndpoint = { readonly baseUrl: string; readonly apiKey: string | undefined };

export function openAiOperator(endpoint: OpenAiEndpoint): Operator {
  return {
    listModels: () => listOffered(endpoint),
    countPrompt: async () => undefined,
    generate: (generation) => generate(endpoint, generation),
  };
}

const ModelList = z.object({
  data: z.array(z.object({ id: z.string().min(1).max(200) })).max(1000),
});

/** The names of the models it offers. @throws operator_failed */
async function listOffered(endpoint: OpenAiEndpoint): Promise<readonly string[]> {
  try {
    const response = await fetch(urlOf(endpoint, 'models'), {
      headers: headersOf(endpoint),
      signal: AbortSignal.timeout(10_000),
      redirect: 'error',
    });
    return ModelList.parse(await response.json()).data.map(({ id }) => id);
  } catch (cause) {
    throw failed('The operator does not list its models.', cause);
  }
}

const urlOf = ({ baseUrl }: OpenAiEndpoint, path: string): string =>
  `${baseUrl.replace(/\/$/, '')}/${path}`;

const headersOf = ({ apiKey }: OpenAiEndpoint): Record<string, string> =>
  apiKey ? { authorization: `Bearer ${apiKey}` } : {};

async function* generate(
  endpoint: OpenAiEndpoint,
  generation: Generation,
): AsyncIterable<OperatorEvent> {
  const response = await send(endpoint, generation);
  let finishReason: string | undefined;
  let usage: Usage | undefined;
  for await (const data of serverSentEvents(response)) {
    if (data === '[DONE]') {
      finishReason ??= 'stop';
      break;
    }
    const chunk = parseChunk(data);
    const [choice] = chunk.choices;
    finishReason = choice?.finish_reason || finishReason; // some send a blank one with each chunk
    if (chunk.usage) {
      usage = {
        promptTokens: chunk.usage.prompt_tokens,
        completionTokens: chunk.usage.completion_tokens,
      };
    }
    const text = choice?.delta?.content;
    if (text)
      yield { kind: 'text', text, tokens: 1, logprobs: logprobsOf(choice.logprobs?.content ?? []) };
    if (finishReason === 'error') throw failed('The operator ended with an error.');
  }
  if (finishReason === undefined) throw failed('The operator broke off.');
  yield { kind: 'end', finishReason: toldReason(finishReason), usage };
}

const toldReason = (reason: string): FinishReason =>
  reason === 'length' || reason === 'content_filter' ? reason : 'stop';

async function send(endpoint: OpenAiEndpoint, generation: Generation): Promise<Response> {
  const { request, model, maxTokens, retrieved, signal } = generation;
  const context = contextMessage(retrieved);
  const body = {
    model,
    messages: [...(context ? [{ role: 'system', content: context }] : []), ...request.messages],
    max_tokens: maxTokens,
    temperature: request.temperature,
    top_p: request.topP,
    seed: request.seed,
    stop: request.stop.length > 0 ? request.stop : undefined,
    logprobs: request.logprobs === undefined ? undefined : true,
    top_logprobs: request.logprobs || undefined,
    stream: true,
    stream_options: { include_usage: true },
  };
  const response = await fetch(urlOf(endpoint, 'chat/completions'), {
    method: 'POST',
    headers: { ...generation.headers, 'content-type': 'application/json', ...headersOf(endpoint) },
    body: JSON.stringify(body),
    signal,
    redirect: 'error',
  }).catch((cause: unknown) => {
    throw failed('The operator could not be reached.', cause);
  });
  if (response.ok && response.body) return response;
  await response.body?.cancel();
  throw new OpenLedgerError('operator_failed', `The operator answered ${response.status}.`, {
    operatorStatus: response.status,
  });
}

const MAX_EVENT_CHARACTERS = 1_000_000;

/** The data fields of a text/event-stream (WHATWG HTML, server-sent events), one event at a time. */
async function* serverSentEvents(response: Response): AsyncIterable<string> {
  let buffer = '';
  for await (const text of textOf(response)) {
    buffer += text;
    const events = buffer.split(/\r?\n\r?\n/);
    buffer = events.pop() as string;
    if (buffer.length > MAX_EVENT_CHARACTERS) {
      throw failed('The operator sent an event that is too large.');
    }
    for (const event of events) {
      const data = event
        .split(/\r?\n/)
        .filter((line) => line.startsWith('data:'))
        .map((line) => line.slice(5).trimStart())
        .join('\n');
      if (data) yield data;
    }
  }
}

async function* textOf(response: Response): AsyncIterable<string> {
  const decoder = new TextDecoder();
  try {
    for await (const bytes of response.body as ReadableStream<Uint8Array>) {
      yield decoder.decode(bytes, { stream: true });
    }
  } catch (cause) {
    throw failed('The operator broke off.', cause);
  }
}

function parseChunk(data: string): z.output<typeof Chunk> {
  let chunk: z.output<typeof Chunk>;
  try {
    chunk = Chunk.parse(JSON.parse(data));
  } catch (cause) {
    throw failed('The operator sent something that is not a chunk.', cause);
  }
  if (chunk.error) throw failed('The operator reported a failure.');
  return chunk;
}

const failed = (sentence: string, cause?: unknown): OpenLedgerError =>
  new OpenLedgerError('operator_failed', sentence, {}, { cause });

type ChunkLogprob = {
  token: string;
  logprob: number;
  top_logprobs: { token: string; logprob: number }[];
};

const logprobsOf = (content: readonly ChunkLogprob[]): readonly TokenLogprob[] =>
  content.map(({ token, logprob, top_logprobs }) => ({ token, logprob, top: top_logprobs }));
