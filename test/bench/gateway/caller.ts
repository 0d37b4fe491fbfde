/** One who asks, over connections that are kept: node:http, and no more work than looking whether the answer is one. */
import { Agent, type IncomingMessage, request } from 'node:http';
import { bodyOf, type Pace, WORD } from './speech.ts';
import type { Target } from './stand.ts';

export type Caller = {
  /** An answer in one piece. */
  whole(): Promise<void>;
  /** Resolves with the first word of a stream; the rest is read, and must be whole by the time of `close`. */
  firstWord(pace: Pace): Promise<void>;
  /** Streams that have begun and have not ended. */
  open(): number;
  /** Streams that have ended as they should. */
  complete(): number;
  /** Waits for the rest of what was begun. @throws what went wrong with it */
  close(): Promise<void>;
};

export function createCaller(target: Target): Caller {
  const agent = new Agent({ keepAlive: true });
  const { hostname, port } = new URL(target.url);
  const rests = new Set<Promise<void>>();
  let complete = 0;
  let failure: unknown;

  const send = (body: string): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const length = { 'content-length': Buffer.byteLength(body) };
      const headers = { ...target.headers, 'content-type': 'application/json', ...length };
      const path = '/v1/chat/completions';
      request({ hostname, port, path, method: 'POST', agent, headers }, resolve)
        .once('error', reject)
        .end(body);
    });

  return {
    async whole() {
      const response = await send(bodyOf(target.model('quick'), false));
      let text = '';
      for await (const part of response.setEncoding('utf8')) text += part;
      assertAnswer(target, response, text.includes(WORD), text);
    },
    async firstWord(pace) {
      const response = await send(bodyOf(target.model(pace), true));
      response.setEncoding('utf8');
      let begun: () => void = () => {};
      const first = new Promise<void>((resolve) => {
        begun = resolve;
      });
      const rest = readStream(target, response, begun);
      const kept = rest
        .then(() => {
          complete++;
        })
        .catch((error: unknown) => {
          failure ??= error;
        })
        .finally(() => rests.delete(kept));
      rests.add(kept);
      await Promise.race([first, rest]);
    },
    open: () => rests.size,
    complete: () => complete,
    async close() {
      await Promise.all(rests);
      agent.destroy();
      if (failure) throw failure;
    },
  };
}

async function readStream(
  target: Target,
  response: IncomingMessage,
  begun: () => void,
): Promise<void> {
  let said = false;
  let last = '';
  for await (const text of response) {
    if (!said && text.includes(WORD)) {
      said = true;
      begun();
    }
    last = (last + text).slice(-200);
  }
  assertAnswer(target, response, said && last.includes('[DONE]'), last);
}

function assertAnswer(
  { name }: Target,
  { statusCode }: IncomingMessage,
  isWhole: boolean,
  text: string,
): void {
  if (statusCode === 200 && isWhole) return;
  throw new Error(`No answer from ${name}: ${statusCode} ${text.slice(0, 300)}`);
}
