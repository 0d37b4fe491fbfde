/** The whole of OpenLedger in this process: real PostgreSQL, a real local chain, every stage, HTTP without a port. */
import { type Client, createClient } from '@openledger/sdk';
import { createApp } from '../../server/app.ts';
import { systemClock } from '../../server/platform/clock.ts';
import { readConfig } from '../../server/platform/config.ts';
import { silentLog } from '../../server/platform/log.ts';
import { startTestChain } from './chain.ts';
import { createTestDatabase } from './postgres.ts';

export type TestApp = {
  readonly fetch: typeof fetch;
  readonly admin: Client;
  /** A client with another key. */
  clientOf(apiKey: string): Client;
  stop(): Promise<void>;
};

const BASE_URL = 'http://openledger.test';

/** @param environment settings beside the defaults */
export async function startTestApp(
  environment: Readonly<Record<string, string>> = {},
): Promise<TestApp> {
  const [database, chain] = await Promise.all([createTestDatabase(), startTestChain()]);
  const app = await createApp({
    config: readConfig({ OPENLEDGER_DISPUTE_SECONDS: '0', ...environment }),
    db: database.db,
    chain: chain.chain,
    keys: chain.keys,
    clock: systemClock,
    log: silentLog,
    folder: chain.folder,
  });
  const fetch: typeof globalThis.fetch = async (input, init) =>
    app.http.fetch(new Request(input, init));
  const clientOf = (apiKey: string) => createClient({ baseUrl: BASE_URL, apiKey, fetch });
  const secret = await app.ensureAdminKey();
  if (secret === undefined) throw new Error('A fresh database makes its first admin key.');
  return {
    fetch,
    clientOf,
    admin: clientOf(secret),
    async stop() {
      await app.stop();
      await chain.end();
      await database.drop();
    },
  };
}
