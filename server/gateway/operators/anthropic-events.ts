/** What the data of Anthropic's streamed events says. Pure: whoever sends hands them in. */
import { z } from 'zod';
import { tokensInBytesAbout, type Usage } from '../price.ts';
import { failed } from './failures.ts';
import type { ContentEvent, FinishReason, OperatorEvent } from './operator.ts';

/**
 * Prompt tokens are all that was read: `input_tokens` and what the operator wrote into its cache or found there. Completion tokens are the last
 * count that it gave, since its counts are cumulative.
 *
 * @param maxTokens what was asked for
 * @throws operator_failed
 */
export async function* anthropicEvents(
  events: AsyncIterable<string>,
  maxTokens: number,
): AsyncGenerator<OperatorEvent, void, void> {
  const blocks: Blocks = new Map();
  const tokensOf = counterUpTo(maxTokens);
  let told: Told = {};
  let ended: Extract<Event, { type: 'message_delta' }>['delta'] | undefined;
  for await (const data of events) {
    const event = parseEvent(data);
    if (event === undefined) continue;
    if (event.type === 'message_stop') break;
    if (event.type === 'error') {
      const operatorStatus = STATUSES[event.error.type];
      throw failed('The operator reported a failure.', { operatorStatus });
    }
    if (event.type === 'message_start') told = { ...told, ...promptTold(event.message.usage) };
    else if (event.type === 'message_delta') {
      const { output_tokens } = event.usage ?? {};
      told = { ...told, ...promptTold(event.usage), output: output_tokens ?? told.output };
      if (event.delta.stop_reason) ended = event.delta;
    } else {
      for (const piece of piecesOf(event, blocks)) yield withTokens(piece, tokensOf);
    }
  }
  if (!ended?.stop_reason) throw failed('The operator broke off.');
  const finishReason = REASONS[ended.stop_reason] ?? 'stop';
  const stopSequence = ended.stop_sequence ?? undefined;
  yield { kind: 'end', finishReason, stopSequence, usage: usageOf(told) };
}

const REASONS: Readonly<Record<string, FinishReason>> = {
  max_tokens: 'length',
  model_context_window_exceeded: 'length',
  refusal: 'content_filter',
  tool_use: 'tool_calls',
};

/** The statuses that it answers with where these errors come at once: routing goes by them. */
const STATUSES: Readonly<Record<string, number>> = {
  ...{ invalid_request_error: 400, authentication_error: 401, billing_error: 402 },
  ...{ permission_error: 403, not_found_error: 404, request_too_large: 413 },
  ...{ rate_limit_error: 429, api_error: 500, timeout_error: 504, overloaded_error: 529 },
};

const TokenCount = z.number().int().nonnegative().nullish();

/** A count that is none is treated as a missing one. */
const Counts = z
  .object({
    input_tokens: TokenCount,
    cache_creation_input_tokens: TokenCount,
    cache_read_input_tokens: TokenCount,
    output_tokens: TokenCount,
  })
  .nullish()
  .catch(undefined);

/** Kinds of blocks and deltas that are not ours are passed over: thinking, citations, what may come. */
const other = (ours: readonly string[]) =>
  z
    .object({ type: z.string().refine((type) => !ours.includes(type)) })
    .transform(() => ({ type: 'other' as const }));

const Block = z.union([
  z.object({ type: z.literal('text'), text: z.string().default('') }),
  z.object({
    type: z.literal('tool_use'),
    id: z.string().min(1).max(200),
    name: z.string().min(1).max(200),
    input: z.record(z.string(), z.unknown()).default({}),
  }),
  other(['text', 'tool_use']),
]);

const Delta = z.union([
  z.object({ type: z.literal('text_delta'), text: z.string() }),
  z.object({ type: z.literal('input_json_delta'), partial_json: z.string() }),
  other(['text_delta', 'input_json_delta']),
]);

const Index = z.number().int().nonnegative();

const schemas = [
  z.object({ type: z.literal('message_start'), message: z.object({ usage: Counts }) }),
  z.object({ type: z.literal('content_block_start'), index: Index, content_block: Block }),
  z.object({ type: z.literal('content_block_delta'), index: Index, delta: Delta }),
  z.object({ type: z.literal('content_block_stop'), index: Index }),
  z.object({
    type: z.literal('message_delta'),
    delta: z.object({ stop_reason: z.string().nullish(), stop_sequence: z.string().nullish() }),
    usage: Counts,
  }),
  z.object({ type: z.literal('message_stop') }),
  z.object({ type: z.literal('error'), error: z.object({ type: z.string().max(100) }) }),
] as const;

const Event = z.discriminatedUnion('type', schemas);
type Event = z.output<typeof Event>;

const known: ReadonlySet<string> = new Set(schemas.map(({ shape }) => shape.type.value));

