/** Any server that speaks OpenAI's chat completions: vLLM, llama.cpp, Ollama, hosted APIs. */
import { OpenLedgerError } from '@openledger/protocol';
import { z } from 'zod';
import { contextMessage } from '../context.ts';
import type { Generation, Operator, OperatorEvent, TokenLogprob } from './operator.ts';

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
  usage: z
    .object({ prompt_tokens: z.number().int(), completion_tokens: z.number().int() })
    .nullish(),
});

export type OpenAiEndpoint = { readonly baseUrl: string; readonly apiKey: string | undefined };

export function openAiOperator(endpoint: OpenAiEndpoint): Operator {
  return {
    countPrompt: async () => undefined,
    generate: (generation) => generate(endpoint, generation),
  };
}

async function* generate(
  endpoint: OpenAiEndpoint,
  generation: Generation,
): AsyncIterable<OperatorEvent> {
  const response = await send(endpoint, generation);
  let finishReason: 'stop' | 'length' | 'content_filter' = 'stop';
  let usage: { promptTokens: number; completionTokens: number } | undefined;
  for await (const data of serverSentEvents(response)) {
    if (data === '[DONE]') break;
    const chunk = parseChunk(data);
    const [choice] = chunk.choices;
    if (choice?.finish_reason === 'length' || choice?.finish_reason === 'content_filter') {
      finishReason = choice.finish_reason;
    }
    if (chunk.usage) {
      usage = {
        promptTokens: chunk.usage.prompt_tokens,
        completionTokens: chunk.usage.completion_tokens,
      };
    }
    const text = choice?.delta?.content;
    if (text)
      yield { kind: 'text', text, tokens: 1, logprobs: logprobsOf(choice.logprobs?.content ?? []) };
  }
  yield { kind: 'end', finishReason, usage };
}

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
  let response: Response;
  try {
    response = await fetch(`${endpoint.baseUrl.replace(/\/$/, '')}/chat/completions`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(endpoint.apiKey ? { authorization: `Bearer ${endpoint.apiKey}` } : {}),
      },
      body: JSON.stringify(body),
      signal,
      redirect: 'error',
    });
  } catch (cause) {
    throw new OpenLedgerError(
      'operator_failed',
      'The operator could not be reached.',
      {},
      { cause },
    );
  }
  if (!response.ok || !response.body) {
    await response.body?.cancel();
    throw new OpenLedgerError('operator_failed', `The operator answered ${response.status}.`, {
      operatorStatus: response.status,
    });
  }
  return response;
}

/** The data fields of a text/event-stream (WHATWG HTML, server-sent events), one event at a time. */
async function* serverSentEvents(response: Response): AsyncIterable<string> {
  const decoder = new TextDecoder();
  let buffer = '';
  for await (const bytes of response.body as ReadableStream<Uint8Array>) {
    buffer += decoder.decode(bytes, { stream: true });
    if (buffer.length > 1_000_000) {
      throw new OpenLedgerError('operator_failed', 'The operator sent an event that is too large.');
    }
    const events = buffer.split(/\r?\n\r?\n/);
    buffer = events.pop() as string;
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

function parseChunk(data: string): z.output<typeof Chunk> {
  try {
    return Chunk.parse(JSON.parse(data));
  } catch (cause) {
    throw new OpenLedgerError(
      'operator_failed',
      'The operator sent something that is not a chunk.',
      {},
      { cause },
    );
  }
}

type ChunkLogprob = {
  token: string;
  logprob: number;
  top_logprobs: { token: string; logprob: number }[];
};

const logprobsOf = (content: readonly ChunkLogprob[]): readonly TokenLogprob[] =>
  content.map(({ token, logprob, top_logprobs }) => ({ token, logprob, top: top_logprobs }));
