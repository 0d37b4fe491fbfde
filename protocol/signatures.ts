/**
 * Signatures: secp256k1 as Ethereum wallets make them (EIP-191 personal messages, EIP-712 typed data), and Ed25519 for
 * checkpoints of the log.
 *
 * Strict: one message and key have one accepted signature text. Hex is lower case with `0x`; v is 27 or 28; s is low
 * (EIP-2). Addresses are lower case wherever they are stored, signed or compared; `parseAddress` reads what people paste.
 */
import { ed25519 } from '@noble/curves/ed25519.js';
import { secp256k1 } from '@noble/curves/secp256k1.js';
import { keccak_256 } from '@noble/hashes/sha3.js';
import { z } from 'zod';
import { concatBytes, fromHex, toHex, utf8 } from './bytes.ts';
import { OpenLedgerError } from './errors.ts';
import { type TypedData, typedDataDigest } from './typed-data.ts';

/** `0x` and 40 lower-case hex digits. */
export const Address = z
  .string()
  .regex(/^0x[0-9a-f]{40}$/, 'Expected an address: 0x and 40 lower-case hex digits.');

/** `0x` and 130 lower-case hex digits: r, s, v. */
export const WalletSignature = z
  .string()
  .regex(/^0x[0-9a-f]{128}(1b|1c)$/, 'Expected a wallet signature: r, s, v in lower-case hex.');

/** The address of a secret key, [32] bytes. */
export const addressOf = (secretKey: Uint8Array): string =>
  addressOfPoint(secp256k1.getPublicKey(secretKey, false));

/** Signs a text as wallets' `personal_sign` does (EIP-191, version 0x45). */
export const signPersonal = (text: string, secretKey: Uint8Array): string =>
  signDigest(personalDigest(text), secretKey);

/** Who signed a text with `personal_sign`. @throws invalid_input on a malformed or impossible signature */
export const recoverPersonal = (text: string, signature: string): string =>
  recoverDigest(personalDigest(text), signature);

/** Signs typed data as wallets' `eth_signTypedData_v4` does (EIP-712). */
export const signTypedData = (data: TypedData, secretKey: Uint8Array): string =>
  signDigest(typedDataDigest(data), secretKey);

/** Who signed typed data. @throws invalid_input on a malformed or impossible signature */
export const recoverTypedData = (data: TypedData, signature: string): string =>
  recoverDigest(typedDataDigest(data), signature);

/**
 * Reads an address as people and wallets write it: all lower case, or mixed case with a right EIP-55 checksum.
 *
 * @returns the address in lower case
 * @throws invalid_input on anything else
 */
export function parseAddress(text: string): string {
  const lower = text.toLowerCase();
  if (Address.safeParse(lower).success && (text === lower || text === checksummed(lower)))
    return lower;
  throw new OpenLedgerError('invalid_input', `"${text}" is not an address, or it is mistyped.`);
}

/** An address with EIP-55's mixed-case checksum, for showing to people. */
export function checksummed(address: string): string {
  const digits = address.slice(2);
  const hash = toHex(keccak_256(utf8(digits)));
  return `0x${[...digits].map((digit, i) => (hash[i] >= '8' ? digit.toUpperCase() : digit)).join('')}`;
}

/** @param seed [32] bytes @returns [32] bytes */
export const ed25519PublicKey = (seed: Uint8Array): Uint8Array => ed25519.getPublicKey(seed);

/** @param seed [32] bytes @returns [64] bytes */
export const signEd25519 = (message: Uint8Array, seed: Uint8Array): Uint8Array =>
  ed25519.sign(message, seed);

/** By the strict rules of RFC 8032: canonical points and scalars only. Malformed input is just not verified. */
export function verifyEd25519(
  message: Uint8Array,
  signature: Uint8Array,
  publicKey: Uint8Array,
): boolean {
  if (signature.length !== 64 || publicKey.length !== 32) return false;
  return ed25519.verify(signature, message, publicKey, { zip215: false });
}

function personalDigest(text: string): Uint8Array {
  const message = utf8(text);
  return keccak_256(concatBytes(utf8(`\x19Ethereum Signed Message:\n${message.length}`), message));
}

function signDigest(digest: Uint8Array, secretKey: Uint8Array): string {
  const signed = secp256k1.sign(digest, secretKey, { prehash: false, format: 'recovered' });
  return `0x${toHex(signed.subarray(1))}${(27 + signed[0]).toString(16)}`;
}

function recoverDigest(digest: Uint8Array, signature: string): string {
  try {
    const bytes = fromHex(WalletSignature.parse(signature).slice(2));
    const recoverable = concatBytes(new Uint8Array([bytes[64] - 27]), bytes.subarray(0, 64));
    const { r, s, recovery } = secp256k1.Signature.fromBytes(recoverable, 'recovered');
    const parsed = new secp256k1.Signature(r, s, recovery);
    if (parsed.hasHighS()) throw new Error('s is in the upper half of its range.');
    return addressOfPoint(parsed.recoverPublicKey(digest).toBytes(false));
  } catch (cause) {
    throw new OpenLedgerError('invalid_input', 'The wallet signature is malformed.', {}, { cause });
  }
}

/** @param point an uncompressed public key, [65] bytes */
const addressOfPoint = (point: Uint8Array): string =>
  `0x${toHex(keccak_256(point.subarray(1)).subarray(12))}`;
