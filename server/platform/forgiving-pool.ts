/** A pool of connections for a library that may let a lost one go twice: pg would throw then, where nobody can catch it. */
import pg from 'pg';

type Connect = pg.Pool['connect'];
type Callback = (
  error: Error | undefined,
  client: pg.PoolClient | undefined,
  release: pg.PoolClient['release'],
) => void;

export function forgivingPool(options: pg.PoolConfig): pg.Pool {
  const pool = new pg.Pool(options);
  const connect = pool.connect.bind(pool) as (callback?: Callback) => Promise<pg.PoolClient>;
  pool.connect = ((callback?: Callback) =>
    callback
      ? connect((error, client, release) =>
          callback(error, client, client ? letGoOnce(client) : release),
        )
      : connect().then((client) => {
          letGoOnce(client);
          return client;
        })) as Connect;
  return pool;
}

function letGoOnce(client: pg.PoolClient): pg.PoolClient['release'] {
  const { release } = client;
  let isHeld = true;
  client.release = (error) => {
    if (isHeld) release(error);
    isHeld = false;
  };
  return client.release;
}
