import fc from 'fast-check';
import { expect, test } from 'vitest';
import { toHex } from './bytes.ts';
import {
  checkNote,
  formatCheckpoint,
  formatNote,
  formatNoteKey,
  parseCheckpoint,
  parseNote,
  parseNoteKey,
  signNote,
} from './note.ts';
import { ed25519PublicKey, signEd25519, verifyEd25519 } from './signatures.ts';

const seed = new Uint8Array(32).fill(3);
const key = { name: 'log.example/one', publicKey: ed25519PublicKey(seed) };
const checkpoint = { origin: key.name, size: 1234, root: new Uint8Array(32).fill(9) };
const note = formatNote(signNote(formatCheckpoint(checkpoint), { name: key.name, seed }));

test('a checkpoint survives the way to a signed note and back', () => {
  const parsed = parseNote(note);
  expect(checkNote(parsed, [key])).toEqual({ signers: [key.name], hasUnknown: false });
  expect(parseCheckpoint(parsed.text)).toEqual(checkpoint);
  expect(formatNote(parsed)).toBe(note);
  expect(note.split('\n').slice(0, 4)).toEqual([
    'log.example/one',
    '1234',
    'CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=',
    '',
  ]);
});

test('a key has one text, and a text with a wrong key id is refused', () => {
  const text = formatNoteKey(key);
  expect(parseNoteKey(text)).toEqual(key);
  expect(() => parseNoteKey(text.replace(/\+[0-9a-f]/, '+0'))).toThrow('malformed');
  expect(() => parseNoteKey(`x${text}`)).toThrow('malformed');
});

test("reads the key of the signed-note format's own example", () => {
  // The key of the Go checksum database, whose id is published in its text.
  const text = 'sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8';
  expect(formatNoteKey(parseNoteKey(text))).toBe(text);
});

test('changing any character breaks a note: refused, or not signed by the key', () => {
  fc.assert(
    fc.property(fc.nat(note.length - 1), fc.string({ minLength: 1, maxLength: 1 }), (at, other) => {
      fc.pre(note[at] !== other);
      const changed = note.slice(0, at) + other + note.slice(at + 1);
      expect(isSigned(changed)).toBe(false);
    }),
    { numRuns: 1000 },
  );
});

test('refuses base64 with spare bits, missing line ends, extension lines and odd sizes', () => {
  const text = formatCheckpoint(checkpoint);
  expect(() => parseCheckpoint(text.replace('k=', 'l='))).toThrow('canonical');
  expect(() => parseCheckpoint(text.slice(0, -1))).toThrow('not a checkpoint');
  expect(() => parseCheckpoint(`${text}more\n`)).toThrow('not a checkpoint');
  for (const size of ['01234', '+1234', '1e3', '9999999999999999', '']) {
    expect(() => parseCheckpoint(text.replace('1234', size))).toThrow('malformed');
  }
  expect(() => parseNote(note.slice(0, -1))).toThrow('malformed');
  expect(() => parseNote(note.replace('\n', '\r\n'))).toThrow('malformed');
  expect(() => parseNote(text)).toThrow('no signatures');
});

test('a signature twice is refused, one of a stranger is told', () => {
  const { text, signatures } = parseNote(note);
  expect(() => checkNote({ text, signatures: [...signatures, ...signatures] }, [key])).toThrow();
  const strange = signNote(text, { name: 'stranger', seed: new Uint8Array(32).fill(4) });
  const both = { text, signatures: [...signatures, ...strange.signatures] };
  expect(checkNote(both, [key])).toEqual({ signers: [key.name], hasUnknown: true });
});

test("signs as RFC 8032's first test vector says", () => {
  const secret = '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60';
  const vectorSeed = Uint8Array.from(Buffer.from(secret, 'hex'));
  expect(toHex(ed25519PublicKey(vectorSeed))).toBe(
    'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
  );
  const signature = signEd25519(new Uint8Array(), vectorSeed);
  expect(toHex(signature).slice(0, 32)).toBe('e5564300c360ac729086e2cc806e828a');
  expect(verifyEd25519(new Uint8Array(), signature, ed25519PublicKey(vectorSeed))).toBe(true);
  expect(verifyEd25519(new Uint8Array(), signature.subarray(1), ed25519PublicKey(vectorSeed))).toBe(
    false,
  );
});

function isSigned(text: string): boolean {
  try {
    const { signers, hasUnknown } = checkNote(parseNote(text), [key]);
    return signers.length === 1 && !hasUnknown;
  } catch {
    return false;
  }
}
