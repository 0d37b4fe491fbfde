/** Finds what the datanets that a call names know of its question, and takes as much of it as the prompt has room for. */
import { cutWords, type Id, type Purpose } from '@openledger/protocol';
import type { Access, Datanets, RetrievedRecord } from '../datanets/index.ts';
import type { Caller } from '../identity/index.ts';
import type { GenerationRequest } from './request.ts';

export type FoundContext = {
  /** Put before the model, best first. */
  readonly retrieved: readonly RetrievedRecord[];
  /** The same, datanet by datanet: what is paid for reading. */
  readonly from: readonly {
    readonly datanetId: Id<'datanet'>;
    readonly snapshotId: string;
    readonly recordHashes: readonly string[];
  }[];
};

/** A long message asks at its end; searching for all its words would cost more than answering it. */
const QUERY_CHARACTERS = 4000;

/** @throws forbidden where the caller may not ask a datanet */
export async function retrieveContext(
  {
    datanets,
    access,
  }: {
    readonly datanets: Pick<Datanets, 'retrieve'>;
    readonly access: Pick<Access, 'assertMayAsk'>;
  },
  {
    request: { context, messages },
    caller,
    commercial,
  }: {
    readonly request: Pick<GenerationRequest, 'context' | 'messages'>;
    readonly caller: Caller;
    readonly commercial: boolean;
  },
): Promise<FoundContext> {
  for (const datanetId of context.datanets) await access.assertMayAsk(datanetId, caller);
  if (context.datanets.length === 0) return { retrieved: [], from: [] };
  const asked = messages.findLast((message) => message.role === 'user')?.content ?? '';
  const query = asked.slice(-QUERY_CHARACTERS);
  const purposes: readonly Purpose[] = commercial ? ['retrieve', 'commercial'] : ['retrieve'];
  const found = await Promise.all(
    context.datanets.map(async (datanetId) => {
      const order = { limit: context.records, purposes };
      const { records } = await datanets.retrieve(datanetId, query, order);
      return { datanetId, records };
    }),
  );
  const merged = found.flatMap((one) => one.records).sort((a, b) => b.score - a.score);
  const retrieved = fitting(merged, context);
  const taken = new Set(retrieved);
  const from = found.map((one) => ({
    datanetId: one.datanetId,
    recordHashes: one.records
      .filter((record) => taken.has(record))
      .map(({ recordHash }) => recordHash),
    snapshotId: one.records[0]?.snapshotId,
  }));
  return { retrieved, from: from.filter(({ recordHashes }) => recordHashes.length > 0) };
}

/**
 * The best that fit together, each of them whole: one that is too long is passed over, and the next is tried. What several
 * datanets hold is taken once.
 *
 * @param found best first
 */
export function fitting<T extends Pick<RetrievedRecord, 'recordHash' | 'text'>>(
  found: readonly T[],
  { records, tokens }: Pick<GenerationRequest['context'], 'records' | 'tokens'>,
): readonly T[] {
  const taken: T[] = [];
  let room = tokens;
  for (const record of found) {
    if (taken.length === records) break;
    const size = cutWords(record.text).count;
    if (size > room || taken.some(({ recordHash }) => recordHash === record.recordHash)) continue;
    taken.push(record);
    room -= size;
  }
  return taken;
}
