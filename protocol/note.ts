/**
 * Signed notes and checkpoints: how the log says, in a few signed lines, which tree it stands by.
 *
 * Formats: C2SP signed-note and tlog-checkpoint, with Ed25519 keys (type 0x01). A note is a text, an empty line, and
 * lines "— <name> <base64 of key id and signature>". A checkpoint's text is origin, size and base64 root, one a line.
 * Parsing is strict: whatever this file would not have written itself is refused.
 */
import { concatBytes, equalBytes, fromBase64, fromHex, toBase64, toHex, utf8 } from './bytes.ts';
import { OpenLedgerError } from './errors.ts';
import { sha256 } from './hash.ts';
import { ed25519PublicKey, signEd25519, verifyEd25519 } from './signatures.ts';

export type NoteSignature = {
  readonly name: string;
  /** [4] bytes */
  readonly keyId: Uint8Array;
  /** [64] bytes */
  readonly signature: Uint8Array;
};

/** `text` ends with a line break, which is signed with it. */
export type Note = { readonly text: string; readonly signatures: readonly NoteSignature[] };

/** Who may sign a note: a name, and an Ed25519 key of [32] bytes. */
export type NoteKey = { readonly name: string; readonly publicKey: Uint8Array };

/** @throws Error unless the text is one a note can hold @param signer.seed of the Ed25519 key, [32] bytes */
export function signNote(
  text: string,
  signer: { readonly name: string; readonly seed: Uint8Array },
): Note {
  assertNoteText(text);
  const publicKey = ed25519PublicKey(signer.seed);
  const keyId = noteKeyId({ name: signer.name, publicKey });
  const signature = signEd25519(utf8(text), signer.seed);
  return { text, signatures: [{ name: signer.name, keyId, signature }] };
}

export function formatNote({ text, signatures }: Note): string {
  const lines = signatures.map(
    ({ name, keyId, signature }) => `— ${name} ${toBase64(concatBytes(keyId, signature))}\n`,
  );
  return `${text}\n${lines.join('')}`;
}

/** @throws invalid_input on anything but a well-formed note with at least one signature */
export function parseNote(note: string): Note {
  const cut = note.lastIndexOf('\n\n');
  if (cut < 0 || !note.endsWith('\n')) throw malformed('It has no signatures.');
  const text = note.slice(0, cut + 1);
  assertNoteText(text);
  const lines = note.slice(cut + 2, -1).split('\n');
  const signatures = lines.map((line) => {
    const match = /^— (\S+) ([A-Za-z0-9+/]+=*)$/u.exec(line);
    if (!match || !isKeyName(match[1])) throw malformed('A signature line is malformed.');
    const bytes = fromBase64(match[2]);
    if (bytes.length !== 68) throw malformed('A signature is not 4 + 64 bytes.');
    return { name: match[1], keyId: bytes.subarray(0, 4), signature: bytes.subarray(4) };
  });
  return { text, signatures };
}

/**
 * Which of the keys signed the note.
 *
 * @returns the signers' names, and whether there are signatures of keys that are not given
 * @throws unprocessable when a given key's signature is wrong or stands there twice
 */
export function checkNote(
  { text, signatures }: Note,
  keys: readonly NoteKey[],
): { readonly signers: readonly string[]; readonly hasUnknown: boolean } {
  const signers: string[] = [];
  for (const { name, keyId, signature } of signatures) {
    const key = keys.find((one) => one.name === name && equalBytes(noteKeyId(one), keyId));
    if (!key) continue;
    if (signers.includes(name) || !verifyEd25519(utf8(text), signature, key.publicKey)) {
      throw new OpenLedgerError('unprocessable', `The signature of ${name} is not right.`);
    }
    signers.push(name);
  }
  return { signers, hasUnknown: signers.length < signatures.length };
}

/** The first four bytes of SHA-256(name | newline | 0x01 | key). */
export const noteKeyId = ({ name, publicKey }: NoteKey): Uint8Array =>
  sha256(concatBytes(utf8(`${name}\n`), ED25519, publicKey)).subarray(0, 4);

/** A key as text: "<name>+<key id>+<base64 of 0x01 and the key>". */
export const formatNoteKey = (key: NoteKey): string =>
  `${key.name}+${toHex(noteKeyId(key))}+${toBase64(concatBytes(ED25519, key.publicKey))}`;

/** @throws invalid_input on a malformed text or a key id that is not the key's */
export function parseNoteKey(text: string): NoteKey {
  const match = /^([^+\s]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+=*)$/u.exec(text);
  const bytes = match ? fromBase64(match[3]) : new Uint8Array();
  if (!match || bytes.length !== 33 || bytes[0] !== ED25519[0])
    throw malformed('It is not an Ed25519 key.');
  const key = { name: match[1], publicKey: bytes.subarray(1) };
  if (!equalBytes(noteKeyId(key), fromHex(match[2])))
    throw malformed("The key id is not the key's.");
  return key;
}

/** What a log says about itself at one moment. */
export type Checkpoint = {
  /** The log's name; also the name of the key that signs for it. */
  readonly origin: string;
  /** Leaves. */
  readonly size: number;
  /** [32] bytes */
  readonly root: Uint8Array;
};

/** The text of a checkpoint's note. */
export const formatCheckpoint = ({ origin, size, root }: Checkpoint): string =>
  `${origin}\n${size}\n${toBase64(root)}\n`;

/** @throws invalid_input unless the text is exactly origin, size and root (no extension lines) */
export function parseCheckpoint(text: string): Checkpoint {
  const match = /^([^\n]+)\n(0|[1-9][0-9]{0,15})\n([A-Za-z0-9+/]{43}=)\n$/.exec(text);
  if (!match || !isKeyName(match[1])) throw malformed('It is not a checkpoint.');
  const size = Number(match[2]);
  if (!Number.isSafeInteger(size)) throw malformed('Its size is too large.');
  return { origin: match[1], size, root: fromBase64(match[3]) };
}

const ED25519 = new Uint8Array([1]);

const isKeyName = (name: string): boolean => name !== '' && !/[\s+]/u.test(name);

function assertNoteText(text: string): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the format forbids exactly these
  const isText = text.isWellFormed() && !/[\u0000-\u0009\u000b-\u001f\u007f]/.test(text);
  if (!isText || !text.endsWith('\n')) throw malformed('Its text is not plain lines.');
}

const malformed = (why: string): OpenLedgerError =>
  new OpenLedgerError('invalid_input', `The note is malformed. ${why}`);
