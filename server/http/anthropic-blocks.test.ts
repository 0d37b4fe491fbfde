import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ContentEvent } from '../gateway/index.ts';
import { contentBlocks, type StreamEvent } from './anthropic-blocks.ts';

const text = (text: string): ContentEvent => ({ kind: 'text', text, tokens: 1, logprobs: [] });

const piece = (index: number, written: string, isFirst = false): ContentEvent => ({
  ...{ kind: 'tool_call', index, arguments: written, tokens: 1 },
  ...(isFirst ? { id: `call_${index}`, name: 'look' } : { id: undefined, name: undefined }),
});

const tell = (events: readonly ContentEvent[]): readonly StreamEvent[] => {
  const blocks = contentBlocks();
  return [...events.flatMap(blocks.content), ...blocks.closing()];
};

type Block = { type: string; id?: string; text: string; written: string };

/** Reads blocks as strictly as they are defined: one after the other, each stopped before the next. */
function readStrictly(events: readonly StreamEvent[]): readonly Block[] {
  const blocks: Block[] = [];
  let isOpen = false;
  for (const event of events) {
    const { type, index } = event as { type: string; index: number };
    if (type === 'content_block_start') {
      expect([isOpen, index]).toEqual([false, blocks.length]);
      const { content_block } = event as unknown as { content_block: Block };
      blocks.push({ type: content_block.type, id: content_block.id, text: '', written: '' });
      isOpen = true;
      continue;
    }
    expect([isOpen, index]).toEqual([true, blocks.length - 1]);
    const block = blocks[index];
    if (type === 'content_block_stop') isOpen = false;
    else {
      const { delta } = event as unknown as { delta: { text?: string; partial_json?: string } };
      expect(delta).toHaveProperty(block.type === 'text' ? 'text' : 'partial_json');
      block.text += delta.text ?? '';
      block.written += delta.partial_json ?? '';
    }
  }
  expect(isOpen).toBe(false);
  return blocks;
}

test('text, then calls one after the other: each is told as it comes', () => {
  const blocks = contentBlocks();
  const told = (event: ContentEvent) => blocks.content(event).map(({ type }) => type);
  expect(told(text('I '))).toEqual(['content_block_start', 'content_block_delta']);
  expect(told(text('look.'))).toEqual(['content_block_delta']);
  expect(told(piece(0, '', true))).toEqual(['content_block_stop', 'content_block_start']);
  expect(told(piece(0, '{"a":1'))).toEqual(['content_block_delta']);
  expect(told(piece(0, '}'))).toEqual(['content_block_delta']);
  expect(told(piece(1, '{}', true))).toEqual([
    ...['content_block_stop', 'content_block_start', 'content_block_delta'],
  ]);
  expect(blocks.closing()).toEqual([{ type: 'content_block_stop', index: 2 }]);
});

test('an answer of nothing has no blocks', () => {
  expect(tell([])).toEqual([]);
});

/** Calls with arguments cut into pieces, and texts, mixed in any order that keeps each call's own. */
const mixed = fc
  .array(
    fc.array(fc.string({ maxLength: 4 }), { maxLength: 4 }).map((cut) => JSON.stringify({ cut })),
    { maxLength: 4 },
  )
  .chain((calls) =>
    fc.record({
      calls: fc.constant(calls),
      cuts: fc.array(fc.nat(30), { minLength: 40, maxLength: 40 }),
      order: fc.array(fc.nat(5), { minLength: 60, maxLength: 60 }),
    }),
  );

test('however pieces of calls and texts are mixed, blocks follow each other and lose nothing', () => {
  fc.assert(
    fc.property(mixed, ({ calls, cuts, order }) => {
      const rest = calls.map((written, index) => {
        const at = cuts[index] % (written.length + 1);
        return [
          piece(index, '', true),
          piece(index, written.slice(0, at)),
          piece(index, written.slice(at)),
        ];
      });
      const events: ContentEvent[] = [];
      let begun = 0;
      for (const draw of order) {
        if (draw === 5) events.push(text('t'));
        else if (draw === begun && begun < calls.length) {
          events.push(rest[begun].shift() as ContentEvent);
          begun += 1;
        } else if (draw < begun) {
          const next = rest[draw].shift();
          if (next) events.push(next);
        }
      }
      for (const left of rest.slice(0, begun)) events.push(...left);

      const blocks = readStrictly(tell(events));
      const found = blocks.filter(({ type }) => type === 'tool_use');
      expect(found.map(({ id, written }) => [id, written])).toEqual(
        calls.slice(0, begun).map((written, index) => [`call_${index}`, written]),
      );
      expect(blocks.map((block) => block.text).join('')).toBe(
        events.map((event) => (event.kind === 'text' ? event.text : '')).join(''),
      );
    }),
  );
});

test('arguments that never become JSON keep nothing back at the end', () => {
  const events = [
    piece(0, '{"a":', true),
    piece(1, '{', true),
    text('t'),
    piece(0, '1'),
    piece(1, '"b"'),
  ];
  const blocks = readStrictly(tell(events));
  expect(blocks).toMatchObject([
    { id: 'call_0', written: '{"a":1' },
    { id: 'call_1', written: '{"b"' },
    { type: 'text', text: 't' },
  ]);
});
