/** All that takes part, each a process of its own: the operator, the floor, the peer, our gateway and who works behind it. */

import { setPriority } from 'node:os';
import { join } from 'node:path';
import { createClient } from '@openledger/sdk';
import { createLedger } from '../../../server/ledger/index.ts';
import { openChain } from '../../../server/platform/chain.ts';
import { systemClock } from '../../../server/platform/clock.ts';
import { openKeys } from '../../../server/platform/keys.ts';
import { silentLog } from '../../../server/platform/log.ts';
import { newId } from '../../../server/platform/new-id.ts';
import type { Scratch } from '../scratch.ts';
import { mention } from '../table.ts';
import { type Portkey, startPortkey } from './portkey.ts';
import { type Part, startPart } from './process.ts';
import { PACES, type Pace } from './speech.ts';

/** Whom the crowd asks. */
export type Target = {
  readonly name: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly pid: number;
  /** What the operator's model is called here. */
  model(pace: Pace): string;
};

export type Stand = {
  readonly operator: Part<{ readonly url: string }>;
  readonly direct: Target;
  readonly bare: Target;
  /** Or why there is none. */
  readonly portkey: Target | string;
  readonly ours: Gateway;
  readonly workerPid: number;
  /** Stops our gateway and starts it anew, with nothing in its memory. */
  restart(): Promise<Gateway>;
  end(): Promise<void>;
};

export type Gateway = Target & Pick<Part<unknown>, 'ask'>;

/** What PostgreSQL's connections are named, by whose they are. */
export const SERVING = 'bench-serve';
export const WORKING = 'bench-work';

export async function startStand(scratch: Scratch): Promise<Stand> {
  mention('starting the operator, the floor, Portkey, and our processes');
  const operator = await startPart<{ url: string }>('operator-process.ts');
  const proxy = await startPart<{ url: string }>('proxy-process.ts', {
    words: [operator.ready.url],
  });
  const portkey = await startPortkey(scratch.folder);
  const chain = await startChain(scratch.folder);
  const start = startOurs(scratch, chain.rpcUrl);
  const worker = await start('work');
  setPriority(worker.pid, WORKER_NICENESS);
  let serving = await start('serve');
  const secret = await settle(scratch, { serving, operatorUrl: operator.ready.url });
  const ours = (): Gateway => ({
    ...{ name: 'ours', url: serving.ready.url, pid: serving.pid, ask: serving.ask },
    headers: { authorization: `Bearer ${secret}` },
    model: (pace) => `bench/${pace}`,
  });
  const plain = { headers: {}, model: (pace: Pace) => pace };
  return {
    operator,
    direct: { ...plain, name: 'operator', url: operator.ready.url, pid: operator.pid },
    bare: { ...plain, name: 'bare proxy', url: proxy.ready.url, pid: proxy.pid },
    portkey:
      typeof portkey === 'string' ? portkey : { ...plain, ...through(portkey, operator.ready.url) },
    ours: ours(),
    workerPid: worker.pid,
    async restart() {
      await serving.stop();
      serving = await start('serve');
      return ours();
    },
    async end() {
      await serving.stop();
      const parts = [worker, proxy, operator, ...(typeof portkey === 'string' ? [] : [portkey])];
      await Promise.all(parts.map((part) => part.stop()));
      await chain.stop();
    },
  };
}

/** Elsewhere it would have a machine of its own; here it takes what the others leave. */
const WORKER_NICENESS = 10;

const through = ({ url, pid }: Portkey, operatorUrl: string) => ({
  ...{ name: 'Portkey', url, pid },
  headers: {
    authorization: 'Bearer none',
    'x-portkey-provider': 'openai',
    'x-portkey-custom-host': `${operatorUrl}/v1`,
  },
});

async function startChain(folder: string) {
  const chain = await openChain({
    folder: join(folder, 'chain'),
    confirmations: 0,
    log: silentLog,
  });
  const keys = await openKeys(join(folder, 'ours', 'keys'));
  for (const role of ['deployer', 'publisher', 'guardian', 'relayer', 'faucet']) {
    await chain.fund(await keys.chainSigner(role));
  }
  return chain;
}

type Ready = { readonly url: string; readonly adminKey?: string };

/** The first one started writes the ledger, so the worker comes first. */
const startOurs = (scratch: Scratch, rpcUrl: string) => (role: 'serve' | 'work') => {
  const database = new URL(scratch.db.url);
  database.searchParams.set('application_name', role === 'serve' ? SERVING : WORKING);
  return startPart<Ready>('server-process.ts', {
    words: [role, join(scratch.folder, 'ours', role)],
    flags: ['--expose-gc', ...PROFILING],
    environment: {
      ...{ OPENLEDGER_LEASES: '1', OPENLEDGER_DATA: join(scratch.folder, 'ours') },
      ...{ DATABASE_URL: database.href, CHAIN_RPC_URL: rpcUrl },
    },
  });
};

/** `node --cpu-prof scripts/bench.mjs gateway` profiles our processes too: they are what one wants to see. */
const PROFILING = process.execArgv.filter((flag) => flag.startsWith('--cpu-prof'));

/** A payer with money and a key, and the operator's models at a price. @returns the key's secret */
async function settle(
  { db }: Scratch,
  { serving, operatorUrl }: { readonly serving: Part<Ready>; readonly operatorUrl: string },
): Promise<string> {
  const admin = createClient({
    baseUrl: serving.ready.url,
    apiKey: serving.ready.adminKey as string,
  });
  const { id: partyId } = await admin.identity.createParty({ identity: 'handle:payer' });
  const { secret } = await admin.identity.createKey({
    partyId,
    label: 'bench',
    scopes: ['infer', 'read'],
  });
  const ledger = createLedger({ db, clock: systemClock, log: silentLog });
  await ledger.start();
  await ledger.post({
    ...{ transactionId: newId('transaction', systemClock), reason: 'bench.funded' },
    postings: [{ from: 'external:bench', to: `${partyId}:available`, amount: 10n ** 24n }],
  });
  await ledger.stop();
  await admin.gateway.registerOperator({ name: 'mock', baseUrl: `${operatorUrl}/v1` });
  for (const pace of PACES) {
    await admin.models.registerExternal({
      ...{ name: `bench/${pace}`, operator: 'mock', operatorModel: pace, maxTokens: 1000 },
      ...{ promptUnits: '1000000000', completionUnits: '1000000000' },
    });
  }
  return secret;
}
