/** Documents that lie here as files, one at a time and of bounded size. */
import { readFile, realpath, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Draft } from '@openledger/sdk';
import { filesUnder } from './files-under.ts';
import type { ImporterOptions } from './problem.ts';

type Document = { readonly name: string; readonly bytes: Uint8Array };

/** The file itself, or those of a folder by their names. One that is too large is reported. */
export async function* documentsAt(
  path: string,
  { wanted, mostBytes }: { readonly wanted: RegExp; readonly mostBytes: number },
  onProblem: ImporterOptions['onProblem'],
): AsyncGenerator<Document> {
  const root = await realpath(path);
  const isOne = (await stat(root)).isFile();
  const names = isOne ? [basename(path)] : filesUnder(root, wanted, onProblem);
  for await (const name of names) {
    const file = isOne ? root : join(root, name);
    const { size } = await stat(file);
    if (size <= mostBytes) yield { name, bytes: await readFile(file) };
    else
      onProblem?.({ path: name, message: `It has ${size} bytes; at most ${mostBytes} are read.` });
  }
}

/** What a document says of itself, without what it does not say; nothing where it says nothing. */
export function metadataOf(facts: Readonly<Record<string, string | undefined>>): Draft['metadata'] {
  const known = Object.entries(facts).flatMap(([name, fact]) => (fact ? [[name, fact]] : []));
  return known.length > 0 ? Object.fromEntries(known) : undefined;
}
