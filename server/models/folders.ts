/** Where models, runs and corpora stand on disk, and a model's content hash. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { canonicalHash, sha256Hex } from '@openledger/protocol';

export type ModelFolders = {
  /** A model's files: config, weights, tokenizer. */
  readonly model: (modelId: string) => string;
  /** A run's checkpoints, thrown away when it is done. */
  readonly run: (runId: string) => string;
  /** A snapshot's texts as the engine reads them. */
  readonly corpus: (snapshotId: string, version: number) => string;
  /** The `tokenizer.json` of models elsewhere, put there by whoever runs this server. */
  readonly tokenizer: (name: string) => string;
};

export const modelFolders = (root: string): ModelFolders => ({
  model: (modelId) => join(root, 'models', modelId),
  run: (runId) => join(root, 'runs', runId),
  corpus: (snapshotId, version) => join(root, 'corpora', `${snapshotId}-${version}.json`),
  tokenizer: (name) => join(root, 'tokenizers', `${name}.json`),
});

/** SHA-256 over the canonical JSON of {file name: SHA-256 of the file}. */
export async function folderHash(folder: string): Promise<string> {
  const names = (await readdir(folder)).sort();
  const hashes = await Promise.all(
    names.map(async (name) => [name, sha256Hex(await readFile(join(folder, name)))]),
  );
  return canonicalHash(Object.fromEntries(hashes));
}
