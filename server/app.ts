/**
 * Builds every stage once from its outside handles, lowest floor first, and joins them: the flow, the clocks, HTTP.
 *
 * `main.ts` and the tests both call this; there is no other way to make an OpenLedger.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Id } from '@openledger/protocol';
import { createAgents } from './agents/index.ts';
import { createAttributions, snapshotsFrom } from './attribution/index.ts';
import { createDatanets } from './datanets/index.ts';
import { createFees, poolMembersFrom } from './fees/index.ts';
import { flow } from './flow.ts';
import { createGateway } from './gateway/index.ts';
import { createGovernance } from './governance/index.ts';
import { agentsRoutes } from './http/agents.ts';
import { createHttp, type Http } from './http/app.ts';
import { attributionRoutes } from './http/attribution.ts';
import { datanetsRoutes } from './http/datanets.ts';
import { feesRoutes } from './http/fees.ts';
import { gatewayRoutes } from './http/gateway.ts';
import { governanceRoutes } from './http/governance.ts';
import { identityRoutes } from './http/identity.ts';
import { insightsRoutes } from './http/insights.ts';
import { ledgerRoutes } from './http/ledger.ts';
import { modelsRoutes } from './http/models.ts';
import { openAiSurface } from './http/openai.ts';
import { receiptsRoutes } from './http/receipts.ts';
import { settlementRoutes } from './http/settlement.ts';
import { createIdentity } from './identity/index.ts';
import { createInsights } from './insights/index.ts';
import { createLedger } from './ledger/index.ts';
import { createModels } from './models/index.ts';
import type { Chain } from './platform/chain.ts';
import type { Clock } from './platform/clock.ts';
import type { Config } from './platform/config.ts';
import type { Db } from './platform/db.ts';
import { startJobs } from './platform/jobs.ts';
import type { Keys } from './platform/keys.ts';
import type { Log } from './platform/log.ts';
import { repeat } from './platform/repeat.ts';
import { sql } from './platform/sql.ts';
import { createReceipts, openSigners, proofsFrom } from './receipts/index.ts';
import { createSettlement } from './settlement/index.ts';

export type AppHandles = {
  readonly config: Config;
  readonly db: Db;
  readonly chain: Chain;
  readonly keys: Keys;
  readonly clock: Clock;
  readonly log: Log;
  /** What must survive a restart beside the database. */
  readonly folder: string;
};

export type App = {
  readonly http: Http;
  /** The first key of this installation; undefined when it was made before. */
  ensureAdminKey(): Promise<string | undefined>;
  /** Stops taking work, finishes what is under way. */
  stop(): Promise<void>;
};

/** Units a token of the models made here: 0.00001 OPEN read, 0.0001 OPEN written. */
const PRICES = { promptUnits: 10n ** 13n, completionUnits: 10n ** 14n };

export async function createApp(handles: AppHandles): Promise<App> {
  const stages = await createStages(handles);
  const { ledger, models, gateway, fees, receipts, settlement, settle } = stages;
  const { config, db, clock, log } = handles;
  await gateway.recover();
  await registerOperators(stages, handles);

  const jobs = await startJobs(db, { handlers: flow(stages), log });
  const running = [
    fees.startRollUp({ intervalMs: 100 }),
    receipts.startCheckpoints(),
    repeat('settlement.sync', { everyMs: 1000, log }, () => settlement.sync()),
    repeat('settlement.publish', { everyMs: 1000, log }, async () => {
      await settlement.publishEpoch(await receipts.checkpoint());
    }),
    repeat('settlement.clock', { everyMs: 1000, log }, async () => {
      const { openedAt } = await settlement.openEpoch();
      const ageMs = clock.now().getTime() - openedAt.getTime();
      if (ageMs >= config.OPENLEDGER_EPOCH_SECONDS * 1000) await settle();
    }),
    repeat('gateway.sweep', { everyMs: 10_000, log }, () => gateway.sweep()),
  ];

  const preparing = prepareSnapshots(stages).catch((error: unknown) =>
    log.error('attribution.prepare_failed', { error }),
  );

  return {
    http: createSurface(stages, handles),
    ensureAdminKey: async () => (await stages.identity.ensureAdminKey())?.secret,
    async stop() {
      models.stop();
      await jobs.stop();
      await Promise.all([preparing, ...running.map((one) => one.stop())]);
      await gateway.stop();
      await ledger.stop();
    },
  };
}

type Stages = Awaited<ReturnType<typeof createStages>>;

