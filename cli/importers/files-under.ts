/** The files of a folder and of the folders in it, hidden ones and `node_modules` left out, in the order of their paths. */
import { readdir, realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';
import type { ImporterOptions } from './problem.ts';

/**
 * Gives paths inside the root, with forward slashes.
 *
 * Nothing outside the folder is named: a symbolic link that leads out of it is reported, one that stays inside is passed
 * over, because its target is named anyway.
 *
 * @param root a real path
 */
export async function* filesUnder(
  root: string,
  wanted: RegExp,
  onProblem: ImporterOptions['onProblem'],
  folder = '',
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
      yield* filesUnder(root, wanted, onProblem, path);
    } else if (entry.isFile() && wanted.test(entry.name)) {
      yield path;
    }
  }
}

const staysInside = async (root: string, path: string): Promise<boolean> => {
  const target = await realpath(join(root, path)).catch(() => undefined);
  return target?.startsWith(root + sep) ?? false;
};
