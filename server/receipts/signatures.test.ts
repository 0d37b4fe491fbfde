/** Our signatures against viem's, in both directions. */
import {
  addressOf,
  checksummed,
  fromHex,
  OpenLedgerError,
  parseAddress,
  recoverPersonal,
  recoverTypedData,
  signPersonal,
  signTypedData,
  type TypedData,
  toHex,
  typedDataDigest,
} from '@openledger/protocol';
import fc from 'fast-check';
import { getAddress, type Hex, hashTypedData } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { expect, test } from 'vitest';

const secretKeys = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .filter((bytes) => bytes[0] < 0xff && bytes.some((byte) => byte !== 0));
const hex = (length: number) =>
  fc
    .uint8Array({ minLength: length, maxLength: length })
    .map((bytes) => `0x${toHex(bytes)}` as const);

const mail = fc.record({
  from: fc.record({
    name: fc.string(),
    wallet: hex(20),
    lucky: fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
  }),
  to: fc.array(fc.record({ name: fc.string(), wallet: hex(20), lucky: fc.constant(7n) }), {
    maxLength: 3,
  }),
  amounts: fc.array(fc.bigInt(0n, 2n ** 256n - 1n), { minLength: 2, maxLength: 2 }),
  urgent: fc.boolean(),
  hash: hex(32),
  tag: hex(4),
  body: fc.uint8Array({ maxLength: 80 }).map((bytes) => `0x${toHex(bytes)}`),
});

const mailData = (message: TypedData['message']): TypedData => ({
  domain: {
    name: 'Mail',
    version: '1',
    chainId: 31337n,
    verifyingContract: `0x${'ab'.repeat(20)}`,
  },
  types: {
    Person: [
      { name: 'name', type: 'string' },
      { name: 'wallet', type: 'address' },
      { name: 'lucky', type: 'int64' },
    ],
    Mail: [
      { name: 'from', type: 'Person' },
      { name: 'to', type: 'Person[]' },
      { name: 'amounts', type: 'uint256[2]' },
      { name: 'urgent', type: 'bool' },
      { name: 'hash', type: 'bytes32' },
      { name: 'tag', type: 'bytes4' },
      { name: 'body', type: 'bytes' },
    ],
  },
  primaryType: 'Mail',
  message,
});

test("typed data has viem's digest, whatever it holds", () => {
  fc.assert(
    fc.property(mail, (message) => {
      const data = mailData(message);
      expect(`0x${toHex(typedDataDigest(data))}`).toBe(hashTypedData(data as never));
    }),
  );
});

test("signatures are viem's, bit for bit, and lead back to the signer", async () => {
  await fc.assert(
    fc.asyncProperty(
      secretKeys,
      fc.string({ unit: 'binary' }),
      mail,
      async (secretKey, text, message) => {
        const account = privateKeyToAccount(`0x${toHex(secretKey)}`);
        const address = account.address.toLowerCase();
        const data = mailData(message);
        expect(addressOf(secretKey)).toBe(address);
        expect(checksummed(address)).toBe(account.address);
        expect(signPersonal(text, secretKey)).toBe(await account.signMessage({ message: text }));
        expect(signTypedData(data, secretKey)).toBe(await account.signTypedData(data as never));
        expect(recoverPersonal(text, signPersonal(text, secretKey))).toBe(address);
        expect(recoverTypedData(data, signTypedData(data, secretKey))).toBe(address);
      },
    ),
    { numRuns: 25 },
  );
});

const secretKey = new Uint8Array(32).fill(7);
const signature = signPersonal('a promise', secretKey);

test.each([
  ['a second text of the same signature (high s)', highS(signature)],
  ['a v other than 27 and 28', `${signature.slice(0, -2)}00`],
  ['upper-case hex', signature.toUpperCase().replace('X', 'x')],
  ['a missing prefix', signature.slice(2)],
  ['r = 0', `0x${'0'.repeat(64)}${signature.slice(66)}`],
  ['s = 0', `${signature.slice(0, 66)}${'0'.repeat(64)}1b`],
  ['r beyond the order', `0x${'f'.repeat(64)}${signature.slice(66)}`],
  ['nothing', '0x'],
])('refuses %s', (_, malformed) => {
  expect(() => recoverPersonal('a promise', malformed)).toThrow(OpenLedgerError);
});

test('another text or another signature leads to another signer, or to none', () => {
  expect(recoverPersonal('a promisf', signature)).not.toBe(addressOf(secretKey));
});

test('reads addresses in lower case or rightly checksummed, and nothing else', () => {
  const address = addressOf(secretKey);
  expect(parseAddress(address)).toBe(address);
  expect(parseAddress(getAddress(address as Hex))).toBe(address);
  const mistyped = getAddress(address as Hex).replace(/[a-f]/, (digit) => digit.toUpperCase());
  expect(() => parseAddress(mistyped)).toThrow('mistyped');
  expect(() => parseAddress(address.slice(2))).toThrow('mistyped');
  expect(() => parseAddress(`0X${address.slice(2)}`)).toThrow('mistyped');
});

function highS(text: string): string {
  const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
  const s = (order - BigInt(`0x${text.slice(66, 130)}`)).toString(16).padStart(64, '0');
  const flipped = text.endsWith('1b') ? '1c' : '1b';
  expect(fromHex(s)).toHaveLength(32);
  return `${text.slice(0, 66)}${s}${flipped}`;
}
