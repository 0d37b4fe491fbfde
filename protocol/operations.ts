/**
 * One table of operations, read by everybody: HTTP mounting, the SDK, the CLI and the OpenAPI document.
 *
 * A row names its method, path, scope, input and output. Path parameters (`:datanetId`) are members of the input;
 * so are query parameters of a GET. Everything else of the input is the JSON body.
 */
import type { z } from 'zod';

/**
 * What a key may do. `public` operations need no key; `manage` rules the keys, wallets and claims of one's own party;
 * `admin` may do everything.
 */
export const scopes = [
  'read',
  'contribute',
  'build',
  'infer',
  'operate',
  'manage',
  'admin',
] as const;
export type Scope = (typeof scopes)[number];

export type Operation = {
  readonly summary: string;
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: `/api/${string}`;
  readonly scope: Scope | 'public';
  readonly input: z.ZodObject;
  readonly output: z.ZodType;
  /** The body is raw newline-delimited JSON and reaches the handler as a stream, beside the input. */
  readonly body?: 'ndjson';
  /** Status of success; 200 where it is not said. */
  readonly status?: 201 | 202;
};

export type Operations = { readonly [verb: string]: Operation };

export type InputOf<O extends Operation> = z.infer<O['input']>;
export type OutputOf<O extends Operation> = z.input<O['output']>;

/** Names of the path's parameters, in order: '/api/x/:a/y/:b' -> ['a', 'b']. */
export const pathParameters = (path: string): readonly string[] =>
  [...path.matchAll(/:([A-Za-z]+)/g)].map(([, name]) => name);
