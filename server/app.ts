/**
 * Builds every stage once from its outside handles, lowest floor first, and joins them: the flow, the clocks, HTTP.
 *
 * `main.ts` and the tests both call this; there is no other way to make an OpenLedger. It has two halves: serving answers
 * those who ask, working does what nobody waits for. Any number of processes may do either on one database; `createApp` does
 * both in this one.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Id, OpenLedgerError } from '@openledger/protocol';
import { createAgents } from './agents/index.ts';
import { createAttributions, snapshotsFrom } from './attribution/index.ts';
import { createAccess, createBounties, createDatanets } from './datanets/index.ts';
import { createFees, poolMembersFrom } from './fees/index.ts';
import { flow } from './flow.ts';
import { completeBy, createGateway, spend } from './gateway/index.ts';
import { createGovernance } from './governance/index.ts';
import { accessRoutes } from './http/access.ts';
import { agentsRoutes } from './http/agents.ts';
import { createHttp, type Http } from './http/app.ts';
import { attributionRoutes } from './http/attribution.ts';
import { bountiesRoutes } from './http/bounties.ts';
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
import { reviewsRoutes } from './http/reviews.ts';
import { settlementRoutes } from './http/settlement.ts';
import { createIdentity } from './identity/index.ts';
import { createCallObservation, createInsights } from './insights/index.ts';
import { createLedger } from './ledger/index.ts';
import { createModels } from './models/index.ts';
import type { Chain } from './platform/chain.ts';
import type { Clock } from './platform/clock.ts';
import type { Config } from './platform/config.ts';
import type { Db } from './platform/db.ts';
import { type Embedder, openAiEmbedder } from './platform/embeddings.ts';
import { exclusively } from './platform/exclusively.ts';
import { countedJobs } from './platform/job-metrics.ts';
import { countWaiting, startJobs } from './platform/jobs.ts';
import type { Keys } from './platform/keys.ts';
import type { Log } from './platform/log.ts';
import { createMetrics } from './platform/metrics.ts';
import { onDuty } from './platform/on-duty.ts';
import { enter } from './platform/presence.ts';
import { type Repeating, repeat } from './platform/repeat.ts';
import { sql } from './platform/sql.ts';
import { openTracing } from './platform/tracing.ts';
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

export type App = Working & {
  readonly http: Http;
  /** The first key of this installation; undefined when it was made before. */
  ensureAdminKey(): Promise<string | undefined>;
};

export type Working = {
  /** Stops taking work, finishes what is under way. */
  stop(): Promise<void>;
};

/** Units a token of the models made here: 0.00001 OPEN read, 0.0001 OPEN written. */
const PRICES = { promptUnits: 10n ** 13n, completionUnits: 10n ** 14n };

/** Both halves in one process. */
export async function createApp(handles: AppHandles): Promise<App> {
  const stages = await createStages(handles, { serves: true });
  const serving = await serve(stages, handles);
  return { ...serving, ...(await work(stages, handles)) };
}

/** HTTP and the gateway, and no clocks: others must be working. */
export const startServing = async (handles: AppHandles): Promise<App> =>
  serve(await createStages(handles, { serves: true }), handles);

/** Announcements and clocks. Announcements are shared among all who work; a clock runs in one of them. */
export const startWorking = async (handles: AppHandles): Promise<Working> =>
  work(await createStages(handles, { serves: false }), handles);

async function serve(stages: Stages, handles: AppHandles): Promise<App> {
  await stages.gateway.recover();
  return {
    http: createSurface(stages, handles),
    ensureAdminKey: async () => (await stages.identity.ensureAdminKey())?.secret,
    stop: () => stages.stop(),
  };
}

