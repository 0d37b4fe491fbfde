/** SHA-256 and its text form, the name of all content. */
import { sha256 as portable } from '@noble/hashes/sha2.js';
import { z } from 'zod';
import { toHex, utf8 } from './bytes.ts';

/** 64 lower-case hex digits. */
export const Sha256Hex = z.string().regex(/^[0-9a-f]{64}$/, 'Expected 64 lower-case hex digits.');

/** Node's own, some ten times as fast. There is none in a browser, whose own would have to be waited for. */
type NativeHash = (algorithm: 'sha256', data: Uint8Array, encoding: 'buffer') => Uint8Array;
type Builtins = {
  readonly process?: {
    readonly getBuiltinModule?: (name: string) => { readonly hash?: NativeHash } | undefined;
  };
};
const native = (globalThis as Builtins).process?.getBuiltinModule?.('node:crypto')?.hash;

export const sha256: (bytes: Uint8Array) => Uint8Array = native
  ? (bytes) => new Uint8Array(native('sha256', bytes, 'buffer'))
  : portable;

/** SHA-256 of bytes, or of a text's UTF-8, as lower-case hex. */
export const sha256Hex = (content: Uint8Array | string): string =>
  toHex(sha256(typeof content === 'string' ? utf8(content) : content));
