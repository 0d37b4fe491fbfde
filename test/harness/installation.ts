/** A database, a chain and an operator, for roles of the server as real processes that may be killed. */
import { createClient } from '@openledger/sdk';
import { findPeople } from '../../cli/first-loop/people.ts';
import { until } from '../../cli/first-loop/wait.ts';
import { createLedger } from '../../server/ledger/index.ts';
import { systemClock } from '../../server/platform/clock.ts';
import { silentLog } from '../../server/platform/log.ts';
import { newId } from '../../server/platform/new-id.ts';
import { startTestChain, type TestChain } from './chain.ts';
import { startOperator, type TestOperator } from './operator.ts';
import { createTestDatabase, type TestDatabase } from './postgres.ts';
import { type RunningRole, runRole } from './processes.ts';

type Ready = { readonly url: string; readonly adminKey?: string; readonly working?: boolean };
export type Role = RunningRole & { readonly ready: Ready };

export type Installation = {
  readonly chain: TestChain;
  readonly database: TestDatabase;
  readonly operator: TestOperator;
  /** Starts a role on the folder that all share, and waits for its first line. */
  start(role: 'serve' | 'work', settings?: Readonly<Record<string, string>>): Promise<Role>;
  end(): Promise<void>;
};

export const MODEL = 'elsewhere/echo';
const OPEN = 10n ** 18n;

export async function openInstallation(): Promise<Installation> {
  const [chain, database, operator] = [
    await startTestChain(),
    await createTestDatabase(),
    await startOperator(),
  ];
  for (const role of ['deployer', 'publisher', 'guardian', 'relayer', 'faucet']) {
    await chain.chain.fund(await chain.keys.chainSigner(role));
  }
  const running: RunningRole[] = [];
  return {
    ...{ chain, database, operator },
    async start(role, settings = {}) {
      const started = runRole(role, {
        OPENLEDGER_DATA: chain.folder, // the keys are in it
        OPENLEDGER_PORT: '0',
        OPENLEDGER_CHAIN_CONFIRMATIONS: '0',
        OPENLEDGER_DISPUTE_SECONDS: '1',
        OPENLEDGER_ROOT_WINDOW_SECONDS: '0',
        DATABASE_URL: database.url,
        CHAIN_RPC_URL: chain.chain.rpcUrl,
        ...settings,
      });
      running.push(started);
      const line = await Promise.race([
        until('its first line', async () => started.output().split('\n').slice(0, -1)[0], {
          withinMs: 90_000,
        }),
        started.ended.then(({ complaint }) => Promise.reject(new Error(complaint))),
      ]);
      return { ...started, ready: JSON.parse(line) };
    },
    async end() {
      for (const role of running) role.signal('SIGKILL');
      await Promise.all(running.map(({ ended }) => ended));
      await operator.close();
      await chain.end();
      await database.drop();
    },
  };
}

/** The operator's model is registered, and a visitor has an OPEN to spend. */
export async function openShop({ database, operator }: Installation, serving: readonly Role[]) {
  const [{ ready }] = serving;
  const adminKey = serving.find((one) => one.ready.adminKey)?.ready.adminKey as string;
  const admin = createClient({ baseUrl: ready.url, apiKey: adminKey });
  const { visitor } = await findPeople(admin, ready.url);
  const ledger = createLedger({ db: database.db, clock: systemClock, log: silentLog });
  await ledger.start();
  await ledger.post({
    transactionId: newId('transaction', systemClock),
    reason: 'test',
    postings: [{ from: 'external:chain', to: `${visitor.partyId}:available`, amount: OPEN }],
  });
  await ledger.stop();
  await admin.gateway.registerOperator({ name: 'elsewhere', baseUrl: operator.baseUrl });
  await admin.models.registerExternal({
    ...{ name: MODEL, operator: 'elsewhere', operatorModel: 'echo', maxTokens: 1000 },
    ...{ promptUnits: '1000000000', completionUnits: '1000000000' },
  });
  return { adminKey, visitor, ledger };
}
