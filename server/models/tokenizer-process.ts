/** The process that counts tokens by tokenizers of models elsewhere: each is read when it is first asked for, and kept. */
import { readFile } from 'node:fs/promises';
import { setImmediate as breath } from 'node:timers/promises';
import {
  loadTokenCounter,
  slicesOf,
  type TokenCounter,
} from '../compute/tokenizer/token-counter.ts';
import { serveParent } from '../platform/child.ts';
import type { FromTokenizers, ToTokenizers } from './tokenizers.ts';

const loaded = new Map<string, Promise<TokenCounter>>();

const parent = serveParent<ToTokenizers, FromTokenizers>(async ({ id, file, texts, untilMs }) => {
  try {
    const counter = await counterIn(file);
    parent.send({ id, kind: 'counted', counts: await countAll(counter, texts, untilMs) });
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const reason = error instanceof Error ? error.message : String(error);
    parent.send({ id, kind: 'failed', isMissing, reason });
  }
});

/** A long text does not hold up the short ones that come after it, and nobody waits for what would be too late. */
async function countAll(
  { count }: TokenCounter,
  texts: readonly string[],
  untilMs: number,
): Promise<readonly number[]> {
  const counts: number[] = [];
  for (const text of texts) {
    let tokens = 0;
    for (const slice of slicesOf(text)) {
      if (counts.length + tokens > 0) await breath();
      if (Date.now() > untilMs) throw new Error('It would have taken too long.');
      tokens += count(slice);
    }
    counts.push(tokens);
  }
  return counts;
}

function counterIn(file: string): Promise<TokenCounter> {
  const found = loaded.get(file) ?? load(file);
  loaded.set(file, found);
  found.catch(() => loaded.delete(file)); // it may be put there, or put right
  return found;
}

const load = async (file: string): Promise<TokenCounter> =>
  loadTokenCounter(JSON.parse(await readFile(file, 'utf8')));
