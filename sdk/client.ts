/** The typed client: one method an operation, made from the table when it is asked for. */
import {
  type Api,
  api,
  isErrorCode,
  OpenLedgerError,
  type Operation,
  pathParameters,
} from '@openledger/protocol';
import type { z } from 'zod';
import { ndjson } from './ndjson.ts';

/** What goes beside the input. */
type Options<O extends Operation> = { readonly signal?: AbortSignal } & (O extends {
  readonly body: 'ndjson';
}
  ? {
      /** An object is written as one line; bytes are sent as they are. Read no faster than the server takes it. */
      readonly body: AsyncIterable<object | Uint8Array> | Iterable<object | Uint8Array>;
    }
  : unknown);

type Arguments<O extends Operation> = O extends { readonly body: 'ndjson' }
  ? [input: z.input<O['input']>, options: Options<O>]
  : Record<string, never> extends z.input<O['input']>
    ? [input?: z.input<O['input']>, options?: Options<O>]
    : [input: z.input<O['input']>, options?: Options<O>];

/** `client.<noun>.<verb>(input)`. @throws OpenLedgerError as the server threw it, or unavailable when none answers */
export type Client = {
  readonly [Noun in keyof Api]: {
    readonly [Verb in keyof Api[Noun]]: Api[Noun][Verb] extends infer O extends Operation
      ? (...input: Arguments<O>) => Promise<z.output<O['output']>>
      : never;
  };
};

export type ClientOptions = {
  /** Where the server is, such as http://127.0.0.1:4180. */
  readonly baseUrl: string;
  readonly apiKey?: string;
  /** Another way to reach the server: an app in the same process, a proxy. Default: the global `fetch`. */
  readonly fetch?: typeof fetch;
};

export function createClient(options: ClientOptions): Client {
  const nouns = Object.entries(api).map(([noun, operations]) => {
    const verbs = Object.entries<Operation>(operations).map(([verb, operation]) => [
      verb,
      (input: object = {}, extra: Extra = {}) => call(options, operation, { ...input }, extra),
    ]);
    return [noun, Object.fromEntries(verbs)];
  });
  return Object.fromEntries(nouns) as Client; // the table's own entries, in the table's own shape
}

type Input = Readonly<Record<string, unknown>>;
type Extra = {
  readonly signal?: AbortSignal;
  readonly body?: AsyncIterable<object | Uint8Array> | Iterable<object | Uint8Array>;
};

async function call(
  { baseUrl, apiKey, fetch: send = fetch }: ClientOptions,
  operation: Operation,
  input: Input,
  { signal, body }: Extra,
): Promise<unknown> {
  const headers: Record<string, string> = {};
  if (apiKey !== undefined) headers.authorization = `Bearer ${apiKey}`;
  const { path, rest } = fillPath(operation.path, input);
  const url = new URL(`${baseUrl.replace(/\/+$/, '')}${path}`);
  const request: RequestInit & { duplex?: 'half' } = { method: operation.method, headers, signal };
  if (operation.body === 'ndjson') {
    addQuery(url, rest);
    headers['content-type'] = 'application/x-ndjson';
    request.body = ndjson(body ?? []);
    request.duplex = 'half'; // the body is a stream: the answer comes when it has ended
  } else if (operation.method === 'POST') {
    headers['content-type'] = 'application/json';
    request.body = JSON.stringify(rest);
  } else {
    addQuery(url, rest);
  }
  const response = await send(url, request).catch((cause: unknown) => {
    if (signal?.aborted) throw cause;
    throw new OpenLedgerError('unavailable', `No server answers at ${url.origin}.`, {}, { cause });
  });
  if (!response.ok) throw await errorFrom(response);
  return operation.output.parse(await response.json());
}

/** Puts the path's parameters in their places; the rest of the input goes elsewhere. */
function fillPath(template: string, input: Input): { readonly path: string; readonly rest: Input } {
  const rest = { ...input };
  let path = template;
  for (const name of pathParameters(template)) {
    const value = rest[name];
    if (value === undefined || value === '') {
      throw new OpenLedgerError('invalid_input', `${name} is missing.`, { path: name });
    }
    path = path.replace(`:${name}`, encodeURIComponent(String(value)));
    delete rest[name];
  }
  return { path, rest };
}

/** A list is a name given several times. */
function addQuery(url: URL, input: Input): void {
  for (const [name, value] of Object.entries(input)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined) url.searchParams.append(name, String(one));
    }
  }
}

/** The error that the server threw; whatever else stood in its way is `unavailable`. */
async function errorFrom(response: Response): Promise<OpenLedgerError> {
  const { status } = response;
  const answer: unknown = await response.json().catch(() => undefined);
  const error = member(answer, 'error');
  const code = member(error, 'code');
  const message = member(error, 'message');
  const details = member(error, 'details');
  const facts = typeof details === 'object' && details !== null ? details : {};
  if (isErrorCode(code) && typeof message === 'string') {
    return new OpenLedgerError(code, message, { ...facts });
  }
  const said = typeof message === 'string' ? message : `The server answered with status ${status}.`;
  return new OpenLedgerError('unavailable', said, { ...facts, status });
}

const member = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null
    ? (value as Readonly<Record<string, unknown>>)[name]
    : undefined;
