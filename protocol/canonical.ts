/**
 * Canonical JSON (RFC 8785, JSON Canonicalization Scheme): one value has exactly one text, so it can be hashed and signed.
 *
 * Numbers are limited to safe integers; amounts and weights are decimal strings. That is a subset on which
 * RFC 8785's number rule is trivially met.
 */
import { utf8 } from './bytes.ts';
import { OpenLedgerError } from './errors.ts';
import { sha256Hex } from './hash.ts';

export type CanonicalValue =
  | null
  | boolean
  | number
  | string
  | readonly CanonicalValue[]
  | { readonly [key: string]: CanonicalValue | undefined };

/** @throws not_canonical on a number that is not a safe integer, a lone surrogate, or a value JSON does not have */
export function canonicalize(value: CanonicalValue): string {
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return canonicalString(value);
  if (typeof value === 'number') return canonicalNumber(value);
  if (Array.isArray(value)) return `[${value.map(canonicalize).join(',')}]`;
  if (typeof value === 'object')
    return canonicalObject(value as { readonly [key: string]: CanonicalValue });
  throw new OpenLedgerError('not_canonical', `A ${typeof value} has no canonical form.`);
}

/** Parses text that must already be canonical. @throws not_canonical when it is not, byte for byte */
export function parseCanonical(text: string): CanonicalValue {
  let value: CanonicalValue;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new OpenLedgerError('not_canonical', 'The text is not JSON.', {}, { cause });
  }
  if (canonicalize(value) !== text) {
    throw new OpenLedgerError('not_canonical', 'The JSON is not in canonical form (RFC 8785).');
  }
  return value;
}

/** SHA-256 over the canonical bytes, lower-case hex. */
export const canonicalHash = (value: CanonicalValue): string =>
  sha256Hex(utf8(canonicalize(value)));

function canonicalString(text: string): string {
  if (!text.isWellFormed()) {
    throw new OpenLedgerError('not_canonical', 'A string holds a lone surrogate.');
  }
  return JSON.stringify(text);
}

function canonicalNumber(value: number): string {
  if (!Number.isSafeInteger(value) || Object.is(value, -0)) {
    throw new OpenLedgerError('not_canonical', `${value} is not a safe integer.`);
  }
  return String(value);
}

function canonicalObject(value: { readonly [key: string]: CanonicalValue | undefined }): string {
  const members = Object.keys(value)
    .filter((key) => value[key] !== undefined)
    .sort() // UTF-16 code units, as RFC 8785 asks
    .map((key) => `${canonicalString(key)}:${canonicalize(value[key] as CanonicalValue)}`);
  return `{${members.join(',')}}`;
}
