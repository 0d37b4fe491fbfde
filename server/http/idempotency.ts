/**
 * The header `Idempotency-Key`, on each surface that makes calls.
 *
 * Source: IETF, "The Idempotency-Key HTTP Header Field" (draft-ietf-httpapi-idempotency-key-header). A key is taken as it is sent,
 * with or without quotes.
 */
import { OpenLedgerError, sha256Hex } from '@openledger/protocol';
import type { Context } from 'hono';
import type { Idempotency } from '../gateway/index.ts';

const KEY = /^[\x21-\x7e]{1,255}$/;

/** @param body as it was sent; the order of its members does not matter @throws invalid_input for what is no key */
export function idempotencyOf(c: Context, body: unknown): Idempotency | undefined {
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
