/** The index, in a process of its own, and what is asked of it. */
import type { Db } from '../../platform/db.ts';
import type { Embedder } from '../../platform/embeddings.ts';
import { type ContextPacker, createContextPacker } from './context.ts';
import { createEmbeddings } from './embeddings.ts';
import { createIndexHost } from './index-host.ts';
import { createRetriever, type Retriever } from './retrieve.ts';

export function openRetrieval({
  db,
  embedder,
}: {
  readonly db: Db;
  /** Absent: vectors are made in the index. */
  readonly embedder: Embedder | undefined;
}): { readonly retrieve: Retriever; readonly packContext: ContextPacker; stop(): void } {
  const host = createIndexHost();
  const embeddings = embedder && createEmbeddings({ db, host, embedder });
  const retrieve = createRetriever({ reader: db, host, embeddings });
  return {
    retrieve,
    packContext: createContextPacker(db, retrieve),
    stop: () => host.stop(),
  };
}
