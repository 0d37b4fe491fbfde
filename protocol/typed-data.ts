/**
 * The digest of EIP-712 typed data: what a wallet signs when it shows fields instead of bytes.
 *
 * Takes whole numbers as bigint, bytes as `0x` hex, addresses in lower case; structs and arrays nest.
 */
import { keccak_256 } from '@noble/hashes/sha3.js';
import { concatBytes, fromHex, utf8 } from './bytes.ts';

export type TypedValue =
  | string
  | bigint
  | boolean
  | readonly TypedValue[]
  | { readonly [field: string]: TypedValue };

export type TypedField = { readonly name: string; readonly type: string };

export type TypedData = {
  readonly domain: {
    readonly name?: string;
    readonly version?: string;
    readonly chainId?: bigint;
    readonly verifyingContract?: string;
  };
  readonly types: { readonly [struct: string]: readonly TypedField[] };
  readonly primaryType: string;
  readonly message: { readonly [field: string]: TypedValue };
};

/** keccak256(0x19 0x01 | domain separator | struct hash). @throws Error when the message does not fit its types */
export function typedDataDigest({ domain, types, primaryType, message }: TypedData): Uint8Array {
  const EIP712Domain = DOMAIN_FIELDS.filter(
    ({ name }) => domain[name as keyof typeof domain] !== undefined,
  );
  return keccak_256(
    concatBytes(
      new Uint8Array([0x19, 0x01]),
      hashStruct({ EIP712Domain }, 'EIP712Domain', domain as TypedData['message']),
      hashStruct(types, primaryType, message),
    ),
  );
}

const DOMAIN_FIELDS: readonly TypedField[] = [
  { name: 'name', type: 'string' },
  { name: 'version', type: 'string' },
  { name: 'chainId', type: 'uint256' },
  { name: 'verifyingContract', type: 'address' },
];

function hashStruct(
  types: TypedData['types'],
  name: string,
  value: TypedData['message'],
): Uint8Array {
  const fields = types[name].map((field) => encodeValue(types, field.type, value[field.name]));
  return keccak_256(concatBytes(keccak_256(utf8(encodeType(types, name))), ...fields));
}

/** "Mail(Person from,string text)Person(string name)": the struct first, those it mentions after it, sorted. */
function encodeType(types: TypedData['types'], name: string): string {
  const mentioned = new Set<string>();
  const visit = (struct: string) => {
    for (const { type } of types[struct]) {
      const [inner] = type.split('[');
      if (!(inner in types) || inner === name || mentioned.has(inner)) continue;
      mentioned.add(inner);
      visit(inner);
    }
  };
  visit(name);
  return [name, ...[...mentioned].sort()]
    .map((struct) => `${struct}(${types[struct].map((f) => `${f.type} ${f.name}`).join(',')})`)
    .join('');
}

/** One field's encoding, [32] bytes. */
function encodeValue(types: TypedData['types'], type: string, value: TypedValue): Uint8Array {
  const list = /^(.*)\[(\d*)\]$/.exec(type);
  if (list) {
    const items = value as readonly TypedValue[];
    if (!Array.isArray(items) || (list[2] && items.length !== Number(list[2]))) throw misfit(type);
    return keccak_256(concatBytes(...items.map((item) => encodeValue(types, list[1], item))));
  }
  if (type in types) return hashStruct(types, type, value as TypedData['message']);
  if (type === 'string' && typeof value === 'string') return keccak_256(utf8(value));
  if (type === 'bool' && typeof value === 'boolean') return encodeInteger(value ? 1n : 0n);
  if (type === 'bytes') return keccak_256(hexBytes(type, value));
  if (type === 'address') return padded(hexBytes(type, value, 20), 'left');
  const bytes = /^bytes([1-9]|[12]\d|3[0-2])$/.exec(type);
  if (bytes) return padded(hexBytes(type, value, Number(bytes[1])), 'right');
  const integer = /^(u?)int(\d{0,3})$/.exec(type);
  if (!integer || typeof value !== 'bigint') throw misfit(type);
  const bits = Number(integer[2] || 256);
  const [low, high] = integer[1]
    ? [0n, 2n ** BigInt(bits)]
    : [-(2n ** BigInt(bits - 1)), 2n ** BigInt(bits - 1)];
  if (value < low || value >= high) throw misfit(type);
  return encodeInteger(value);
}

const encodeInteger = (value: bigint): Uint8Array =>
  fromHex(BigInt.asUintN(256, value).toString(16).padStart(64, '0'));

function hexBytes(type: string, value: TypedValue, length?: number): Uint8Array {
  if (typeof value !== 'string' || !value.startsWith('0x')) throw misfit(type);
  const bytes = fromHex(value.slice(2));
  if (length !== undefined && bytes.length !== length) throw misfit(type);
  return bytes;
}

function padded(bytes: Uint8Array, side: 'left' | 'right'): Uint8Array {
  const word = new Uint8Array(32);
  word.set(bytes, side === 'left' ? 32 - bytes.length : 0);
  return word;
}

const misfit = (type: string): Error => new Error(`A value of typed data is not a ${type}.`);
