/**
 * Keys this installation signs with: made at first use, one file each, readable by their owner alone.
 *
 * Callers get signers, not keys: `chainSigner` hands out viem's LocalAccount, an address and its signing functions,
 * behind which a key management service can stand as well (viem's `toAccount`).
 */
import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type LocalAccount, privateKeyToAccount } from 'viem/accounts';

export type Keys = {
  /** An account on the chain, by its role: 'deployer', 'publisher', 'guardian', 'relayer', 'faucet'. */
  chainSigner(role: string): Promise<LocalAccount>;
  /** 32 random bytes under a name, the same at every start: the seed of a signing key that lives elsewhere. */
  secret(name: string): Promise<Uint8Array>;
};

/** @param folder made with mode 0700 where absent */
export async function openKeys(folder: string): Promise<Keys> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const secret = async (name: string) => Buffer.from(await secretHex(folder, name), 'hex');
  return {
    secret,
    chainSigner: async (role) =>
      privateKeyToAccount(`0x${await secretHex(folder, `chain-${role}`)}`),
  };
}

async function secretHex(folder: string, name: string): Promise<string> {
  if (!/^[a-z][a-z0-9-]{0,40}$/.test(name)) throw new Error(`"${name}" is not a key's name.`);
  const path = join(folder, `${name}.key`);
  const text = (await readSecret(path)) ?? (await makeSecret(path));
  if (!/^[0-9a-f]{64}$/.test(text)) throw new Error(`${path} does not hold 32 bytes in hex.`);
  return text;
}

async function readSecret(path: string): Promise<string | undefined> {
  const file = await stat(path).catch(() => undefined);
  if (!file) return undefined;
  if (file.mode & 0o077) throw new Error(`${path} can be read by others: make its mode 0600.`);
  return (await readFile(path, 'utf8')).trim();
}

/** Written beside and linked into place, so that two processes at first start agree on one whole file. */
async function makeSecret(path: string): Promise<string> {
  const draft = `${path}.${randomBytes(4).toString('hex')}`;
  const file = await open(draft, 'wx', 0o600);
  await file.writeFile(`${randomBytes(32).toString('hex')}\n`);
  await file.sync();
  await file.close();
  await link(draft, path).catch((error) => {
    if (error.code !== 'EEXIST') throw error; // the other process was first: its key is the key
  });
  await rm(draft);
  return (await readFile(path, 'utf8')).trim();
}
