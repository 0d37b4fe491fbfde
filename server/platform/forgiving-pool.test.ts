import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/harness/postgres.ts';
import { forgivingPool } from './forgiving-pool.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

test('a connection that is let go twice is let go once, and is another’s by then', async () => {
  const pool = forgivingPool({ connectionString: database.url, max: 1 });
  const first = await pool.connect();
  const letGo = first.release;
  letGo();
  letGo(new Error('again'));
  const [second, letSecondGo] = await new Promise<[unknown, () => void]>((resolve) =>
    pool.connect((_, client, release) => resolve([client, release])),
  );
  expect(second).toBe(first);
  letGo(new Error('long after'));
  expect([pool.totalCount, pool.idleCount]).toEqual([1, 0]);
  letSecondGo();
  letSecondGo();
  expect([pool.totalCount, pool.idleCount]).toEqual([1, 1]);
  await pool.end();
});
