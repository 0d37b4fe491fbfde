/** PostgreSQL: reads anywhere, writes only inside a transaction. A function that writes asks for a `Tx`. */
import pg from 'pg';
import type { Sql } from './sql.ts';

/** Runs reads. Numerics and int8 arrive as decimal strings: parse them with BigInt. */
export type Reader = {
  query<Row extends Record<string, unknown>>(statement: Sql): Promise<readonly Row[]>;
};

/** Runs statements that commit or fail together. */
export type Tx = Reader & { readonly atomic: true };

export type Db = Reader & {
  readonly url: string;
  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  /** One connection of its own, outside the pool: for advisory locks that must live as long as their owner. */
  session(): Promise<Session>;
  close(): Promise<void>;
};

export type Session = Reader & {
  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  /** Hears what is notified on a channel, until the connection ends. */
  listen(channel: string, hear: () => void): Promise<{ readonly ended: Promise<void> }>;
  close(): Promise<void>;
};

const ignore = () => {};

/** @param url postgres://... @param poolSize the most connections held */
export function openDb(url: string, { poolSize = 10 }: { readonly poolSize?: number } = {}): Db {
  const pool = new pg.Pool({ connectionString: url, max: poolSize });
  // A connection is lost, idle or inside a transaction: the next query reports it.
  pool.on('error', ignore).on('connect', (client) => void client.on('error', ignore));
  return {
    url,
    query: (statement) => run(pool, statement),
    async transaction(work) {
      const client = await pool.connect();
      try {
        const result = await inTransaction(client, work);
        client.release();
        return result;
      } catch (error) {
        client.release(isConnectionError(error));
        throw error;
      }
    },
    async session() {
      const client = new pg.Client({ connectionString: url });
      client.on('error', ignore); // reported by the next query
      await client.connect();
      return {
        query: (statement) => run(client, statement),
        transaction: (work) => inTransaction(client, work),
        async listen(channel, hear) {
          const ended = new Promise<void>((end) => client.once('end', () => end()));
          client.on('notification', (notice) => notice.channel === channel && hear());
          await client.query(`listen ${client.escapeIdentifier(channel)}`);
          return { ended };
        },
        close: () => client.end(),
      };
    },
    close: () => pool.end(),
  };
}

type Queryable = pg.Pool | pg.ClientBase;

async function run<Row extends Record<string, unknown>>(
  on: Queryable,
  statement: Sql,
): Promise<readonly Row[]> {
  const { name, text, values } = statement;
  const { rows } = await on.query<Row>({ name, text, values: [...values] });
  return rows;
}

async function inTransaction<T>(client: pg.ClientBase, work: (tx: Tx) => Promise<T>): Promise<T> {
  await client.query('begin');
  try {
    const result = await work({ atomic: true, query: (statement) => run(client, statement) });
    await client.query('commit');
    return result;
  } catch (error) {
    await client.query('rollback').catch(() => {}); // a lost connection has rolled back by itself
    throw error;
  }
}

const isConnectionError = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && /^(08|57P)/.test(String(error.code));

/** PostgreSQL's unique_violation, which idempotent inserts expect. */
export const isUniqueViolation = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === '23505';
