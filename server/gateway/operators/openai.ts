/** Any server that speaks OpenAI's chat completions: vLLM, llama.cpp, Ollama, hosted APIs. */
import { OpenLedgerError } from '@openledger/protocol';
import { z } from 'zod';
import { randomHex } from '../../platform/random-hex.ts';
import { contextMessage } from '../context.ts';
import { tokensAbout, type Usage } from '../price.ts';
import type { GenerationRequest, Message, ResponseFormat } from '../request.ts';
import { failed } from './failures.ts';
import { openAiEmbeddings } from './openai-embeddings.ts';
import type {
  FinishReason,
  Generation,
  Operator,
  OperatorEvent,
  TokenLogprob,
} from './operator.ts';
import { listModels, parseAs, parseJson } from './read-answer.ts';
import { type Endpoint, readJson, send, serverSentEvents } from './transport.ts';

/** What servers of one kind do in their own way. */
export type Dialect = {
  /** Whether it heeds `top_k`, which OpenAI does not have. */
  readonly hasTopK: boolean;
};

export function openAiOperator(endpoint: Endpoint, dialect: Dialect): Operator {
  return {
    listModels: () => listModels(endpoint, 'models'),
    async countPrompt({ request }) {
      if (request.topK === undefined || dialect.hasTopK) return undefined;
      throw new OpenLedgerError(
        'unprocessable',
        `top_k is not heeded where ${request.model} runs.`,
      );
    },
    generate: (generation) => generate(endpoint, generation),
    embed: (order) => openAiEmbeddings(endpoint, order),
  };
}

/** @throws operator_failed */
async function* generate(
  endpoint: Endpoint,
  generation: Generation,
): AsyncGenerator<OperatorEvent, void, void> {
  const { signal, headers } = generation;
  const answered = await send(endpoint, {
    ...{ path: 'chat/completions', body: bodyOf(generation), signal, headers },
  });
  // Some stream whatever they are asked for.
  if (!answered.contentType.startsWith('text/event-stream')) {
    for (const event of eventsOfWhole(await readJson(answered), generation)) yield event;
    return;
  }
  const reading = readChunks(generation);
  for await (const data of serverSentEvents(answered)) {
    if (data === '[DONE]') return yield reading.end('stop');
    for (const event of reading.eventsOf(parseAs(Chunk, parseJson(data)))) yield event;
  }
  yield reading.end(undefined);
}

function bodyOf({ request, model, maxTokens, retrieved, stream }: Generation): object {
  const context = contextMessage(retrieved);
  return {
    model,
    messages: [
      ...(context ? [{ role: 'system', content: context }] : []),
      ...request.messages.map(wireMessage),
    ],
    ...wireTools(request),
    response_format: wireFormat(request.responseFormat),
    max_tokens: maxTokens,
    temperature: request.temperature,
    top_p: request.topP,
    top_k: request.topK,
    seed: request.seed,
    stop: request.stop.length > 0 ? request.stop : undefined,
    logprobs: request.logprobs === undefined ? undefined : true,
    top_logprobs: request.logprobs || undefined,
    ...(stream ? { stream, stream_options: { include_usage: true } } : { stream }),
  };
}

/** These words have no place for saying that a tool has failed: its message says so. */
const wireMessage = ({ role, content, toolCalls, toolCallId, isError }: Message) => ({
  ...{ role, tool_call_id: toolCallId },
  content: toolCalls && content === '' ? null : `${isError ? 'Error: ' : ''}${content}`,
  tool_calls: toolCalls?.map(({ id, ...called }) => ({ id, type: 'function', function: called })),
});

const wireTools = ({ tools, toolChoice, parallelToolCalls }: GenerationRequest) =>
  tools.length === 0
    ? {}
    : {
        tools: tools.map((tool) => ({ type: 'function', function: tool })),
        tool_choice:
          typeof toolChoice === 'object' ? { type: 'function', function: toolChoice } : toolChoice,
        parallel_tool_calls: parallelToolCalls,
      };

function wireFormat(format: ResponseFormat | undefined) {
  if (format?.type !== 'json_schema') return format;
  const { type, ...json_schema } = format;
  return { type, json_schema };
}

const TokenCount = z.number().int().nonnegative();

/** A count that is none is treated as a missing one. */
const WireUsage = z
  .object({ prompt_tokens: TokenCount, completion_tokens: TokenCount })
  .nullish()
  .catch(undefined)
  .transform((usage): Usage | undefined =>
    usage
      ? { promptTokens: usage.prompt_tokens, completionTokens: usage.completion_tokens }
      : undefined,
  );

const Logprob = z.object({ token: z.string(), logprob: z.number() });
const Logprobs = z
  .object({
    content: z.array(Logprob.extend({ top_logprobs: z.array(Logprob).default([]) })).nullish(),
  })
  .nullish()
  .transform((logprobs): readonly TokenLogprob[] =>
    (logprobs?.content ?? []).map(({ top_logprobs: top, ...token }) => ({ ...token, top })),
  );

