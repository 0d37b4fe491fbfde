/** A gateway on real stages, one payer with money, and a remote operator whose model costs 2 units a token in, 3 out. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Id } from '@openledger/protocol';
import {
  type Access,
  createAccess,
  createDatanets,
  type Datanets,
} from '../../server/datanets/index.ts';
import { recordOfOpened } from '../../server/gateway/call-record.ts';
import { createCallRecords } from '../../server/gateway/call-records.ts';
import type { Attempt, Call, DeliverHandles } from '../../server/gateway/deliver.ts';
import {
  ChatBody,
  createGateway,
  fromChat,
  type Gateway,
  type GatewayHandles,
  type GenerationRequest,
  type InferenceRoute,
  type ServeCall,
  type ServedEvent,
  type Serving,
} from '../../server/gateway/index.ts';
import type { Opening } from '../../server/gateway/inferences.ts';
import { spend } from '../../server/gateway/limits.ts';
import { freeReservation } from '../../server/gateway/money.ts';
import { silentWatch } from '../../server/gateway/observer.ts';
import { createStandings } from '../../server/gateway/routing/standings.ts';
import { createGovernance } from '../../server/governance/index.ts';
import {
  type Caller,
  createIdentity,
  type Identity,
  type KeyOrder,
} from '../../server/identity/index.ts';
import { createLedger, type Ledger, transactionIdFor } from '../../server/ledger/index.ts';
import { createModels, type Models } from '../../server/models/index.ts';
import type { Clock } from '../../server/platform/clock.ts';
import { createLog } from '../../server/platform/log.ts';
import { enter } from '../../server/platform/presence.ts';
import { startOperator, type TestOperator } from './operator.ts';
import { createTestDatabase, type TestDatabase } from './postgres.ts';

const PROMPT_UNITS = 2n;
const COMPLETION_UNITS = 3n;
export const MODEL = 'remote/echo:docs@1';

export type TestGateway = {
  readonly database: TestDatabase;
  readonly clock: Clock & { pass(ms: number): void };
  readonly ledger: Ledger;
  readonly identity: Identity;
  readonly datanets: Datanets;
  readonly access: Access;
  readonly models: Models;
  /** Of the models. */
  readonly folder: string;
  readonly gateway: Gateway;
  /** Another gateway on the same stages. */
  openGateway(handles: Partial<GatewayHandles>): Gateway;
  readonly operator: TestOperator;
  /** What was logged as an error. */
  readonly errors: readonly string[];
  /** A new party with so much money, and a key of its own. */
  payer(
    units: bigint,
    order?: Partial<KeyOrder>,
  ): Promise<{ readonly caller: Caller; readonly secret: string; readonly partyId: Id<'party'> }>;
  /** What a party can spend, and what is held of it. */
  balancesOf(partyId: string): Promise<readonly [bigint, bigint]>;
  end(): Promise<void>;
};