/** @returns undefined for a kind that is not known, `ping` among them: there may be new ones at any time */
function parseEvent(data: string): Event | undefined {
  try {
    const value = z.looseObject({ type: z.string() }).parse(JSON.parse(data));
    return known.has(value.type) ? Event.parse(value) : undefined;
  } catch (cause) {
    throw failed('The operator sent something that is not an event.', { cause });
  }
}

/** What has been begun, by its index. */
type Blocks = Map<number, Begun>;
type Begun =
  | { readonly kind: 'text' | 'other' }
  | { readonly kind: 'call'; readonly index: number; hasArguments: boolean };

type OfBlock = Extract<Event, { index: number }>;

type Piece =
  | { readonly kind: 'text'; readonly text: string }
  | Omit<Extract<ContentEvent, { kind: 'tool_call' }>, 'tokens'>;

/** @throws operator_failed when they do not follow each other as they must */
function piecesOf(event: OfBlock, blocks: Blocks): readonly Piece[] {
  if (event.type === 'content_block_start') return begin(event, blocks);
  const block = blocks.get(event.index);
  if (!block) throw failed('The operator goes on with a block that it has not begun.');
  if (event.type === 'content_block_stop') {
    // A tool without parameters may be called without a word; clients parse its arguments all the same.
    const isBare = block.kind === 'call' && !block.hasArguments;
    return isBare ? [argumentsOf(block.index, '{}')] : [];
  }
  const { delta } = event;
  if (delta.type === 'other' || block.kind === 'other') return [];
  if (delta.type === 'text_delta' && block.kind === 'text') return textPieces(delta.text);
  if (delta.type === 'input_json_delta' && block.kind === 'call') {
    if (delta.partial_json === '') return [];
    block.hasArguments = true;
    return [argumentsOf(block.index, delta.partial_json)];
  }
  throw failed('The operator mixes text with the arguments of a tool.');
}

function begin(
  { index, content_block: block }: Extract<OfBlock, { type: 'content_block_start' }>,
  blocks: Blocks,
): readonly Piece[] {
  if (blocks.has(index)) throw failed('The operator begins a block twice.');
  if (block.type !== 'tool_use') {
    blocks.set(index, { kind: block.type });
    return block.type === 'text' ? textPieces(block.text) : [];
  }
  const { id, name, input } = block;
  const given = Object.keys(input).length > 0 ? JSON.stringify(input) : '';
  const call = [...blocks.values()].filter(({ kind }) => kind === 'call').length;
  blocks.set(index, { kind: 'call', index: call, hasArguments: given !== '' });
  return [{ kind: 'tool_call', index: call, id, name, arguments: given }];
}

const textPieces = (text: string): readonly Piece[] =>
  text === '' ? [] : [{ kind: 'text', text }];

const argumentsOf = (index: number, written: string): Piece => ({
  ...{ kind: 'tool_call', index, arguments: written },
  ...{ id: undefined, name: undefined },
});

const withTokens = (piece: Piece, tokensOf: (text: string) => number): ContentEvent =>
  piece.kind === 'text'
    ? { ...piece, tokens: tokensOf(piece.text), logprobs: [] }
    : { ...piece, tokens: tokensOf((piece.name ?? '') + piece.arguments) };

/**
 * Our own count, for calls that end before the operator has counted. A piece has several tokens here, so it is about what its bytes make, at
 * least one a piece; but no more by that guess than was asked for, since an answer that seems longer would be stopped.
 */
function counterUpTo(maxTokens: number): (text: string) => number {
  let [pieces, bytes, counted] = [0, 0, 0];
  return (text) => {
    pieces += 1;
    bytes += Buffer.byteLength(text, 'utf8');
    const before = counted;
    counted = Math.max(pieces, Math.min(maxTokens, tokensInBytesAbout(bytes)));
    return counted - before;
  };
}

/** What it has said of its counts so far. */
type Told = {
  readonly input?: number;
  readonly written?: number;
  readonly found?: number;
  readonly output?: number;
};

/** Without members for what is not said, so that it does not take the place of what was. */
function promptTold(counts: z.output<typeof Counts>): Told {
  const { input_tokens, cache_creation_input_tokens, cache_read_input_tokens } = counts ?? {};
  return {
    ...(input_tokens == null ? {} : { input: input_tokens }),
    ...(cache_creation_input_tokens == null ? {} : { written: cache_creation_input_tokens }),
    ...(cache_read_input_tokens == null ? {} : { found: cache_read_input_tokens }),
  };
}

const usageOf = ({ input, written = 0, found = 0, output }: Told): Usage | undefined =>
  input === undefined || output === undefined
    ? undefined
    : { promptTokens: input + written + found, completionTokens: output };
