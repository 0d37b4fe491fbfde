/** Keys on this machine: `keys new FILE` makes a wallet's key, `keys use SECRET` remembers an API key. */
import { randomBytes } from 'node:crypto';
import { open, readFile, stat } from 'node:fs/promises';
import { addressOf, fromHex, OpenLedgerError, signPersonal, toHex } from '@openledger/sdk';
import { flagOf, parseArguments } from '../arguments.ts';
import { profilePath, writeProfile } from '../profile.ts';

export async function keys(argv: readonly string[]): Promise<number> {
  const args = parseArguments(argv);
  const [verb, subject] = args.words;
  if (verb === 'new') return newKey(subject ?? 'openledger.key');
  if (verb === 'address') return showAddress(subject ?? 'openledger.key');
  if (verb === 'sign') return sign(subject ?? 'openledger.key', flagOf(args, 'text'));
  if (verb === 'use') return use(subject, flagOf(args, 'url'));
  throw new OpenLedgerError(
    'invalid_input',
    'Say keys new [FILE], keys address [FILE], keys sign [FILE] --text TEXT, or keys use SECRET [--url URL].',
  );
}

/** secp256k1; never over a file that is there. */
async function newKey(path: string): Promise<number> {
  const secret = randomBytes(32); // below the curve's order but for one in 2^127
  const address = addressOf(secret);
  const file = await open(path, 'wx', 0o600).catch((cause: unknown) => {
    throw new OpenLedgerError(
      'conflict',
      `Cannot make ${path}: it exists, or its folder does not.`,
      {},
      { cause },
    );
  });
  try {
    await file.writeFile(`${toHex(secret)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  console.log(address);
  return 0;
}

async function showAddress(path: string): Promise<number> {
  console.log(addressOf(await readSecret(path)));
  return 0;
}

/** For challenges: the text is signed as it stands (EIP-191). */
async function sign(path: string, text: string | undefined): Promise<number> {
  if (text === undefined) throw new OpenLedgerError('invalid_input', '--text is missing.');
  console.log(signPersonal(text, await readSecret(path)));
  return 0;
}

async function use(secret: string | undefined, baseUrl: string | undefined): Promise<number> {
  if (!secret?.startsWith('ol_')) {
    throw new OpenLedgerError('invalid_input', 'An API key begins with ol_.');
  }
  await writeProfile({ apiKey: secret, ...(baseUrl === undefined ? {} : { baseUrl }) });
  console.log(`Remembered in ${profilePath()}.`);
  return 0;
}

/** @throws forbidden when others could read the file */
async function readSecret(path: string): Promise<Uint8Array> {
  const { mode } = await stat(path).catch((cause: unknown) => {
    throw new OpenLedgerError('not_found', `There is no key file ${path}.`, {}, { cause });
  });
  if ((mode & 0o077) !== 0) {
    throw new OpenLedgerError('forbidden', `${path} can be read by others: chmod 600 ${path}.`);
  }
  const text = (await readFile(path, 'utf8')).trim();
  if (!/^[0-9a-f]{64}$/.test(text)) {
    throw new OpenLedgerError('invalid_input', `${path} does not hold a key.`);
  }
  return fromHex(text);
}
