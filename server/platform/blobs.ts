/** Files by content: a folder of SHA-256 names, written atomically, never changed. */
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { OpenLedgerError, sha256Hex } from '@openledger/protocol';

export type Blobs = {
  /** Stores bytes durably and returns their name. Storing them again is free of effect. */
  put(content: Uint8Array): Promise<string>;
  /** @throws not_found when nothing has this name */
  get(hash: string): Promise<Uint8Array>;
};

export function openBlobs(folder: string): Blobs {
  const pathOf = (hash: string) => join(folder, hash.slice(0, 2), hash);
  return {
    async put(content) {
      const hash = sha256Hex(content);
      await writeAtomically(pathOf(hash), content);
      return hash;
    },
    async get(hash) {
      try {
        return await readFile(pathOf(hash));
      } catch (cause) {
        throw new OpenLedgerError('not_found', `No blob ${hash}.`, { hash }, { cause });
      }
    },
  };
}

/** Either the old file or the whole new one exists, whatever happens in between. */
export async function writeAtomically(
  path: string,
  content: Uint8Array | string,
  mode = 0o644,
): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const draft = `${path}.${process.pid}.${Math.random().toString(36).slice(2)}`;
  const file = await open(draft, 'w', mode);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(draft, path);
  const folder = await open(dirname(path), 'r');
  await folder.sync(); // else the new name may not outlive a power cut
  await folder.close();
}
