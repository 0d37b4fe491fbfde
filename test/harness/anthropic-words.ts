/** What a scripted operator says in the words of Anthropic's streamed messages. */
import type { OperatorCall } from './operator.ts';

export type AnthropicCounts = {
  readonly input: number;
  readonly written?: number;
  readonly found?: number;
};

export type AnthropicWords = {
  /** One event as it is. */
  event(event: { readonly type: string } & Record<string, unknown>): void;
  start(counts?: AnthropicCounts): void;
  /** A block of text, in these pieces. */
  text(...pieces: readonly string[]): void;
  /** A block of a tool's call, its arguments in these pieces. */
  tool(id: string, name: string, ...pieces: readonly string[]): void;
  /** Why it ended, how much was written, and the end. */
  finish(output: number, reason?: string, sequence?: string): void;
  error(type: string): void;
};

export function anthropicWords(call: OperatorCall): AnthropicWords {
  let index = -1;
  const event: AnthropicWords['event'] = (one) =>
    call.raw(`event: ${one.type}\ndata: ${JSON.stringify(one)}\n\n`);
  const block = (content_block: object, deltas: readonly object[]) => {
    index += 1;
    event({ type: 'content_block_start', index, content_block });
    for (const delta of deltas) event({ type: 'content_block_delta', index, delta });
    event({ type: 'content_block_stop', index });
  };
  return {
    event,
    start({ input, written = 0, found = 0 } = { input: 5 }) {
      const usage = {
        ...{ input_tokens: input, output_tokens: 1 },
        ...{ cache_creation_input_tokens: written, cache_read_input_tokens: found },
      };
      const message = { id: 'msg_up', type: 'message', role: 'assistant', content: [], usage };
      event({ type: 'message_start', message });
      event({ type: 'ping' });
    },
    text: (...pieces) =>
      block(
        { type: 'text', text: '' },
        pieces.map((text) => ({ type: 'text_delta', text })),
      ),
    tool: (id, name, ...pieces) =>
      block(
        { type: 'tool_use', id, name, input: {} },
        ['', ...pieces].map((partial_json) => ({ type: 'input_json_delta', partial_json })),
      ),
    finish(output_tokens, stop_reason = 'end_turn', sequence) {
      const delta = { stop_reason, stop_sequence: sequence ?? null };
      event({ type: 'message_delta', delta, usage: { output_tokens } });
      event({ type: 'message_stop' });
      call.end();
    },
    error: (type) => event({ type: 'error', error: { type, message: 'no' } }),
  };
}
