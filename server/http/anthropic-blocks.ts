/** Anthropic's content blocks, told one after the other while an answer comes. */
import type { ContentEvent } from '../gateway/index.ts';

type ToolPiece = Extract<ContentEvent, { kind: 'tool_call' }>;

/** An event of a stream; here `content_block_start`, `content_block_delta` and `content_block_stop`. */
export type StreamEvent = { readonly type: string } & Readonly<Record<string, unknown>>;

type Open =
  | { readonly kind: 'text'; readonly index: number }
  | { readonly kind: 'call'; readonly index: number; readonly call: number; written: string };

/**
 * For one stream. A block is opened when something comes for it, and closed before the next one: clients act on a call when its block
 * stops. So where an operator mixes the pieces of several calls, those of the later ones wait until the arguments before them are whole.
 */
export function contentBlocks(): {
  content(event: ContentEvent): readonly StreamEvent[];
  /** What still waits, and the last stop. */
  closing(): readonly StreamEvent[];
} {
  const begun = new Map<number, number>();
  let count = 0;
  let open: Open | undefined;
  let waiting: ContentEvent[] = [];

  function content(event: ContentEvent): readonly StreamEvent[] {
    if (open && !isWhole(open) && !belongsTo(open, event)) {
      waiting.push(event);
      return [];
    }
    const told = tell(event);
    return waiting.length > 0 && open && isWhole(open) ? [...told, ...again()] : told;
  }

  function again(): readonly StreamEvent[] {
    const before = waiting;
    waiting = [];
    return before.flatMap(content);
  }

  function tell(event: ContentEvent): readonly StreamEvent[] {
    if (event.kind === 'text') {
      if (open?.kind === 'text') return [textDelta(open.index, event.text)];
      const stopped = stop();
      open = { kind: 'text', index: count++ };
      return [...stopped, textStart(open.index), textDelta(open.index, event.text)];
    }
    if (event.id !== undefined) {
      const stopped = stop();
      open = { kind: 'call', index: count++, call: event.index, written: event.arguments };
      begun.set(event.index, open.index);
      return [...stopped, toolStart(open.index, event), ...inputDelta(open.index, event)];
    }
    if (open && belongsTo(open, event)) open.written += event.arguments;
    return inputDelta(begun.get(event.index) ?? count, event);
  }

  function stop(): readonly StreamEvent[] {
    const stopped = open ? [{ type: 'content_block_stop', index: open.index }] : [];
    open = undefined;
    return stopped;
  }

  return {
    content,
    closing() {
      const told: StreamEvent[] = [...stop()];
      while (waiting.length > 0) told.push(...again(), ...stop());
      return told;
    },
  };
}

const belongsTo = (open: Open, event: ContentEvent): open is Open & { kind: 'call' } =>
  open.kind === 'call' && event.kind === 'tool_call' && event.index === open.call;

/** Text may end anywhere; arguments when they are JSON. */
function isWhole(open: Open): boolean {
  if (open.kind === 'text') return true;
  try {
    JSON.parse(open.written);
    return true;
  } catch {
    return false;
  }
}

const textStart = (index: number): StreamEvent => ({
  ...{ type: 'content_block_start', index },
  content_block: { type: 'text', text: '', citations: null },
});

const textDelta = (index: number, text: string): StreamEvent => ({
  ...{ type: 'content_block_delta', index, delta: { type: 'text_delta', text } },
});

const toolStart = (index: number, { id, name }: ToolPiece): StreamEvent => ({
  ...{ type: 'content_block_start', index },
  content_block: { type: 'tool_use', id, name, input: {} },
});

const inputDelta = (
  index: number,
  { arguments: partial_json }: ToolPiece,
): readonly StreamEvent[] =>
  partial_json === ''
    ? []
    : [
        {
          ...{ type: 'content_block_delta', index },
          delta: { type: 'input_json_delta', partial_json },
        },
      ];
