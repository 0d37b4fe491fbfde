/**
 * Reads pages and PDF files in a process of its own, one at a time: a file that was made to cost time or memory costs
 * this process, not the import. Started by `reader.ts`.
 */
import { readHtml } from './read-html.ts';
import { readPdf } from './read-pdf.ts';
import type { Order } from './reader.ts';

process.on('message', async ({ kind, bytes }: Order) => {
  const read = kind === 'html' ? async () => readHtml(bytes) : () => readPdf(bytes);
  const answer = await read().catch((error: unknown) => ({
    refusal: `It cannot be read: ${String(error).split('\n', 1)[0].slice(0, 200)}`,
  }));
  process.send?.(answer);
});
process.on('disconnect', () => process.exit(0));