export async function openTestGateway(): Promise<TestGateway> {
  const database = await createTestDatabase();
  const { db } = database;
  const folder = await mkdtemp(join(tmpdir(), 'openledger-gateway-'));
  const operator = await startOperator();
  const errors: string[] = [];
  const log = createLog((line) => line.includes('"level":"error"') && errors.push(line));
  const clock = movableClock();
  const ledger = createLedger({ db, clock, log });
  await ledger.start();
  const identity = createIdentity({ db, clock });
  const governance = await createGovernance({ db, clock });
  const datanets = createDatanets({ db, clock, identity, governance });
  const access = createAccess({ db, ledger, clock, log, identity, governance, spend });
  const models = createModels({
    ...{ db, datanets, clock, log, folder, threads: 1 },
    prices: { promptUnits: PROMPT_UNITS, completionUnits: COMPLETION_UNITS },
  });
  const presence = await enter(db);
  const openGateway = (handles: Partial<GatewayHandles>) =>
    createGateway({
      ...{ db, ledger, governance, datanets, access, models, clock, log, presence },
      ...{ allowPrivateOperators: true, servedBy: 'nobody who is here' },
      ...handles,
    });
  const gateway = openGateway({});

  const { id: builderId } = await identity.registerParty({ identity: 'local:elsewhere' });
  const { baseUrl } = operator;
  const remote = { name: 'remote', kind: 'openai', partyId: builderId, baseUrl } as const;
  await gateway.registerOperator({ ...remote, apiKey: 'secret' });
  await models.registerExternal({
    ...{ name: MODEL, operator: 'remote', operatorModel: 'echo', builderId, maxTokens: 100 },
    pricing: { promptUnits: PROMPT_UNITS, completionUnits: COMPLETION_UNITS },
  });
  await gateway.priceList(MODEL); // as somebody's first call does
  const adminKey = await identity.ensureAdminKey();
  const admin = (await identity.authenticate(adminKey?.secret as string)) as Caller;
  let payers = 0;

  return {
    ...{ database, clock, ledger, identity, datanets, access, models, gateway, operator, errors },
    folder,
    openGateway,
    async payer(units, order = {}) {
      const { id: partyId } = await identity.registerParty({ identity: `local:payer-${++payers}` });
      if (units > 0n) {
        await ledger.post({
          transactionId: transactionIdFor(partyId, 'fund'),
          reason: 'test',
          postings: [{ from: 'external:chain', to: `${partyId}:available`, amount: units }],
        });
      }
      const { secret } = await identity.createKey(admin, {
        ...{ partyId, label: 'test', scopes: ['infer', 'read'] as const },
        ...order,
      });
      return { partyId, secret, caller: (await identity.authenticate(secret)) as Caller };
    },
    balancesOf: async (partyId) => [
      await ledger.balance(`${partyId}:available`),
      await ledger.balance(`${partyId}:held`),
    ],
    async end() {
      models.stop();
      await operator.close();
      await presence.leave();
      await ledger.stop();
      await database.drop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function movableClock(): TestGateway['clock'] {
  let ahead = 0;
  return {
    now: () => new Date(Date.now() + ahead),
    pass: (ms) => {
      ahead += ms;
    },
  };
}

/** A short question for ten tokens of answer, with these members of the body in place of its own. */
export const ask = (members: object = {}): GenerationRequest =>
  fromChat(
    ChatBody.parse({
      model: MODEL,
      messages: [{ role: 'user', content: 'Say it.' }],
      max_tokens: 10,
      ...members,
    }),
  );

/** A streamed call for `ask()`, unless told otherwise, by a client that stays. */
export const serve = (
  gateway: Gateway,
  caller: Caller,
  call: Partial<ServeCall> = {},
): Promise<Serving> =>
  gateway.serve({
    ...{ request: ask(), caller, delivery: 'streamed', signal: new AbortController().signal },
    ...call,
  });

/** Reads to the end; `end` is undefined where there was none. */
export async function read({ events }: Pick<Serving, 'events'>) {
  const all: ServedEvent[] = [];
  for await (const event of events) all.push(event);
  const texts = all.flatMap((event) => (event.kind === 'text' ? [event.text] : []));
  return { text: texts.join(''), end: all.find((event) => event.kind === 'end') };
}

/** What usage of `MODEL` costs. */
export const price = (prompt: number, completion: number): bigint =>
  PROMPT_UNITS * BigInt(prompt) + COMPLETION_UNITS * BigInt(completion);

/** An open call whose free answer comes from this generator; its tokenizer is ours. */
export const callTo = (
  { database: { db } }: Pick<TestGateway, 'database'>,
  generate: Attempt['operator']['generate'],
  { keepAs, ...order }: Pick<Call, 'inferenceId' | 'delivery'> & Partial<Pick<Attempt, 'keepAs'>>,
): Call => {
  const attempt: Attempt = {
    ...{ operator: { generate }, candidate: undefined, promptTokens: 1, keepAs },
    asked: undefined,
    generation: { model: 'm', request: ask(), maxTokens: 10, retrieved: [] },
    pricing: { promptUnits: 0n, completionUnits: 0n },
    atMost: { promptTokens: 1, completionTokens: 10 },
    route: { model: MODEL, operator: 'remote' } as InferenceRoute,
  };
  const asked = [{ attempt, pauseMs: 0 }] as const;
  const opened = {
    inferenceId: order.inferenceId,
    caller: {} as Caller,
  } as Partial<Opening> as Opening;
  const reservation = freeReservation;
  const record = recordOfOpened(
    { db, records: createCallRecords(db) },
    { call: opened, reservation },
  );
  return {
    ...{ asked, hedgeAfterMs: undefined, reservation, record },
    watch: silentWatch,
    ...order,
  };
};

/** What `deliver` needs of a world. */
export const deliverHandles = ({ clock }: Pick<TestGateway, 'clock'>): DeliverHandles => ({
  ...{ clock, standings: createStandings(clock) },
  patience: { firstMs: 5000, idleMs: 5000 },
});
