/** How a served call looks in Anthropic's words, whole and streamed. */
import { formatOpen } from '@openledger/protocol';
import { type Serving, toolInputOf } from '../gateway/index.ts';
import type { Answer, EndEvent, Wording } from './answer-call.ts';
import { contentBlocks, type StreamEvent } from './anthropic-blocks.ts';
import { extensionAtEnd } from './extension.ts';
import { anthropicRateHeaders } from './rate-headers.ts';

/** @param failureBody what a stream says when it fails under way */
export const anthropicWording = (failureBody: (error: unknown) => StreamEvent): Wording => ({
  whole: (serving, answer, end) => ({
    ...message(serving),
    content: contentOf(answer),
    ...stopOf(end),
    usage: usageOf(end),
    openledger: extensionAtEnd(serving, end),
  }),
  headers: ({ rates, createdAt }) => anthropicRateHeaders(rates, createdAt),
  streamed(serving) {
    const blocks = contentBlocks();
    return {
      opening: () => [frame({ type: 'message_start', message: begun(serving) })],
      content: (event) => blocks.content(event).map(frame),
      closing: (end) => [
        ...blocks.closing().map(frame),
        frame({
          ...{ type: 'message_delta', delta: stopOf(end), usage: usageOf(end) },
          openledger: extensionAtEnd(serving, end),
        }),
        frame({ type: 'message_stop' }),
      ],
      failure: (error) => [frame(failureBody(error))],
    };
  },
});

const frame = (event: StreamEvent): string =>
  `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;

const message = (serving: Serving) => ({
  id: serving.inferenceId.replace(/^inf_/, 'msg_'),
  ...{ type: 'message', role: 'assistant', model: serving.model },
});

/** The prompt by our own count: the operator's is told at the end. */
const begun = (serving: Serving) => ({
  ...message(serving),
  ...{ content: [], stop_reason: null, stop_sequence: null },
  usage: usageWith({ promptTokens: serving.promptTokens, completionTokens: 0 }),
});

/** Text first; a block of it also where there is nothing else. */
const contentOf = ({ text, toolCalls }: Answer): readonly object[] => [
  ...(text === '' && toolCalls.length > 0 ? [] : [{ type: 'text', text, citations: null }]),
  ...toolCalls.map(({ id, name, arguments: written }) => ({
    ...{ type: 'tool_use', id, name, input: toolInputOf(written) },
  })),
];

const stopOf = ({ finishReason, stopSequence }: EndEvent) => ({
  stop_reason:
    finishReason === 'stop' && stopSequence !== undefined ? 'stop_sequence' : reasons[finishReason],
  stop_sequence: stopSequence ?? null,
});

const reasons = {
  stop: 'end_turn',
  length: 'max_tokens',
  content_filter: 'refusal',
  tool_calls: 'tool_use',
} as const;

/** No token has a price of its own for coming from an operator's cache. */
const usageWith = ({ promptTokens, completionTokens }: EndEvent['usage']) => ({
  ...{ input_tokens: promptTokens, output_tokens: completionTokens },
  ...{ cache_creation_input_tokens: 0, cache_read_input_tokens: 0 },
});

const usageOf = ({ usage, priceUnits }: EndEvent) => ({
  ...usageWith(usage),
  cost: formatOpen(priceUnits),
});
