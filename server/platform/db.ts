/** PostgreSQL: reads anywhere, writes only inside a transaction. A function that writes asks for a `Tx`. */
import { OpenLedgerError } from '@openledger/protocol';
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
  /** One statement that writes, and is a transaction by itself: in one trip. */
  write<Row extends Record<string, unknown>>(statement: Sql): Promise<readonly Row[]>;
  /** One connection of its own, outside the pool: for advisory locks that must live as long as their owner. */
  session(): Promise<Session>;
  close(): Promise<void>;
};

/** A statement on it that is not answered in time fails, and it is not known whether it was done. */
export type Session = Reader & {
  /** Resolves when the connection is lost or closed. */
  readonly ended: Promise<void>;
  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  /** Hears what is notified on a channel, until the connection ends. */
  listen(channel: string, hear: () => void): Promise<void>;
  close(): Promise<void>;
};

const ignore = () => {};

/**
 * How long a commit, or a session's statement, may take. A primary whose standby is gone keeps a commit waiting for ever:
 * its caller must hear that it is not known whether it was done. This is measured here and not by `statement_timeout`, after
 * which PostgreSQL would give up the wait and answer that the commit had succeeded.
 */
const PATIENCE_MS = 10_000;

/** The server finds out within half a minute that a machine has vanished, and lets go the locks of its sessions. */
const KEEPALIVES =
  'set tcp_keepalives_idle = 10; set tcp_keepalives_interval = 5; set tcp_keepalives_count = 3';

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
        client.release(isConnectionError(error) || isUndecided(error));
        throw error;
      }
    },
    write: (statement) => inTime(run(pool, statement)),
    async session() {
      const client = new pg.Client({ connectionString: url, query_timeout: PATIENCE_MS });
      client.on('error', ignore); // reported by the next query
      const ended = new Promise<void>((end) => client.once('end', () => end()));
      await client.connect();
      await client.query(KEEPALIVES);
      return {
        ended,
        query: (statement) => run<never>(client, statement).catch(explain),
        transaction: (work) => inTransaction(client, work),
        async listen(channel, hear) {
          client.on('notification', (notice) => notice.channel === channel && hear());
          await client.query(`listen ${client.escapeIdentifier(channel)}`);
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
  const result = await attempt(client, work);
  await commit(client);
  return result;
}

async function attempt<T>(client: pg.ClientBase, work: (tx: Tx) => Promise<T>): Promise<T> {
  try {
    return await work({ atomic: true, query: (statement) => run(client, statement) });
  } catch (error) {
    await client.query('rollback').catch(() => {}); // a lost connection has rolled back by itself
    throw error;
  }
}

async function commit(client: pg.ClientBase): Promise<void> {
  await inTime(client.query('commit'));
}

/** @throws unavailable when the database does not say in time whether it was done */
async function inTime<T>(work: Promise<T>): Promise<T> {
  work.catch(ignore); // where nobody waits for it any more
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, fail) => {
    timer = setTimeout(() => fail(undecided()), PATIENCE_MS);
  });
  return Promise.race([work, tooLate]).finally(() => clearTimeout(timer));
}

/** What a driver calls a read timeout. */
function explain(error: unknown): never {
  if (error instanceof Error && error.message === 'Query read timeout') throw undecided();
  throw error;
}

const UNDECIDED = 'The database does not say whether this was kept; ask again.';
const undecided = () => new OpenLedgerError('unavailable', UNDECIDED);
const isUndecided = (error: unknown): boolean =>
  error instanceof OpenLedgerError && error.message === UNDECIDED;

const isConnectionError = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && /^(08|57P)/.test(String(error.code));

/** It was refused for what it says (data exceptions and violated constraints), so nothing of it was done. */
export const isRefusedData = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && /^2[23]/.test(String(error.code));

/** PostgreSQL's unique_violation, which idempotent inserts expect. */
export const isUniqueViolation = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === '23505';
