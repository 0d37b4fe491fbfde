/** A folder of text files: one record a file, in the order of their paths. */
import { readdir, realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';
import type { Draft } from '@openledger/sdk';
import { detectLicence, LICENCE_FILE } from './detect-licence.ts';
import type { ImporterOptions } from './problem.ts';
import { readText } from './read-text.ts';

const TEXT_FILE = /\.(?:md|markdown|mdx|txt|text|rst|adoc|asciidoc|org|tex)$/i;

export type DirectoryOptions = ImporterOptions & {
  /** Who wrote it; absent: whoever imports it. */
  readonly contributors?: Draft['contributors'];
};

/**
 * Reads the text files of a folder and of the folders in it, hidden ones and `node_modules` left out.
 *
 * Nothing outside the folder is read: a symbolic link that leads out of it is reported, one that stays inside is passed
 * over, because its target is read anyway.
 */
export async function* directoryDrafts(
  folder: string,
  { licence, contributors, onProblem }: DirectoryOptions = {},
): AsyncGenerator<Draft> {
  const root = await realpath(folder);
  const found = licence ?? (await licenceOf(root));
  for await (const path of filesUnder(root, '', onProblem)) {
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

/** Paths inside the root, with forward slashes. */
async function* filesUnder(
  root: string,
  folder: string,
  onProblem: ImporterOptions['onProblem'],
): AsyncGenerator<string> {
  const entries = await readdir(join(root, folder), { withFileTypes: true });
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (entry.isSymbolicLink()) {
      if (!(await staysInside(root, path))) {
        onProblem?.({ path, message: 'It is a symbolic link that leads out of the folder.' });
      }
    } else if (entry.name.startsWith('.') || entry.name === 'node_modules') {
      // Not what somebody means who imports a folder of texts.
    } else if (entry.isDirectory()) {
      yield* filesUnder(root, path, onProblem);
    } else if (entry.isFile() && TEXT_FILE.test(entry.name)) {
      yield path;
    }
  }
}

const staysInside = async (root: string, path: string): Promise<boolean> => {
  const target = await realpath(join(root, path)).catch(() => undefined);
  return target?.startsWith(root + sep) ?? false;
};
