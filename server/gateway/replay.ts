/** The answer of a call that was served under the same idempotency key, out of its record: no other call, and no money. */
import { OpenLedgerError, outputText } from '@openledger/protocol';
import type { ServedEvent } from './deliver.ts';
import { once } from './idempotency.ts';
import type { Inference } from './inferences.ts';
import type { CallWatch } from './observer.ts';
import type { ContentEvent, FinishReason } from './operators/operator.ts';
import { type ServeCall, type ServeHandles, type Serving, serve } from './serve.ts';

type Watched = ServeCall & { readonly watch: CallWatch };

/** @throws what `serve` throws; conflict as `once` does; unprocessable for what no record could tell again */
export async function serveOnce(handles: ServeHandles, call: Watched): Promise<Serving> {
  if (call.idempotency && call.request.logprobs !== undefined) {
    const sentence = 'Log-probabilities are not recorded: ask for them without an Idempotency-Key.';
    throw new OpenLedgerError('unprocessable', sentence);
  }
  return once(handles, call, {
    make: (claim) => serve(handles, call, claim),
    again: (served) => replay(served, call),
  });
}

/** In one piece, however it came the first time. */
function replay(served: Inference, { caller, request, delivery, watch }: Watched): Serving {
  const { inferenceId, createdAt, route, retrieved, cachedFrom, usage, finishReason } = served;
  const { model, operator } = route;
  watch.routed({ caller, delivery, operation: request.kind, model, operator });
  watch.ended({ kind: 'replayed', finishReason });
  const events = eventsOf(served);
  return {
    ...{ inferenceId, createdAt, model, operator, retrieved, cachedFrom, rates: undefined },
    ...{ promptTokens: usage.promptTokens, events },
    replay: { brokenOff: isWhole(finishReason) ? undefined : finishReason },
    async leave() {
      await events.return();
    },
  };
}

async function* eventsOf(served: Inference): AsyncGenerator<ServedEvent, void, void> {
  const { usage, priceUnits, finishReason } = served;
  yield* contentOf(served);
  // Clients know no word for an answer that broke off; to them it was cut short.
  const known = isWhole(finishReason) ? finishReason : 'length';
  yield { kind: 'end', finishReason: known, usage, priceUnits };
}

/** Text comes before calls, whatever came first. */
function contentOf(served: Inference): readonly ContentEvent[] {
  const text = textOf(served);
  return [
    ...(text === '' ? [] : [{ kind: 'text' as const, text, tokens: 0, logprobs: [] }]),
    ...served.toolCalls.map((call, index) => ({
      ...{ kind: 'tool_call' as const, index, ...call, tokens: 0 },
    })),
  ];
}

/** The output without the calls that stand after its text. */
export function textOf({ output, toolCalls }: Pick<Inference, 'output' | 'toolCalls'>): string {
  if (toolCalls.length === 0) return output;
  const calls = outputText('', toolCalls);
  return output === calls ? '' : output.slice(0, output.length - calls.length - 1);
}

const isWhole = (reason: string): reason is FinishReason =>
  reason === 'stop' ||
  reason === 'length' ||
  reason === 'content_filter' ||
  reason === 'tool_calls';
