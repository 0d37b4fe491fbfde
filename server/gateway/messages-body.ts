/** What Anthropic's clients may send to /v1/messages. */
import { z } from 'zod';
import { Content, Extension, fromShared, ModelName, StopText, Unsupported } from './chat-bodies.ts';
import type { GenerationRequest } from './request.ts';

/** Anthropic's messages, as far as they are text. */
export const MessagesBody = z.object({
  model: ModelName,
  max_tokens: z.number().int().min(1),
  system: Content.nullish(),
  messages: z
    .array(z.object({ role: z.enum(['user', 'assistant']), content: Content }))
    .min(1)
    .max(2000),
  temperature: z.number().min(0).max(1).nullish(),
  top_p: z.number().gt(0).max(1).nullish(),
  top_k: z.number().int().min(1).nullish(),
  stop_sequences: z.array(StopText).max(4).nullish(),
  stream: z.boolean().nullish(),
  tools: z.array(z.never({ error: 'Not supported here.' })).nullish(),
  tool_choice: Unsupported,
  thinking: z.object({ type: z.literal('disabled', { error: 'Not supported here.' }) }).nullish(),
  openledger: Extension.nullish(),
});

export function fromMessages(body: z.output<typeof MessagesBody>): GenerationRequest {
  const { system, messages, stop_sequences, ...rest } = body;
  return {
    ...fromShared({ ...rest, stop: stop_sequences, seed: undefined }),
    kind: 'chat',
    messages: [...(system ? [{ role: 'system' as const, content: system }] : []), ...messages],
    maxTokens: body.max_tokens,
    logprobs: undefined,
  };
}
