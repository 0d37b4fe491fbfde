/** Vectors by an embedder elsewhere: kept in the database, made where they are missing, handed to the index. */
import type { Db } from '../../platform/db.ts';
import type { Embedder } from '../../platform/embeddings.ts';
import { sql } from '../../platform/sql.ts';
import type { IndexHost } from './index-host.ts';

export type Embeddings = {
  /** undefined when the embedder does not answer in time: then words have to do. */
  ofQuery(query: string): Promise<Float32Array | undefined>;
  /** Goes on giving vectors to the passages of the index that have none; resolves when all have, or it failed. */
  complete(datanetId: string): Promise<void>;
};

const QUERY_TIMEOUT_MS = 2000;
const BATCH = 256;
const BATCH_TIMEOUT_MS = 120_000;
/** After a failure nothing is asked of the embedder for a while: queries are answered by words at once. */
const REST_MS = 5000;

export function createEmbeddings(handles: {
  readonly db: Db;
  readonly host: IndexHost;
  readonly embedder: Embedder;
}): Embeddings {
  const { host, embedder } = handles;
  const running = new Map<string, Promise<void>>();
  let restUntil = 0;

  /** The embedder has told the log. */
  function rest(): void {
    restUntil = performance.now() + REST_MS;
  }

  async function run(datanetId: string): Promise<void> {
    for (let first: string | undefined; performance.now() >= restUntil; ) {
      const hashes = await host.ask('withoutVector', datanetId, { limit: BATCH });
      if (hashes.length === 0 || hashes[0] === first) return; // all have one, or one gets none
      [first] = hashes;
      const known = await findOrMake(handles, datanetId, hashes);
      const named = [...known.keys()];
      await host.ask('addVectors', datanetId, { hashes: named, vectors: [...known.values()] });
    }
  }

  return {
    async ofQuery(query) {
      if (performance.now() < restUntil) return undefined;
      try {
        const [vector] = await embedder.embed([query], { timeoutMs: QUERY_TIMEOUT_MS });
        return vector;
      } catch {
        rest();
        return undefined;
      }
    },
    complete(datanetId) {
      const known = running.get(datanetId);
      if (known) return known;
      const started = run(datanetId)
        .catch(rest)
        .finally(() => running.delete(datanetId));
      running.set(datanetId, started);
      return started;
    },
  };
}

type Vectors = ReadonlyMap<string, Float32Array>;

async function findOrMake(
  { db, embedder }: { readonly db: Db; readonly embedder: Embedder },
  datanetId: string,
  hashes: readonly string[],
): Promise<Vectors> {
  const rows = await db.query<{ hash: string; text: string; vector: Buffer | null }>(sql`
    select records.hash, text, vector
    from datanets.records
    left join datanets.embeddings
      on embeddings.datanet_id = records.datanet_id and record_hash = records.hash
        and embedder = ${embedder.name}
    where records.datanet_id = ${datanetId} and records.hash = any(${[...hashes]}::text[])
      and withdrawn_at is null`);
  const missing = rows.filter(({ vector }) => vector === null);
  const made = await embedder.embed(
    missing.map(({ text }) => text),
    { timeoutMs: BATCH_TIMEOUT_MS },
  );
  const fresh = new Map(missing.map(({ hash }, i) => [hash, made[i]]));
  if (fresh.size > 0) await keep(db, { datanetId, embedder: embedder.name }, fresh);
  return new Map(
    rows.map(({ hash, vector }) => [
      hash,
      vector ? decode(vector) : (fresh.get(hash) as Float32Array),
    ]),
  );
}

/** A record that is withdrawn meanwhile gets none. */
async function keep(
  db: Db,
  { datanetId, embedder }: { readonly datanetId: string; readonly embedder: string },
  vectors: Vectors,
): Promise<void> {
  await db.transaction(async (tx) => {
    await tx.query(sql`
      insert into datanets.embeddings (datanet_id, record_hash, embedder, vector)
      select records.datanet_id, records.hash, ${embedder}, made.vector
      from unnest(${[...vectors.keys()]}::text[], ${[...vectors.values()].map(encode)}::bytea[]) as made (hash, vector)
      join datanets.records on records.datanet_id = ${datanetId} and records.hash = made.hash
      where withdrawn_at is null
      for share of records
      on conflict do nothing`);
  });
}

function encode(vector: Float32Array): Buffer {
  const bytes = Buffer.alloc(4 * vector.length);
  for (const [i, value] of vector.entries()) bytes.writeFloatLE(value, 4 * i);
  return bytes;
}

const decode = (bytes: Buffer): Float32Array =>
  Float32Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(4 * i));
