/**
 * Joins a noun's operations with the functions that do them. A handler left out does not compile.
 *
 * Input is parsed before a handler sees it, and output is cut to what the table declares before a client sees it.
 */
import {
  type InputOf,
  OpenLedgerError,
  type Operation,
  type Operations,
  type OutputOf,
} from '@openledger/protocol';
import type { z } from 'zod';
import type { Caller } from '../identity/index.ts';
import type { Line } from '../platform/lines.ts';
import { isStorable, isTooDeep } from '../platform/storable.ts';

/** What comes with the input. Public operations may be called by nobody in particular; NDJSON bodies come as lines. */
export type Context<O extends Operation = Operation> = {
  readonly caller: O['scope'] extends 'public' ? Caller | undefined : Caller;
  readonly body: O extends { readonly body: 'ndjson' } ? AsyncIterable<Line> : undefined;
  /** Aborts when the client leaves. */
  readonly signal: AbortSignal;
};

export type Handler<O extends Operation> = (
  input: InputOf<O>,
  context: Context<O>,
) => Promise<OutputOf<O>>;

export type Handlers<Ops extends Operations> = {
  readonly [Verb in keyof Ops]: Handler<Ops[Verb]>;
};

/** One operation, ready to be mounted: raw input in, plain JSON out. */
export type Route = {
  readonly verb: string;
  readonly operation: Operation;
  readonly handle: (
    input: unknown,
    context: {
      readonly caller: Caller | undefined;
      readonly body: AsyncIterable<Line> | undefined;
      readonly signal: AbortSignal;
    },
  ) => Promise<unknown>;
};

export function implement<const Ops extends Operations>(
  operations: Ops,
  handlers: Handlers<Ops>,
): readonly Route[] {
  return Object.entries(operations).map(([verb, operation]) => {
    const handler = handlers[verb] as unknown as Handler<Operation>; // the pair is checked by `Handlers`
    const inputSchema = refuseUnknown(operation.input);
    return {
      verb,
      operation,
      handle: async (raw, context) => {
        const input = parseInput(inputSchema, raw);
        const output = await handler(input, context as Context);
        return encodeOutput(verb, operation, output);
      },
    };
  });
}

/** A member that nobody reads is a mistake worth telling, unless the operation says that it takes any. */
const refuseUnknown = (schema: z.ZodObject): z.ZodObject =>
  schema.def.catchall ? schema : schema.strict();

function parseInput(schema: z.ZodObject, raw: unknown): Record<string, unknown> {
  if (isTooDeep(raw)) throw new OpenLedgerError('invalid_input', 'The input is nested too deeply.');
  if (!isStorable(raw)) {
    throw new OpenLedgerError('invalid_input', 'The input holds NUL or a lone surrogate.');
  }
  const parsed = schema.safeParse(raw);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map(({ path, message }) => ({
    path: path.map(String).join('.'),
    message,
  }));
  const [{ path, message }] = issues;
  throw new OpenLedgerError('invalid_input', path ? `${path}: ${message}` : message, { issues });
}

/** An answer that is not what the table promises is our bug, never the caller's: a plain error. */
function encodeOutput(verb: string, operation: Operation, output: unknown): unknown {
  const encoded = operation.output.safeParse(output);
  if (encoded.success) return encoded.data;
  throw new Error(`${verb} answered what its operation does not declare.`, {
    cause: encoded.error,
  });
}
