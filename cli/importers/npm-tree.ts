/** A `node_modules` tree: README and docs of each package, one version a name. */
import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Draft } from '@openledger/sdk';
import type { ImporterOptions } from './problem.ts';
import { readText } from './read-text.ts';

/**
 * Reads the documentation of installed packages, by name.
 *
 * Where several versions of a package are installed the newest is read. A record belongs to `npm-package:<name>`;
 * author, maintainers and repository are hints for a claim of that name. The licence is the package's own.
 */
export async function* npmTreeDrafts(
  nodeModules: string,
  { licence, onProblem }: ImporterOptions = {},
): AsyncGenerator<Draft> {
  const newest = new Map<string, Package>();
  for await (const found of packagesIn(nodeModules, '', onProblem)) {
    const before = newest.get(found.name);
    if (!before || compareVersions(found.version, before.version) > 0)
      newest.set(found.name, found);
  }
  const packages = [...newest.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const one of packages) {
    for await (const path of documentsOf(join(nodeModules, one.folder), '')) {
      const read = await readText(join(nodeModules, one.folder, path));
      if ('refusal' in read) onProblem?.({ path: `${one.folder}/${path}`, message: read.refusal });
      else yield toDraft(one, path, { text: read.text, licence: one.licence ?? licence });
    }
  }
}

type Package = {
  readonly name: string;
  readonly version: string;
  /** Path under the outermost `node_modules`. */
  readonly folder: string;
  readonly licence: string | undefined;
  readonly hint: Readonly<Record<string, string>>;
};

const toDraft = (
  { name, version, hint }: Package,
  path: string,
  content: Pick<Draft, 'text' | 'licence'>,
): Draft => ({
  ...content,
  contributors: [{ identity: `npm-package:${name}`, weight: 1, hint }],
  source: { kind: 'npm', package: name, version, path },
});

/** Packages of a `node_modules` folder, scoped ones and those nested in packages included. Links are not followed. */
async function* packagesIn(
  root: string,
  folder: string,
  onProblem: ImporterOptions['onProblem'],
): AsyncGenerator<Package> {
  for (const entry of await foldersIn(join(root, folder))) {
    const path = folder === '' ? entry : `${folder}/${entry}`;
    if (entry.startsWith('.')) continue;
    if (entry.startsWith('@')) {
      yield* packagesIn(root, path, onProblem);
      continue;
    }
    const found = await readPackage(root, path, onProblem);
    if (found) yield found;
    const nested = `${path}/node_modules`;
    if ((await foldersIn(join(root, path))).includes('node_modules')) {
      yield* packagesIn(root, nested, onProblem);
    }
  }
}

async function readPackage(
  root: string,
  folder: string,
  onProblem: ImporterOptions['onProblem'],
): Promise<Package | undefined> {
  const path = `${folder}/package.json`;
  const read = await readText(join(root, path)).catch(() => undefined);
  if (!read) return undefined; // a folder that is no package
  try {
    if ('refusal' in read) throw new Error(read.refusal);
    const manifest = objectOf(JSON.parse(read.text));
    const { name, version } = manifest;
    if (typeof name !== 'string' || typeof version !== 'string') return undefined; // a part of a package
    return { name, version, folder, licence: licenceOf(manifest), hint: hintOf(manifest) };
  } catch (error) {
    onProblem?.({ path, message: error instanceof Error ? error.message : String(error) });
    return undefined;
  }
}

type Manifest = Readonly<Record<string, unknown>>;

/** SPDX as npm asks for it, or the objects of older manifests. */
function licenceOf({ license, licenses }: Manifest): string | undefined {
  if (typeof license === 'string') return license.slice(0, 200);
  const [first] = Array.isArray(licenses) ? licenses : [license];
  const type = typeof first === 'string' ? first : objectOf(first).type;
  return typeof type === 'string' ? type.slice(0, 200) : undefined;
}

/** Who the manifest names. Shown to nobody but the party; it helps an attester to judge a claim. */
function hintOf({ author, maintainers, repository }: Manifest): Readonly<Record<string, string>> {
  const said = {
    author: personOf(author),
    maintainers: (Array.isArray(maintainers) ? maintainers : [])
      .map(personOf)
      .filter(Boolean)
      .join(', '),
    repository: typeof repository === 'string' ? repository : textOf(objectOf(repository).url),
  };
  return Object.fromEntries(
    Object.entries(said).flatMap(([name, value]) => (value ? [[name, value.slice(0, 1000)]] : [])),
  );
}

function personOf(person: unknown): string {
  if (typeof person === 'string') return person;
  const { name, email } = objectOf(person);
  return [textOf(name), textOf(email) && `<${textOf(email)}>`].filter(Boolean).join(' ');
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

const objectOf = (value: unknown): Manifest =>
  typeof value === 'object' && value !== null ? (value as Manifest) : {};

/** README at the top, Markdown under `doc` and `docs`; paths inside the package, in order. */
async function* documentsOf(root: string, folder: string): AsyncGenerator<string> {
  const entries = await readdir(join(root, folder), { withFileTypes: true }).catch(
    (): Dirent[] => [],
  );
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    const isDocument =
      folder === '' ? /^readme(?:\.(?:md|markdown|txt))?$/i : /\.(?:md|markdown)$/i;
    if (entry.isFile() && isDocument.test(entry.name)) yield path;
    else if (entry.isDirectory() && (folder !== '' || /^docs?$/.test(entry.name))) {
      if (entry.name !== 'node_modules') yield* documentsOf(root, path);
    }
  }
}

const foldersIn = async (folder: string): Promise<readonly string[]> => {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort();
};

/**
 * Precedence of semantic versions: numbers by size, a pre-release before its release, its parts one by one.
 *
 * Source: Semantic Versioning 2.0.0, section 11.
 */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((version) => {
    const [core, ...pre] = version.split('+')[0].split('-');
    return { core: core.split('.').map(Number), pre: pre.join('-') };
  });
  for (let i = 0; i < 3; i++) {
    const difference = (left.core[i] || 0) - (right.core[i] || 0);
    if (difference !== 0) return difference;
  }
  if (left.pre === '' || right.pre === '')
    return Number(left.pre === '') - Number(right.pre === '');
  return comparePreReleases(left.pre.split('.'), right.pre.split('.'));
}

function comparePreReleases(left: readonly string[], right: readonly string[]): number {
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const [a, b] = [left[i], right[i]];
    if (a === b) continue;
    if (a === undefined || b === undefined) return a === undefined ? -1 : 1;
    const [isNumberA, isNumberB] = [a, b].map((part) => /^[0-9]+$/.test(part));
    if (isNumberA && isNumberB) return Number(a) - Number(b);
    if (isNumberA !== isNumberB) return isNumberA ? -1 : 1;
    return a < b ? -1 : 1;
  }
  return 0;
}
