/** All that takes part, each a process of its own: the operator, the floor, the peer, our gateway and those who work behind it. */

import { setPriority } from 'node:os';
import { join } from 'node:path';
import { openChain } from '../../../server/platform/chain.ts';
import { openKeys } from '../../../server/platform/keys.ts';
import { silentLog } from '../../../server/platform/log.ts';
import type { Scratch } from '../scratch.ts';
import { mention } from '../table.ts';
import { backlogDone } from './backlog.ts';
import { openAccount } from './open-account.ts';
import { type Portkey, startPortkey } from './portkey.ts';
import { type Part, startPart } from './process.ts';
import type { Pace } from './speech.ts';

/** Whom the crowd asks. */
export type Target = {
  readonly name: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly pid: number;
  /** What the operator's model is called here. */
  model(pace: Pace): string;
};

export type Gateway = Target & Pick<Part<unknown>, 'ask'>;

export type Stand = {
  readonly operator: Part<{ readonly url: string }>;
  readonly direct: Target;
  readonly bare: Target;
  /** Or why there is none. */
  readonly portkey: Target | string;
  readonly ours: Gateway;
  readonly ledgerPid: number;
  readonly worker: Worker;
  /** Stops our gateway and starts it anew, with nothing in its memory. */
  restart(): Promise<Gateway>;
  end(): Promise<void>;
};

/** Attribution, fees and receipts. It rests unless it is told to work, and its announcements wait. */
export type Worker = {
  readonly pid: number;
  wake(): void;
  rest(): void;
  /** Works until no announcement is left, and rests. @returns how many seconds that took */
  catchUp(): Promise<number>;
};

/** What PostgreSQL's connections are named, by whose they are. */
export const CONNECTIONS_OF = {
  serve: 'bench-serve',
  work: 'bench-work',
  ledger: 'bench-ledger',
} as const;
type Role = keyof typeof CONNECTIONS_OF;

export async function startStand(scratch: Scratch): Promise<Stand> {
  mention('starting the operator, the floor, Portkey, and our processes');
  const operator = await startPart<{ url: string }>('operator-process.ts');
  const proxy = await startPart<{ url: string }>('proxy-process.ts', {
    words: [operator.ready.url],
  });
  const portkey = await startPortkey(scratch.folder);
  const chain = await startChain(scratch.folder);
  const start = startOurs(scratch, chain.rpcUrl);
  const ledger = await start('ledger'); // the first one started writes the ledger
  const working = await start('work');
  let serving = await start('serve');
  const secret = await openAccount(scratch, {
    ...serving.ready,
    operatorUrl: operator.ready.url,
  });
  const ours = (): Gateway => ({
    ...{ name: 'ours', url: serving.ready.url, pid: serving.pid, ask: serving.ask },
    headers: { authorization: `Bearer ${secret}` },
    model: (pace) => `bench/${pace}`,
  });
  const plain = { headers: {}, model: (pace: Pace) => pace };
  const worker = workerOf(scratch, working.pid);
  return {
    ...{ operator, worker, ledgerPid: ledger.pid },
    direct: { ...plain, name: 'operator', url: operator.ready.url, pid: operator.pid },
    bare: { ...plain, name: 'bare proxy', url: proxy.ready.url, pid: proxy.pid },
    portkey:
      typeof portkey === 'string' ? portkey : { ...plain, ...through(portkey, operator.ready.url) },
    ours: ours(),
    async restart() {
      await serving.stop();
      serving = await start('serve');
      return ours();
    },
    async end() {
      worker.wake();
      await serving.stop();
      await working.stop();
      const parts = [ledger, proxy, operator, ...(typeof portkey === 'string' ? [] : [portkey])];
      await Promise.all(parts.map((part) => part.stop()));
      await chain.stop();
    },
  };
}

/** Elsewhere it would have a machine of its own; here it takes what the others leave. */
const WORKER_NICENESS = 10;

function workerOf({ db }: Scratch, pid: number): Worker {
  setPriority(pid, WORKER_NICENESS);
  const wake = () => void process.kill(pid, 'SIGCONT');
  const rest = () => void process.kill(pid, 'SIGSTOP');
  rest();
  return {
    ...{ pid, wake, rest },
    async catchUp() {
      wake();
      const seconds = await backlogDone(db);
      rest();
      return seconds;
    },
  };
}

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
    ...{ folder: join(folder, 'chain'), log: silentLog },
    confirmations: 0,
  });
  const keys = await openKeys(join(folder, 'ours', 'keys'));
  for (const role of ['deployer', 'publisher', 'guardian', 'relayer', 'faucet']) {
    await chain.fund(await keys.chainSigner(role));
  }
  return chain;
}

export type Ready = { readonly url: string; readonly adminKey?: string };

const startOurs = (scratch: Scratch, rpcUrl: string) => (role: Role) => {
  const database = new URL(scratch.db.url);
  database.searchParams.set('application_name', CONNECTIONS_OF[role]);
  const file = role === 'ledger' ? 'ledger-process.ts' : 'server-process.ts';
  return startPart<Ready>(file, {
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
