/** PDF files: one record a page that has text. */
import type { Draft } from '@openledger/sdk';
import { documentsAt, metadataOf } from './documents.ts';
import type { ImporterOptions } from './problem.ts';
import { openReader } from './reader.ts';

const FILES = { wanted: /\.pdf$/i, mostBytes: 100_000_000 };

/**
 * Reads a file, or the files of a folder. A record's source is its page; title and author of the file are metadata.
 *
 * A file that is encrypted, broken or without text is a problem, and the others go in.
 */
export async function* pdfDrafts(
  path: string,
  { licence, onProblem }: ImporterOptions = {},
): AsyncGenerator<Draft> {
  const reader = openReader();
  try {
    for await (const { name, bytes } of documentsAt(path, FILES, onProblem)) {
      const read = await reader.readPdf(bytes);
      if ('refusal' in read) {
        onProblem?.({ path: name, message: read.refusal });
        continue;
      }
      const { pages, title, author } = read;
      const metadata = metadataOf({ title, author });
      if (pages.every((text) => text === ''))
        onProblem?.({ path: name, message: 'It has no text, as a scan has none.' });
      for (const [index, text] of pages.entries()) {
        const source = { kind: 'pdf' as const, path: name, page: index + 1 };
        if (text !== '') yield { text, licence, source, metadata };
      }
    }
  } finally {
    reader.close();
  }
}
