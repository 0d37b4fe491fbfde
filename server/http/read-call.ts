/** What a client sends to have a call made: a body, and the header `Idempotency-Key` where it may send it again. */
import { OpenLedgerError, sha256Hex } from '@openledger/protocol';
import type { Context } from 'hono';
import type { z } from 'zod';
import type { Idempotency } from '../gateway/index.ts';
import { defaultLimits, parseBody, readJson } from './body.ts';

const LIMITS = { ...defaultLimits, jsonBytes: 4_000_000 };

/** @throws invalid_input for what is not of the schema, or no key; too_large */
export async function readCall<Schema extends z.ZodType>(
  c: Context,
  schema: Schema,
): Promise<{ readonly body: z.output<Schema>; readonly idempotency: Idempotency | undefined }> {
  const json = await readJson(c, LIMITS);
  return { body: parseBody(schema, json), idempotency: idempotencyOf(c, json) };
}

const KEY = /^[\x21-\x7e]{1,255}$/;

/**
 * A key is taken as it is sent, with or without quotes. The order of a body's members does not matter.
 *
 * Source: IETF, "The Idempotency-Key HTTP Header Field" (draft-ietf-httpapi-idempotency-key-header).
 */
function idempotencyOf(c: Context, body: unknown): Idempotency | undefined {
  const key = c.req.header('idempotency-key');
  if (key === undefined) return undefined;
  if (KEY.test(key)) return { key, requestHash: sha256Hex(`${c.req.path}\n${sorted(body)}`) };
  const sentence = 'An Idempotency-Key has 1 to 255 visible ASCII characters.';
  throw new OpenLedgerError('invalid_input', sentence, { header: 'idempotency-key' });
}

/** Bodies have fractions, which `canonicalize` refuses. */
const sorted = (body: unknown): string =>
  JSON.stringify(body, (_, value) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
