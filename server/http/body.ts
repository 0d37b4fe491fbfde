/** Reading request bodies, never more of them than allowed. */
import { fromUtf8, OpenLedgerError } from '@openledger/protocol';
import type { Context } from 'hono';
import type { z } from 'zod';
import { type Line, linesOf } from '../platform/lines.ts';
import { bodyOf } from './node-connection.ts';

export type BodyLimits = {
  /** A JSON body. */
  readonly jsonBytes: number;
  /** One line of an NDJSON body; a longer one is reported and skipped. */
  readonly lineBytes: number;
  /** A whole NDJSON body. */
  readonly uploadBytes: number;
};

export const defaultLimits: BodyLimits = {
  jsonBytes: 8 * 2 ** 20,
  lineBytes: 8 * 2 ** 20,
  uploadBytes: 16 * 2 ** 30,
};

/** An absent body is an empty object. @throws invalid_input, too_large */
export async function readJson(
  c: Context,
  { jsonBytes }: BodyLimits,
): Promise<Record<string, unknown>> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of limited(c, jsonBytes)) chunks.push(chunk);
  const text = fromUtf8(Buffer.concat(chunks));
  if (text === '') return {};
  const value = parseJson(text);
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw new OpenLedgerError('invalid_input', 'The body must be a JSON object.');
}

/** The body's lines as they arrive. @throws too_large, while it is read, once the whole is */
export const readLines = (c: Context, limits: BodyLimits): AsyncIterable<Line> =>
  linesOf(limited(c, limits.uploadBytes), { maxLineBytes: limits.lineBytes });

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new OpenLedgerError('invalid_input', `The body is not JSON: ${reason}`, {}, { cause });
  }
}

async function* limited(c: Context, limitBytes: number): AsyncGenerator<Uint8Array> {
  const tooLarge = () =>
    new OpenLedgerError('too_large', `The body is larger than ${limitBytes} bytes.`, {
      limitBytes,
    });
  if (Number(c.req.header('content-length') ?? 0) > limitBytes) throw tooLarge();
  const body = bodyOf(c);
  if (!body) return;
  let sizeBytes = 0;
  for await (const chunk of body) {
    sizeBytes += chunk.length;
    if (sizeBytes > limitBytes) throw tooLarge();
    yield chunk;
  }
}

/** @throws invalid_input for what is not of the schema, naming the first field that is not */
export function parseBody<Schema extends z.ZodType>(
  schema: Schema,
  body: unknown,
): z.output<Schema> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const [{ path, message }] = parsed.error.issues;
  throw new OpenLedgerError('invalid_input', `${path.join('.') || 'body'}: ${message}`, {
    param: path.join('.'),
  });
}
