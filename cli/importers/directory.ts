/** A folder of text files: one record a file, in the order of their paths. */
import { readdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import type { Draft } from '@openledger/sdk';
import { detectLicence, LICENCE_FILE } from './detect-licence.ts';
import { filesUnder } from './files-under.ts';
import type { ImporterOptions } from './problem.ts';
import { readText } from './read-text.ts';

const TEXT_FILE = /\.(?:md|markdown|mdx|txt|text|rst|adoc|asciidoc|org|tex)$/i;

export type DirectoryOptions = ImporterOptions & {
  /** Who wrote it; absent: whoever imports it. */
  readonly contributors?: Draft['contributors'];
};

/**
 * Reads the text files of a folder and of the folders in it; nothing outside it is read.
 */
export async function* directoryDrafts(
  folder: string,
  { licence, contributors, onProblem }: DirectoryOptions = {},
): AsyncGenerator<Draft> {
  const root = await realpath(folder);
  const found = licence ?? (await licenceOf(root));
  for await (const path of filesUnder(root, TEXT_FILE, onProblem)) {
    const read = await readText(join(root, path));
    if ('refusal' in read) {
      onProblem?.({ path, message: read.refusal });
      continue;
    }
    yield { text: read.text, licence: found, contributors, source: { kind: 'directory', path } };
  }
}

/** The licence of the whole folder, by the file at its top. */
async function licenceOf(root: string): Promise<string | undefined> {
  const entries = await readdir(root, { withFileTypes: true });
  for (const { name } of entries.filter(
    (entry) => entry.isFile() && LICENCE_FILE.test(entry.name),
  )) {
    const read = await readText(join(root, name));
    const licence = 'text' in read ? detectLicence(read.text) : undefined;
    if (licence !== undefined) return licence;
  }
  return undefined;
}