async function work(stages: Stages, handles: AppHandles): Promise<Working> {
  const { presence, models } = stages;
  const { db, log } = handles;
  const handlers = countedJobs(flow(stages), stages.metrics.registry);
  const jobs = await startJobs(db, { handlers, log });
  const running = Object.entries(clocks(stages, handles)).map(([name, start]) =>
    onDuty(presence, { name, log }, start),
  );
  const preparing = prepareSnapshots(stages).catch((error: unknown) =>
    log.error('attribution.prepare_failed', { error }),
  );
  return {
    async stop() {
      models.stop();
      await jobs.stop();
      await Promise.all([preparing, ...running.map((one) => one.stop())]);
      await stages.stop();
    },
  };
}

/** What is done again and again, by one process at a time. */
function clocks(
  { access, bounties, gateway, fees, receipts, settlement, settle }: Stages,
  { config, clock, log }: AppHandles,
): Readonly<Record<string, () => Repeating>> {
  return {
    'access.settle': () =>
      repeat('access.settle', { everyMs: 5000, log }, () => access.reads.settle()),
    'bounties.settle': () =>
      repeat('bounties.settle', { everyMs: 2000, log }, () => bounties.settle()),
    'fees.roll_up': () => fees.startRollUp({ intervalMs: 100 }),
    'receipts.checkpoints': () => receipts.startCheckpoints(),
    'settlement.sync': () =>
      repeat('settlement.sync', { everyMs: 1000, log }, () => settlement.sync()),
    'settlement.publish': () =>
      repeat('settlement.publish', { everyMs: 1000, log }, async () => {
        await settlement.publishEpoch(await receipts.checkpoint());
      }),
    'settlement.clock': () =>
      repeat('settlement.clock', { everyMs: 1000, log }, async () => {
        const { openedAt } = await settlement.openEpoch();
        const ageMs = clock.now().getTime() - openedAt.getTime();
        if (ageMs >= config.OPENLEDGER_EPOCH_SECONDS * 1000) await settle();
      }),
    'gateway.abandoned': () =>
      repeat('gateway.abandoned', { everyMs: 5000, log }, () => gateway.voidAbandoned()),
    'gateway.sweep': () => repeat('gateway.sweep', { everyMs: 10_000, log }, () => gateway.sweep()),
  };
}

type Stages = Awaited<ReturnType<typeof createStages>>;

async function createStages(handles: AppHandles, { serves }: { readonly serves: boolean }) {
  const { config, db, chain, keys, clock, log, folder } = handles;
  const presence = await enter(db);
  const { calls, metrics, tracing } = await observationIn(handles, presence.name);
  const identity = createIdentity({ db, clock });
  const ledger = createLedger({ db, clock, log });
  await ledger.start();
  const governance = await createGovernance({ db, clock });
  const datanets = createDatanets({
    ...{ db, clock, identity, governance },
    embedder: embedderIn(config, log),
  });
  const models = createModels({
    ...{ db, datanets, clock, log, folder: join(folder, 'models'), prices: PRICES },
    threads: config.OPENLEDGER_ENGINE_THREADS,
  });
  const allowPrivateOperators = config.OPENLEDGER_ALLOW_PRIVATE_OPERATORS;
  const access = createAccess({ db, ledger, clock, log, identity, governance, spend });
  const gateway = createGateway({
    ...{ db, ledger, governance, datanets, access, models, clock, log, allowPrivateOperators },
    ...{ presence, servedBy: presence.name },
    leases: config.OPENLEDGER_LEASES
      ? { folder: serves ? join(folder, 'intents') : undefined }
      : undefined,
    ...{ cache: cacheIn(config), observer: calls },
  });
  const probing = repeat('gateway.probe', { everyMs: 10_000, log }, () => gateway.probe());
  const complete = completeBy(gateway);
  const bounties = createBounties({ db, ledger, clock, log, identity, complete });
  const agents = createAgents({ db, clock, identity });
  const receipts = createReceipts({
    ...{ db, clock, log, governance, snapshots: proofsFrom(datanets) },
    signers: await openSigners(keys),
    textsOf: (inferenceId) => gateway.find(inferenceId),
    termsOf: (hash) => gateway.terms(hash),
  });
  const attributions = createAttributions({
    ...{ db, clock, log, gateway, governance, models, snapshots: snapshotsFrom(datanets) },
    ...{ logHead: () => receipts.checkpoint(), folder: join(folder, 'traces') },
  });
  const fees = createFees({
    ...{ db, clock, log, ledger, gateway, attributions, governance, reads: access.reads },
    poolMembers: poolMembersFrom(datanets),
  });
  const settlement = await createSettlement({
    ...{ db, ledger, fees, identity, datanets, chain, keys, clock, log },
    disputeSeconds: config.OPENLEDGER_DISPUTE_SECONDS,
    rootWindowSeconds: config.OPENLEDGER_ROOT_WINDOW_SECONDS,
  });
  const insights = createInsights({
    ...{ gateway, attributions, fees, settlement, metrics, clock },
    jobsWaiting: () => countWaiting(db),
  });

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
  // Two that start at once would register the same models.
  await exclusively(db, 'registerOperators', () =>
    registerOperators({ identity, gateway, models }, handles),
  );
  return {
    ...{ presence, identity, ledger, governance, datanets, access, bounties, models, gateway },
    ...{ agents, attributions, fees, receipts, settlement, insights, settle, metrics, calls },
    /** Whoever wants calls and jobs to end well has stopped them before. */
    async stop() {
      void probing.stop(); // an operator that does not answer keeps nobody waiting
      models.stop();
      await gateway.stop();
      datanets.stop();
      await ledger.stop();
      await presence.leave();
      await tracing?.stop();
    },
  };
}

