/**
 * An operator that others run: a real HTTP server playing a script, in the words of OpenAI's streamed chat completions or, by
 * `anthropic-words.ts`, of Anthropic's messages.
 */
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';

export type OperatorCall = {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Record<string, unknown>;
  readonly authorization: string | undefined;
  /** Resolves when the caller hangs up, or when the answer is over. */
  readonly closed: Promise<void>;
  /** Writes something as it is. */
  raw(text: string): void;
  /** A whole answer that is not streamed. */
  json(value: unknown): void;
  /** One event with these members. */
  event(members: object): void;
  text(text: string, logprobs?: readonly object[]): void;
  /** The finish reason, the usage where there is one, and `[DONE]`. */
  finish(usage?: { prompt: number; completion: number }, reason?: string): void;
  status(code: number): void;
  /** Ends the answer, whatever was said before. */
  end(): void;
  /** Breaks the connection. */
  destroy(): void;
};

export type Script = (call: OperatorCall) => Promise<void> | void;

export type TestOperator = {
  readonly baseUrl: string;
  readonly calls: readonly OperatorCall[];
  /** How many were made so far. */
  connections(): number;
  /** How it was asked for its models. */
  readonly listed: readonly Pick<OperatorCall, 'path' | 'headers'>[];
  plays(script: Script): void;
  close(): Promise<void>;
};

export async function startOperator(): Promise<TestOperator> {
  const calls: OperatorCall[] = [];
  const listed: Pick<OperatorCall, 'path' | 'headers'>[] = [];
  let script: Script = (call) => call.finish();
  const server = createServer(async (request, response) => {
    if (request.method === 'GET') {
      listed.push({ path: request.url ?? '', headers: request.headers });
      return void response.end('{"data":[{"id":"echo"}]}'); // its models
    }
    const call = await hear(request, response);
    calls.push(call);
    await script(call);
  });
  let connections = 0;
  server.on('connection', () => connections++);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    ...{ calls, listed, connections: () => connections },
    plays(next) {
      script = next;
      calls.length = 0;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function hear(request: IncomingMessage, response: ServerResponse): Promise<OperatorCall> {
  const parts: Uint8Array[] = [];
  for await (const part of request) parts.push(part);
  const raw = (text: string) => {
    if (!response.headersSent) response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(text);
  };
  const event = (members: object) => raw(`data: ${JSON.stringify(members)}\n\n`);
  const choice = (members: object) => event({ choices: [{ index: 0, ...members }] });
  return {
    ...{ path: request.url ?? '', headers: request.headers },
    body: JSON.parse(Buffer.concat(parts).toString('utf8')),
    authorization: request.headers.authorization,
    headers: request.headers,
    closed: new Promise((resolve) => response.once('close', resolve)),
    raw,
    json(value) {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(value));
    },
    event,
    text: (content, logprobs) =>
      choice({
        delta: { content },
        finish_reason: null,
        ...(logprobs ? { logprobs: { content: logprobs } } : {}),
      }),
    finish(usage, reason = 'stop') {
      choice({ delta: {}, finish_reason: reason });
      if (usage) {
        const { prompt: prompt_tokens, completion: completion_tokens } = usage;
        event({ choices: [], usage: { prompt_tokens, completion_tokens } });
      }
      raw('data: [DONE]\n\n');
      response.end();
    },
    status(code) {
      response.writeHead(code, { 'content-type': 'application/json' });
      response.end('{"error":{"message":"no"}}');
    },
    end: () => response.end(),
    destroy: () => response.destroy(),
  };
}