async function createStages({ config, db, chain, keys, clock, log, folder }: AppHandles) {
  const identity = createIdentity({ db, clock });
  const ledger = createLedger({ db, clock, log });
  await ledger.start();
  const governance = await createGovernance({ db, clock });
  const datanets = createDatanets({ db, clock, identity, governance });
  const models = createModels({
    ...{ db, datanets, clock, log, folder: join(folder, 'models'), prices: PRICES },
    threads: config.OPENLEDGER_ENGINE_THREADS,
  });
  const allowPrivateOperators = config.OPENLEDGER_ALLOW_PRIVATE_OPERATORS;
  const gateway = createGateway({
    db,
    ledger,
    datanets,
    models,
    clock,
    log,
    allowPrivateOperators,
    leases: config.OPENLEDGER_LEASES ? { folder: join(folder, 'intents') } : undefined,
  });
  const agents = createAgents({ db, clock, identity });
  const attributions = createAttributions({
    db,
    clock,
    gateway,
    governance,
    snapshots: snapshotsFrom(datanets),
  });
  const fees = createFees({
    ...{ db, clock, log, ledger, gateway, attributions, governance },
    poolMembers: poolMembersFrom(datanets),
  });
  const receipts = createReceipts({
    ...{ db, clock, log, governance, snapshots: proofsFrom(datanets) },
    signers: await openSigners(keys),
    textsOf: (inferenceId) => gateway.find(inferenceId),
  });
  const settlement = await createSettlement({
    ...{ db, ledger, fees, identity, chain, keys, clock, log },
    disputeSeconds: config.OPENLEDGER_DISPUTE_SECONDS,
    rootWindowSeconds: config.OPENLEDGER_ROOT_WINDOW_SECONDS,
  });
  const insights = createInsights({ gateway, attributions, fees, settlement, clock });

  /**
   * Ends the open epoch: nothing is added to its credits any more, and the dispute window begins. Both stages end it by
   * its number, so that two who do it at once, or one after a crash half way, end the same one.
   */
  const settle = async () => {
    const { number } = await settlement.openEpoch();
    await fees.closeEpoch(Number(number));
    await settlement.closeEpoch(number);
    const publication = await settlement.publishEpoch(await receipts.checkpoint());
    return { closed: number.toString(), publication: publication.kind };
  };
  return {
    ...{ identity, ledger, governance, datanets, models, gateway, agents },
    ...{ attributions, fees, receipts, settlement, insights, settle },
  };
}

function createSurface(stages: Stages, { chain, db, log }: AppHandles): Http {
  const authenticate = stages.identity.authenticate;
  return createHttp({
    ...{ authenticate, log },
    routes: [
      identityRoutes(stages),
      ledgerRoutes(stages),
      datanetsRoutes(stages),
      modelsRoutes(stages),
      gatewayRoutes(stages),
      agentsRoutes(stages),
      governanceRoutes(stages),
      attributionRoutes(stages),
      feesRoutes(stages),
      receiptsRoutes(stages),
      settlementRoutes({ ...stages, chain }),
      insightsRoutes(stages),
    ].flat(),
    mount: (app) => app.route('/v1', openAiSurface({ ...stages, authenticate, log })),
    metrics: () => stages.insights.metrics(),
    checkHealth: () => db.query(sql`select 1`),
    consoleFolder: fileURLToPath(new URL('../web/dist', import.meta.url)),
  });
}

/** The engine of this process, and the operator that the configuration names, with the models it offers. */
async function registerOperators(
  { identity, gateway, models }: Stages,
  { config }: AppHandles,
): Promise<void> {
  const party = async (name: string) =>
    (await identity.registerParty({ identity: `local:${name}` })).id;
  const local = await party('operator');
  await gateway.registerOperator({
    name: 'local',
    kind: 'local',
    partyId: local,
    baseUrl: undefined,
  });
  const baseUrl = config.OPENLEDGER_UPSTREAM_URL;
  if (!baseUrl) return;
  const partyId = await party('named-operator');
  const apiKey = config.OPENLEDGER_UPSTREAM_KEY;
  await gateway.registerOperator({ name: 'named', kind: 'openai', partyId, baseUrl, apiKey });
  const known = new Set((await models.list()).map(({ name }) => name));
  for (const operatorModel of await gateway.modelsOffered('named')) {
    const name = `named/${operatorModel}`;
    if (known.has(name)) continue;
    await models.registerExternal({
      ...{ name, operator: 'named', operatorModel, builderId: partyId, pricing: PRICES },
      maxTokens: 4096,
    });
  }
}

/** Indexes of what is served are built before the first call asks for them; new models bring theirs by the flow. */
async function prepareSnapshots({ models, attributions }: Stages): Promise<void> {
  const served = (await models.list()).flatMap(({ snapshots }) =>
    snapshots.map(({ snapshotId }) => snapshotId),
  );
  for (const snapshotId of new Set<Id<'snapshot'>>(served)) await attributions.prepare(snapshotId);
}
