/** The whole server for tests: a real database, a real local chain, real child processes; reached through the SDK. */
import { rm } from 'node:fs/promises';
import { type Client, createClient } from '@openledger/sdk';
import { type App, createApp } from '../../server/app.ts';
import { listen } from '../../server/http/listen.ts';
import { systemClock } from '../../server/platform/clock.ts';
import { readConfig } from '../../server/platform/config.ts';
import { silentLog } from '../../server/platform/log.ts';
import { startTestChain } from './chain.ts';
import { createTestDatabase, type TestDatabase } from './postgres.ts';

export type TestApp = {
  readonly app: App;
  readonly db: TestDatabase['db'];
  readonly baseUrl: string;
  readonly adminKey: string;
  readonly admin: Client;
  readonly folder: string;
  readonly end: () => Promise<void>;
};

/** @param environment settings on top of short windows and one engine thread */
export async function startTestApp(
  environment: Readonly<Record<string, string>> = {},
): Promise<TestApp> {
  const database = await createTestDatabase();
  const chain = await startTestChain();
  const config = readConfig({
    OPENLEDGER_DISPUTE_SECONDS: '1',
    OPENLEDGER_ROOT_WINDOW_SECONDS: '0',
    OPENLEDGER_ENGINE_THREADS: '1',
    ...environment,
  });
  const app = await createApp({
    ...{ config, db: database.db, chain: chain.chain, keys: chain.keys, folder: chain.folder },
    ...{ clock: systemClock, log: silentLog },
  });
  const listening = await listen(app.http, { host: '127.0.0.1', port: 0 });
  const adminKey = await app.ensureAdminKey();
  if (!adminKey) throw new Error('A new database has an admin already.');
  return {
    ...{ app, db: database.db, adminKey, folder: chain.folder, baseUrl: listening.url },
    admin: createClient({ baseUrl: listening.url, apiKey: adminKey }),
    end: async () => {
      await listening.close();
      await app.stop();
      await chain.end();
      await database.drop();
      await rm(chain.folder, { recursive: true, force: true });
    },
  };
}