const Piece = z.object({
  index: z.number().int().min(0).max(127).optional(),
  id: z.string().max(200).nullish(),
  function: z.object({ name: z.string().max(200).nullish(), arguments: z.string().nullish() }),
});

const Said = z
  .object({ content: z.string().nullish(), tool_calls: z.array(Piece).nullish() })
  .nullish();

const Ending = {
  finish_reason: z.string().nullish(),
  /** vLLM's: the stop sequence that ended the answer, or a token's number. */
  stop_reason: z.unknown().optional(),
};

const stopSequenceOf = (
  { request: { stop } }: Pick<Generation, 'request'>,
  told: unknown,
): string | undefined => stop.find((text) => text === told);

const Chunk = z.object({
  choices: z.array(z.object({ delta: Said, ...Ending, logprobs: Logprobs })).default([]),
  usage: WireUsage,
  error: z.unknown().optional(),
});

/** What the chunks of a streamed answer come to. @throws operator_failed, from both */
function readChunks(generation: Pick<Generation, 'request'>) {
  let finishReason: string | undefined;
  let stopSequence: string | undefined;
  let usage: Usage | undefined;
  const begun: Begun = new Map();
  return {
    *eventsOf(chunk: z.output<typeof Chunk>): Iterable<OperatorEvent> {
      if (chunk.error) throw failed('The operator reported a failure.');
      const [choice] = chunk.choices;
      finishReason = choice?.finish_reason || finishReason; // some send a blank one with each chunk
      stopSequence = stopSequenceOf(generation, choice?.stop_reason) ?? stopSequence;
      usage = chunk.usage ?? usage;
      const text = choice?.delta?.content;
      if (text) yield { kind: 'text', text, tokens: 1, logprobs: choice.logprobs };
      for (const piece of choice?.delta?.tool_calls ?? []) yield pieceOf(piece, begun);
      if (finishReason === 'error') throw failed('The operator ended with an error.');
    },
    /** @param otherwise why it has ended where no chunk has said so */
    end(otherwise: string | undefined): OperatorEvent {
      const reason = finishReason ?? otherwise;
      if (reason === undefined) throw failed('The operator broke off.');
      return { kind: 'end', finishReason: toldReason(reason), stopSequence, usage };
    },
  };
}

const Whole = z.object({
  choices: z.array(z.object({ message: Said, ...Ending, logprobs: Logprobs })).min(1),
  usage: WireUsage,
});

/** The same of an answer in one piece. How many tokens it has, only the operator can say: ours are a guess. */
function* eventsOfWhole(
  answer: unknown,
  generation: Pick<Generation, 'request' | 'maxTokens'>,
): Iterable<OperatorEvent> {
  if (typeof answer === 'object' && answer && 'error' in answer && answer.error) {
    throw failed('The operator reported a failure.');
  }
  const {
    choices: [{ message, finish_reason: finishReason, stop_reason, logprobs }],
    usage,
  } = parseAs(Whole, answer);
  if (finishReason === 'error') throw failed('The operator ended with an error.');
  const begun: Begun = new Map();
  const text = message?.content;
  const tokens = Math.min(generation.maxTokens, tokensAbout(text ?? ''));
  if (text) yield { kind: 'text', text, tokens, logprobs };
  for (const [index, call] of (message?.tool_calls ?? []).entries()) {
    yield pieceOf({ ...call, index }, begun);
  }
  const stopSequence = stopSequenceOf(generation, stop_reason);
  yield { kind: 'end', finishReason: toldReason(finishReason ?? 'stop'), stopSequence, usage };
}

const REASONS: readonly string[] = ['length', 'content_filter', 'tool_calls'];

const toldReason = (reason: string): FinishReason =>
  REASONS.includes(reason) ? (reason as FinishReason) : 'stop';

/** Our numbers of an operator's calls: some count from 1, and some leave one out. */
type Begun = Map<number, number>;

/** @throws operator_failed when the first piece of a call does not say which tool it calls */
function pieceOf(piece: z.output<typeof Piece>, begun: Begun): OperatorEvent {
  const { name, arguments: written } = piece.function;
  const its = piece.index ?? 0;
  const isFirst = !begun.has(its);
  if (isFirst) {
    if (!name) throw failed('The operator calls a tool that it does not name.');
    begun.set(its, begun.size);
  }
  return {
    ...{ kind: 'tool_call', index: begun.get(its) as number, arguments: written ?? '' },
    id: isFirst ? piece.id || `call_${randomHex(12)}` : undefined,
    ...{ name: isFirst ? (name as string) : undefined, tokens: 1 },
  };
}
