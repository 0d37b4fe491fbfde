/** Pages that lie here as files: one record a page. */
import type { Draft } from '@openledger/sdk';
import { documentsAt, metadataOf } from './documents.ts';
import type { ImporterOptions } from './problem.ts';
import { openReader } from './reader.ts';

const PAGES = { wanted: /\.(?:html?|xhtml)$/i, mostBytes: 4_000_000 };

/**
 * Reads a page, or the pages of a folder. Title, byline and language become metadata, the address that a page gives as
 * its own is the source, and the licence that it links to stands before the one given.
 */
export async function* htmlDrafts(
  path: string,
  { licence, onProblem }: ImporterOptions = {},
): AsyncGenerator<Draft> {
  const reader = openReader();
  try {
    for await (const { name, bytes } of documentsAt(path, PAGES, onProblem)) {
      const read = await reader.readHtml(bytes);
      if ('refusal' in read) {
        onProblem?.({ path: name, message: read.refusal });
        continue;
      }
      const { text, url, licence: own, ...facts } = read;
      const source = { kind: 'html' as const, path: name, ...(url ? { url } : {}) };
      yield { text, licence: own ?? licence, source, metadata: metadataOf(facts) };
    }
  } finally {
    reader.close();
  }
}
