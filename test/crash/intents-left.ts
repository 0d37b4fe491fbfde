import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Id } from '@openledger/protocol';
import type { IntentRecord } from '../../server/gateway/budget/intent.ts';
import { parseLines } from '../../server/gateway/budget/intent-log.ts';

/** By request, its lease, and the kinds of records that some process has left of it. */
export type IntentsLeft = Map<Id<'inference'>, IntentLeft>;

type IntentLeft = { lease?: Id<'hold'>; readonly kinds: Set<IntentRecord['kind']> };

/** Adds what stands in the folder of a process that has ended; the next one forgets there what is over. */
export async function readIntentsLeft(intents: IntentsLeft, folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []); // killed before it was made
  for (const name of names.filter((one) => one.endsWith('.log'))) {
    for (const record of parseLines(await readFile(join(folder, name), 'utf8'), name)) {
      if (!('request' in record)) continue;
      const intent: IntentLeft = intents.get(record.request) ?? { kinds: new Set() };
      intent.kinds.add(record.kind);
      if (record.kind === 'reserved') intent.lease = record.lease;
      intents.set(record.request, intent);
    }
  }
}