/** Who hears of calls. Where no collector is named, no span is ever made. */
async function observationIn({ config, log }: AppHandles, instance: string) {
  const metrics = createMetrics();
  const { registry } = metrics;
  const url = config.OPENLEDGER_OTLP_URL;
  const tracing = url ? await openTracing({ url, registry, log, instance }) : undefined;
  return { metrics, tracing, calls: createCallObservation({ metrics, tracing, log }) };
}

/** @throws invalid_input when an address is named without a model */
function embedderIn(config: Config, log: Log): Embedder | undefined {
  const { OPENLEDGER_EMBEDDER_URL: baseUrl, OPENLEDGER_EMBEDDER_MODEL: model } = config;
  if (!baseUrl) return undefined;
  if (!model) {
    throw new OpenLedgerError(
      'invalid_input',
      'OPENLEDGER_EMBEDDER_URL needs OPENLEDGER_EMBEDDER_MODEL beside it.',
    );
  }
  const endpoint = {
    ...{ baseUrl, model, apiKey: config.OPENLEDGER_EMBEDDER_KEY },
    dimensions: config.OPENLEDGER_EMBEDDER_DIMENSIONS,
    allowPrivate: config.OPENLEDGER_ALLOW_PRIVATE_OPERATORS,
  };
  return openAiEmbedder(endpoint, log);
}

const cacheIn = (config: Config) => {
  const seconds = config.OPENLEDGER_CACHE_SECONDS;
  const pricePpm = config.OPENLEDGER_CACHE_PPM;
  const sharedPricePpm = config.OPENLEDGER_CACHE_SHARED_PPM;
  return seconds > 0 ? { seconds, pricePpm, sharedPricePpm } : undefined;
};

function createSurface(stages: Stages, { chain, db, log }: AppHandles): Http {
  const authenticate = stages.identity.authenticate;
  return createHttp({
    ...{ authenticate, log },
    routes: [
      identityRoutes(stages),
      ledgerRoutes(stages),
      datanetsRoutes(stages),
      accessRoutes(stages),
      bountiesRoutes(stages),
      reviewsRoutes(stages),
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
    registry: stages.metrics.registry,
    observe: stages.calls,
    checkHealth: () => db.query(sql`select 1`),
    consoleFolder: fileURLToPath(new URL('../web/dist', import.meta.url)),
  });
}

/** The engine of this process, and the operator that the configuration names, with the models it offers. */
async function registerOperators(
  { identity, gateway, models }: Pick<Stages, 'identity' | 'gateway' | 'models'>,
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
