import { utf8 } from '@openledger/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { eventData } from './event-data.ts';

const linesOf = async (parts: readonly Uint8Array[]): Promise<readonly string[]> => {
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const part of parts) controller.enqueue(part);
      controller.close();
    },
  });
  const lines: string[] = [];
  for await (const line of eventData(body)) lines.push(line);
  return lines;
};

test('finds the same lines wherever the network cuts the stream', async () => {
  const bytes = utf8('data: {"é":1}\n\n: a comment\r\ndata: 😀\r\n\r\ndata: [DONE]\n\n');
  const cuts = fc.array(fc.nat(bytes.length), { maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(cuts, async (at) => {
      const edges = [0, ...at.toSorted((a, b) => a - b), bytes.length];
      const parts = edges.slice(1).map((end, i) => bytes.subarray(edges[i], end));
      expect(await linesOf(parts)).toEqual(['{"é":1}', '😀', '[DONE]']);
    }),
  );
});

test('a stream that ends within a line still gives that line', async () => {
  expect(await linesOf([utf8('data: one\n\ndata: tw'), utf8('o')])).toEqual(['one', 'two']);
});
