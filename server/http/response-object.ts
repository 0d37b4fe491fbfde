/** OpenAI's response object and its output items, from whatever a call has come to. */
import { formatOpen, type ToolCall } from '@openledger/protocol';
import type { Inference, Serving, TokenLogprob, Usage } from '../gateway/index.ts';
import type { EndEvent } from './answer-call.ts';
import { extensionAtEnd, extensionOf } from './extension.ts';
import { tokenLogprobs } from './openai-shapes.ts';

/** A call, under way or from its record. */
export type ResponseCall = Pick<
  Inference,
  'inferenceId' | 'createdAt' | 'cachedFrom' | 'retrieved'
> &
  Pick<Serving, 'replay'> & { readonly model: string };

/** Part of an output: its text, or a call of a function with its number among the calls. */
export type Item =
  | { readonly kind: 'text'; readonly text: string; readonly logprobs: readonly TokenLogprob[] }
  | { readonly kind: 'tool_call'; readonly index: number; readonly call: ToolCall };

type ItemStatus = 'in_progress' | 'completed' | 'incomplete';

export type Outcome = {
  readonly status: 'in_progress' | 'completed' | 'incomplete' | 'failed';
  readonly incompleteReason?: 'max_output_tokens' | 'content_filter';
  readonly failure?: string;
};

/** @param settings what was asked for, which the response repeats */
export const responseObject = (
  call: ResponseCall,
  settings: object,
  { status, incompleteReason, failure }: Outcome,
  said: {
    readonly items: readonly Item[];
    readonly charged?: Pick<EndEvent, 'usage' | 'priceUnits' | 'grounding'>;
  },
) => ({
  id: call.inferenceId.replace(/^inf_/, 'resp_'),
  object: 'response',
  created_at: Math.floor(call.createdAt.getTime() / 1000),
  status,
  error: failure === undefined ? null : { code: 'server_error', message: failure },
  incomplete_details: incompleteReason ? { reason: incompleteReason } : null,
  model: call.model,
  output: outputOf(call, said.items, status),
  ...settings,
  ...(said.charged ? { usage: usageOf(said.charged) } : {}),
  openledger: said.charged ? extensionAtEnd(call, said.charged) : extensionOf(call),
});

/** Operators do not say which tokens were read from a cache, or thought: none are told apart. */
const usageOf = ({ usage, priceUnits }: { usage: Usage; priceUnits: bigint }) => ({
  input_tokens: usage.promptTokens,
  input_tokens_details: { cached_tokens: 0, cache_write_tokens: 0 },
  output_tokens: usage.completionTokens,
  output_tokens_details: { reasoning_tokens: 0 },
  total_tokens: usage.promptTokens + usage.completionTokens,
  cost: formatOpen(priceUnits),
});

const outputOf = (call: ResponseCall, items: readonly Item[], status: Outcome['status']) =>
  items.map((item, at) => itemObject(call, item, itemStatus(status, at === items.length - 1)));

/** What was cut off was cut off in its last item. */
const itemStatus = (status: Outcome['status'], isLast: boolean): ItemStatus =>
  status === 'completed' || !isLast ? 'completed' : 'incomplete';

export const itemObject = (call: ResponseCall, item: Item, status: ItemStatus) => {
  const id = itemId(call, item);
  if (item.kind === 'text') {
    const content = status === 'in_progress' ? [] : [textPart(item)];
    return { id, type: 'message', status, role: 'assistant', content };
  }
  const { id: call_id, name, arguments: written } = item.call;
  return { id, type: 'function_call', status, call_id, name, arguments: written };
};

/** Of its inference: the text's is Anthropic's name of it, and a call's bears the call's number. */
export const itemId = ({ inferenceId }: ResponseCall, item: Item): string =>
  item.kind === 'text'
    ? inferenceId.replace(/^inf_/, 'msg_')
    : `${inferenceId.replace(/^inf_/, 'fc_')}_${item.index}`;

export const textPart = ({
  text,
  logprobs,
}: Pick<Extract<Item, { kind: 'text' }>, 'text' | 'logprobs'>) => ({
  ...{ type: 'output_text', text, annotations: [], logprobs: tokenLogprobs(logprobs) },
});

/** How a call that ended so stands as a response. */
export function outcomeOf(finishReason: string): Outcome {
  switch (finishReason) {
    case 'length':
      return { status: 'incomplete', incompleteReason: 'max_output_tokens' };
    case 'content_filter':
      return { status: 'incomplete', incompleteReason: 'content_filter' };
    case 'disconnected':
      return { status: 'incomplete' };
    case 'operator_failed':
      return { status: 'failed', failure: 'The operator broke off.' };
    case 'gateway_failed':
      return { status: 'failed', failure: 'The gateway broke off.' };
    default:
      return { status: 'completed' };
  }
}

export const itemsOf = (answer: {
  readonly text: string;
  readonly toolCalls: readonly ToolCall[];
  readonly logprobs: readonly TokenLogprob[];
}): readonly Item[] => [
  ...(answer.text === '' && answer.logprobs.length === 0
    ? []
    : [{ kind: 'text' as const, ...answer }]),
  ...answer.toolCalls.map((call, index) => ({ kind: 'tool_call' as const, index, call })),
];
