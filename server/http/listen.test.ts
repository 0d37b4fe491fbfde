import { setTimeout as pause } from 'node:timers/promises';
import { Hono } from 'hono';
import { expect, test } from 'vitest';
import { listen } from './listen.ts';

/** Streams a word every 20 ms. */
const slowly = (words: number): Hono =>
  new Hono().get('/', () => {
    let said = 0;
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        await pause(20);
        if (said === words) controller.close();
        else controller.enqueue(Buffer.from(`${said++} `));
      },
    });
    return new Response(body);
  });

const started = async (words: number) => {
  const { url, close } = await listen(slowly(words), { host: '127.0.0.1', port: 0 });
  const response = await fetch(url);
  return { url, close, text: response.text() };
};

test('a server that is told to stop lets open answers end, takes nobody new, and waits no longer than it must', async () => {
  const { url, close, text } = await started(10);
  const closing = close(30_000);
  await expect(fetch(url)).rejects.toThrow();
  expect((await text).trim().split(' ')).toHaveLength(10);
  await closing; // and not in thirty seconds, or this test is late
});

test('an answer that does not end in time is cut', async () => {
  const { close, text } = await started(10_000);
  const cut = expect(text).rejects.toThrow();
  await close(100);
  await cut;
});
