/** How a call is told of at /v1/responses: as one response, or as the events of its making. */
import type { ToolCall } from '@openledger/protocol';
import {
  type ContentEvent,
  type ResponsesBody,
  type Serving,
  type TokenLogprob,
  toolCallsOf,
} from '../gateway/index.ts';
import type { Log } from '../platform/log.ts';
import type { Streamed, Wording } from './answer-call.ts';
import { errorBody } from './openai-errors.ts';
import { openAiRateHeaders } from './rate-headers.ts';
import { beginning, delta, ending, type ResponseEvent } from './response-events.ts';
import { type Item, itemsOf, outcomeOf, responseObject } from './response-object.ts';
import { settingsOf } from './response-settings.ts';

export function responsesWording(body: ResponsesBody, log: Log): Wording {
  const settings = settingsOf(body);
  return {
    whole: (serving, answer, end) =>
      responseObject(serving, settings, outcomeOf(end.finishReason), {
        ...{ items: itemsOf(answer), charged: end },
      }),
    headers: ({ rates }) => openAiRateHeaders(rates),
    streamed: (serving) => streamedResponse(serving, settings, log),
  };
}

/**
 * An item begins with its first piece. Calls may grow side by side, and text may come back after them: so all stay open to the
 * end, and end in their order.
 */
function streamedResponse(serving: Serving, settings: object, log: Log): Streamed {
  const items: Growing[] = [];
  let sequence = 0;
  const frames = (events: readonly ResponseEvent[]): readonly string[] =>
    events.map(({ type, ...members }) => {
      const event = { type, sequence_number: sequence++, ...members };
      return `event: ${type}\ndata: ${JSON.stringify(event)}\n\n`;
    });
  return {
    opening() {
      const response = responseObject(serving, settings, { status: 'in_progress' }, { items });
      return frames([
        { type: 'response.created', response },
        { type: 'response.in_progress', response },
      ]);
    },
    content(event) {
      if (event.kind === 'text' && event.text === '' && event.logprobs.length === 0) return [];
      const known = items.findIndex((item) => isOf(item, event));
      const at = known < 0 ? items.push(blankFor(event)) - 1 : known;
      const begun = known < 0 ? beginning(serving, items[at], at) : [];
      grow(items[at], event);
      return frames([...begun, ...delta(serving, items[at], { event, at })]);
    },
    closing(end) {
      const outcome = outcomeOf(serving.replay?.brokenOff ?? end.finishReason);
      const response = responseObject(serving, settings, outcome, { items, charged: end });
      return frames([
        ...items.flatMap((item, at) => ending(serving, item, { object: response.output[at], at })),
        { type: `response.${outcome.status}`, response },
      ]);
    },
    failure(failed) {
      const { error } = errorBody(failed, log);
      const { code, message, param } = error;
      const outcome = { status: 'failed' as const, failure: message };
      const response = responseObject(serving, settings, outcome, { items });
      return frames([
        { type: 'response.failed', response },
        // Beside the members that OpenAI describes stands what its clients throw.
        { type: 'error', code, message, param, error },
      ]);
    },
  };
}

/** An item while it is written. */
type Growing =
  | { readonly kind: 'text'; text: string; readonly logprobs: TokenLogprob[] }
  | { readonly kind: 'tool_call'; readonly index: number; call: ToolCall };

const isOf = (item: Item, event: ContentEvent): boolean =>
  item.kind === 'text'
    ? event.kind === 'text'
    : event.kind === 'tool_call' && event.index === item.index;

/** The item that a first piece begins, without what it says. */
function blankFor(first: ContentEvent): Growing {
  if (first.kind === 'text') return { kind: 'text', text: '', logprobs: [] };
  const { index } = first;
  return { kind: 'tool_call', index, call: { ...toolCallsOf([first])[index], arguments: '' } };
}

function grow(item: Growing, event: ContentEvent): void {
  if (item.kind === 'text' && event.kind === 'text') {
    item.text += event.text;
    item.logprobs.push(...event.logprobs);
  } else if (item.kind === 'tool_call' && event.kind === 'tool_call') {
    item.call = { ...item.call, arguments: item.call.arguments + event.arguments };
  }
}
