/** SHA-256 and its text form, the name of all content. */
import { sha256 } from '@noble/hashes/sha2.js';
import { z } from 'zod';
import { toHex, utf8 } from './bytes.ts';

export { sha256 };

/** 64 lower-case hex digits. */
export const Sha256Hex = z.string().regex(/^[0-9a-f]{64}$/, 'Expected 64 lower-case hex digits.');

/** SHA-256 of bytes, or of a text's UTF-8, as lower-case hex. */
export const sha256Hex = (content: Uint8Array | string): string =>
  toHex(sha256(typeof content === 'string' ? utf8(content) : content));
