/** A whole OpenLedger to put under load: PostgreSQL, a chain, gateways, workers and mock operators, each a process of its own. */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '@openledger/sdk';
import { type Db, openDb } from '../../server/platform/db.ts';
import { freePort, type Postgres, startPostgres } from '../../server/platform/postgres.ts';
import { startTestChain, type TestChain } from '../harness/chain.ts';
import type { FaultPlan } from '../harness/mock-operator/faults.ts';
import { createProcesses } from './create-processes.ts';
import { createSpawner, type NamedProcess } from './named-process.ts';
import { type Payer, type PayerOrder, prepareBooks } from './payers.ts';

/** Units a token, odd on purpose: what is wrong by one token or by one price shows. */
export const PRICING = { promptUnits: 1_000_003n, completionUnits: 3_000_017n };
export const MODEL_TOKENS = 8_192;

export type WorldPlan = {
  readonly gateways: number;
  readonly workers: number;
  readonly operators: readonly FaultPlan[];
  readonly payers: readonly PayerOrder[];
};

export type World = {
  readonly folder: string;
  readonly db: Db;
  readonly databasePort: number;
  readonly postgresFolder: string;
  postgres: Postgres;
  readonly adminKey: string;
  readonly gateways: readonly NamedProcess[];
  readonly workers: readonly NamedProcess[];
  readonly operators: readonly NamedProcess[];
  /** What the mock operators wrote down. */
  readonly journals: readonly string[];
  readonly models: readonly string[];
  readonly payers: readonly Payer[];
  end(): Promise<void>;
};

export async function openWorld(plan: WorldPlan): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), 'openledger-load-'));
  await chmod(folder, 0o755); // as root, PostgreSQL runs as nobody
  const spawner = createSpawner(folder);
  const databasePort = await freePort();
  const [postgres, chain] = await Promise.all([
    startPostgres(join(folder, 'postgres'), { port: databasePort }),
    startTestChain(),
  ]);
  await fundSigners(chain);
  const db = openDb(postgres.url);
  const { adminKey, payers } = await prepareBooks(db, plan.payers);
  const processes = await createProcesses(spawner, plan, {
    ...{ folder, databaseUrl: postgres.url, rpcUrl: chain.chain.rpcUrl },
    keys: join(chain.folder, 'keys'),
  });
  const all = [...processes.operators, ...processes.gateways, ...processes.workers];
  const world: World = {
    ...{ folder, db, databasePort, postgres, adminKey, payers, ...processes },
    postgresFolder: join(folder, 'postgres'),
    models: modelsOf(plan),
    async end() {
      await spawner.end();
      await db.close();
      await chain.end();
      await world.postgres.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
  try {
    await Promise.all(all.map((one) => one.start()));
    await offerModels(world);
    return world;
  } catch (error) {
    await world.end();
    throw error;
  }
}

const SHARED_MODEL = 'mock/words';

const modelsOf = ({ operators }: WorldPlan): readonly string[] => [
  ...operators.map((_, number) => `mock-${number}/words`),
  ...(operators.length > 1 ? [SHARED_MODEL] : []),
];

/** What the first process that starts would need from a chain of its own. */
async function fundSigners({ chain, keys }: TestChain): Promise<void> {
  for (const role of ['deployer', 'publisher', 'guardian', 'relayer', 'faucet']) {
    await chain.fund(await keys.chainSigner(role));
  }
}

/** One model for each operator, and where there are several, one that all of them serve. */
async function offerModels({ adminKey, gateways, operators, models }: World): Promise<void> {
  const { gateway, models: offered } = createClient({ baseUrl: gateways[0].url, apiKey: adminKey });
  const price = {
    promptUnits: PRICING.promptUnits.toString(),
    completionUnits: PRICING.completionUnits.toString(),
  };
  for (const { name, url } of operators) {
    await gateway.registerOperator({ name, baseUrl: `${url}/v1` });
  }
  const [first, ...others] = operators;
  for (const [number, model] of models.entries()) {
    const { name: operator } = operators[number] ?? first;
    const terms = { operator, operatorModel: 'words', maxTokens: MODEL_TOKENS, ...price };
    await offered.registerExternal({ name: model, ...terms });
  }
  for (const { name: operator } of models.includes(SHARED_MODEL) ? others : []) {
    await gateway.offer({ model: SHARED_MODEL, operator, operatorModel: 'words', ...price });
  }
}
