/** One prompt, one answer, through a call like any other: metered, paid by its caller, attributed, with a receipt. */
import { OpenLedgerError } from '@openledger/protocol';
import type { Complete } from '../datanets/index.ts';
import { ChatBody, fromChat } from './chat-bodies.ts';
import type { ServeCall, Serving } from './serve.ts';

/** @throws what serving throws; operator_failed when the answer is broken off */
export const completeBy =
  (gateway: { serve(call: ServeCall): Promise<Serving> }): Complete =>
  async ({ caller, model, prompt, maxTokens, signal }) => {
    const messages = [{ role: 'user', content: prompt }];
    const body = ChatBody.parse({ model, messages, max_tokens: maxTokens, temperature: 0 });
    const { events } = await gateway.serve({
      ...{ request: fromChat(body), caller, delivery: 'whole', signal },
    });
    let text = '';
    for await (const event of events) {
      if (event.kind === 'end') return text;
      if (event.kind === 'text') text += event.text;
    }
    throw new OpenLedgerError('operator_failed', 'The call was broken off.');
  };
