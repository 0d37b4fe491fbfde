/** A Croissant description and the files beside it: one record for each of their lines. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, realpath, stat } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { type Croissant, type Draft, OpenLedgerError, parseCroissant } from '@openledger/sdk';
import { jsonlDrafts } from './jsonl.ts';
import type { ImporterOptions } from './problem.ts';

/** A description is text about data, not data. */
const MAX_DESCRIPTION_BYTES = 16_000_000;

/**
 * Reads JSON lines that a description names, after holding each file to its digest.
 *
 * A licence of a record stands before that of the data set. Contributors are those that the records name; a name that
 * belongs to another installation (`local:`) is a problem of its record, never silently the importer's.
 *
 * @param path the description, or the folder that holds it as `croissant.json` or `metadata.json`
 * @throws invalid_input, which names the file or field that is wrong: nothing is read from a description that is invalid
 */
export async function* croissantDrafts(
  path: string,
  { licence, onProblem }: ImporterOptions = {},
): AsyncGenerator<Draft> {
  const descriptionPath = await findDescription(path);
  const description = parseCroissant(await readDescription(descriptionPath));
  const files = await filesOf(description, dirname(descriptionPath));
  const given = licence ?? licenceOf(description);
  for (const { file, name } of files) {
    for await (const draft of jsonlDrafts(file, { licence: given, onProblem })) {
      const source = { ...draft.source, kind: 'jsonl' as const, path: name };
      const named = contributorsOf(draft);
      if (named === 'foreign') {
        const message = 'It names a contributor that belongs to another installation.';
        onProblem?.({ path: name, line: draft.source?.line, message });
      } else yield { ...draft, ...named, source };
    }
  }
}

async function findDescription(path: string): Promise<string> {
  if ((await stat(path)).isFile()) return path;
  for (const name of ['croissant.json', 'metadata.json']) {
    const file = join(path, name);
    if (await stat(file).catch(() => undefined)) return file;
  }
  throw invalid(`${path} holds neither croissant.json nor metadata.json.`);
}

async function readDescription(path: string): Promise<unknown> {
  if ((await stat(path)).size > MAX_DESCRIPTION_BYTES) throw invalid(`${path} is too large.`);
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    throw new OpenLedgerError('invalid_input', `${path} is not JSON.`, {}, { cause });
  }
}

type File = { readonly file: string; readonly name: string };

/** Files whose records have a text, in the order of the description. */
async function filesOf(
  { distribution, recordSet }: Croissant,
  folder: string,
): Promise<readonly File[]> {
  const texts = recordSet
    .flatMap(({ field }) => field)
    .filter(({ source }) => source?.extract?.column === 'text')
    .map(({ source }) => source?.fileObject?.['@id']);
  const files: File[] = [];
  for (const one of distribution) {
    if (one['@type'] !== 'cr:FileObject' || !texts.includes(one['@id'])) continue;
    if (!one.encodingFormat.includes('application/jsonlines')) {
      throw invalid(`${one['@id']}: ${one.encodingFormat.join(', ')} cannot be read here.`);
    }
    const file = await fileInside(folder, one.contentUrl);
    if (one.sha256 !== (await digestOf(file))) {
      throw invalid(`${one['@id']}: its content is not what its sha256 says.`);
    }
    files.push({ file, name: one.contentUrl });
  }
  if (files.length === 0) throw invalid('No field "text" is extracted from a file beside it.');
  return files;
}

/** Nothing is fetched, and nothing outside the folder is read. */
async function fileInside(folder: string, contentUrl: string): Promise<string> {
  const root = await realpath(folder);
  const file = await realpath(join(root, contentUrl)).catch(() => undefined);
  if (file === undefined) throw invalid(`${contentUrl} is not beside the description.`);
  if (!file.startsWith(root + sep)) throw invalid(`${contentUrl} leads out of the folder.`);
  return file;
}

async function digestOf(file: string): Promise<string> {
  const digest = createHash('sha256');
  for await (const chunk of createReadStream(file)) digest.update(chunk);
  return digest.digest('hex');
}

/** Of the whole data set, where it is one by an id or by an address that ends in one. */
function licenceOf({ license = [] }: Croissant): string | undefined {
  if (license.length !== 1) return undefined;
  const commons = /^https?:\/\/creativecommons\.org\/licenses\/([a-z-]+)\/([0-9.]+)\/?$/.exec(
    license[0],
  );
  if (commons) return `CC-${commons[1].toUpperCase()}-${commons[2]}`;
  const id = /^(?:https?:\/\/spdx\.org\/licenses\/)?([A-Za-z0-9.+-]+?)(?:\.html)?$/.exec(
    license[0],
  );
  return id?.[1];
}

/** Identities alone, as an export writes them, weigh the same. */
function contributorsOf({ contributors }: Draft): Pick<Draft, 'contributors'> | 'foreign' {
  const names = contributors?.map(({ identity }) => identity) ?? [];
  const isForeign = names.some((name) => typeof name === 'string' && name.startsWith('local:'));
  return isForeign ? 'foreign' : { contributors };
}

const invalid = (message: string) => new OpenLedgerError('invalid_input', message);
