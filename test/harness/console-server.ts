/** Serves the console's files with the real content security policy, and the API from fixed answers. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  type Api,
  api,
  type Noun,
  OpenLedgerError,
  type Operation,
  type OutputOf,
} from '@openledger/protocol';
import { staticFile } from '../../server/http/static-files.ts';

type Input = Readonly<Record<string, string>>;

/** What operations answer; one that is not named is not found. */
export type Answers = {
  readonly [N in Noun]?: {
    readonly [V in keyof Api[N]]?: Api[N][V] extends infer O extends Operation
      ? (input: Input) => OutputOf<O>
      : never;
  };
};

export type ConsoleServer = { readonly url: string; close(): Promise<void> };

type Options = {
  /** Folder of the built console. */
  readonly folder: string;
  readonly answers: Answers;
  /** The only key that is accepted. */
  readonly apiKey: string;
  /** Server-sent events of every chat completion. */
  readonly chat: () => AsyncIterable<object>;
};

export async function serveConsole(options: Options): Promise<ConsoleServer> {
  const server = createServer((request, response) => {
    respond(options, request, response).catch((error: unknown) => refuse(response, error));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function respond(
  { folder, answers, apiKey, chat }: Options,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://console');
  const hasKey = request.headers.authorization === `Bearer ${apiKey}`;
  if (url.pathname === '/v1/chat/completions') return streamChat(response, chat());
  const found = findOperation(request.method ?? 'GET', url.pathname);
  if (!found) return sendFile(response, await staticFile(folder, url.pathname));
  if (found.operation.scope !== 'public' && !hasKey) {
    throw new OpenLedgerError('unauthorized', 'This needs a key.');
  }
  const answer = (answers[found.noun] as Readonly<Record<string, unknown>> | undefined)?.[
    found.verb
  ] as ((input: Input) => unknown) | undefined;
  if (!answer) throw new OpenLedgerError('not_found', `No ${found.noun} ${found.verb} here.`);
  const input = { ...Object.fromEntries(url.searchParams), ...found.input };
  const output = found.operation.output.parse(answer(input));
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(output));
}

function findOperation(method: string, path: string) {
  for (const [noun, operations] of Object.entries(api)) {
    for (const [verb, operation] of Object.entries<Operation>(operations)) {
      const pattern = operation.path.replace(/:([A-Za-z]+)/g, '(?<$1>[^/]+)');
      const match = new RegExp(`^${pattern}$`).exec(path);
      if (!match || operation.method !== method) continue;
      return { noun: noun as Noun, verb, operation, input: match.groups ?? {} };
    }
  }
  return undefined;
}

async function sendFile(response: ServerResponse, file: Response | undefined): Promise<void> {
  if (!file) throw new OpenLedgerError('not_found', 'No such file.');
  response.writeHead(200, Object.fromEntries(file.headers));
  response.end(Buffer.from(await file.arrayBuffer()));
}

async function streamChat(response: ServerResponse, chunks: AsyncIterable<object>): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
  for await (const chunk of chunks) response.write(`data: ${JSON.stringify(chunk)}\n\n`);
  response.end('data: [DONE]\n\n');
}

function refuse(response: ServerResponse, error: unknown): void {
  const known = error instanceof OpenLedgerError ? error : undefined;
  const { code, message, details } = known ?? {
    code: 'internal',
    message: String(error),
    details: {},
  };
  response.writeHead(known?.status ?? 500, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ error: { code, message, details } }));
}
