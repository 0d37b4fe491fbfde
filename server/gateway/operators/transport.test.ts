import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Answered, serverSentEvents } from './transport.ts';

function bodyOf(bytes: Uint8Array, cuts: readonly number[]): Answered['body'] {
  const sorted = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length];
  sorted.sort((a, b) => a - b);
  const pieces = sorted.slice(1).map((end, i) => bytes.subarray(sorted[i], end));
  return { next: async () => pieces.shift(), leave: () => {}, close: () => {} };
}

async function read(text: string, cuts: readonly number[] = []): Promise<readonly string[]> {
  const all: string[] = [];
  const body = bodyOf(new TextEncoder().encode(text), cuts);
  const answered = { contentType: 'text/event-stream', body };
  for await (const data of serverSentEvents(answered)) all.push(data);
  return all;
}

test('wherever the bytes are cut, the events are the same', async () => {
  const text =
    'event: a\ndata: {"é":1}\n\n: a remark\n\ndata:{"two":\ndata: 2}\r\n\r\nid: 3\n\ndata: 𝄞\n\ndata: cut off';
  const whole = ['{"é":1}', '{"two":\n2}', '𝄞'];
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(200), { maxLength: 30 }), async (cuts) => {
      expect(await read(text, cuts)).toEqual(whole);
    }),
  );
});

test('an event that never ends is a failure of the operator', async () => {
  await expect(read(`data: ${'x'.repeat(1_000_001)}`)).rejects.toMatchObject({
    code: 'operator_failed',
  });
});
