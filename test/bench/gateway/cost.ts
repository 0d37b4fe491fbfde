/** What a request costs in processor time: everybody in turn, each asked by sixteen at a time as fast as it answers. */
import type { Db } from '../../../server/platform/db.ts';
import { sql } from '../../../server/platform/sql.ts';
import { closedLoop } from '../closed-loop.ts';
import { cpuTime, processTime } from '../cpu.ts';
import type { Options } from '../options.ts';
import { median } from '../percentiles.ts';
import type { Scratch } from '../scratch.ts';
import { mention } from '../table.ts';
import { countLeft } from './backlog.ts';
import { createCaller } from './caller.ts';
import { CONNECTIONS_OF, type Stand, type Target } from './stand.ts';

export const CONNECTIONS = 16;
/** Before each window: a process that was idle has let go of its connections and of compiled code, and would pay for them again. */
export const RUN_IN_SECONDS = 1;
/** Ours has the most code for the compiler to see, and is called least in the same time. */
const WARM_UP_SECONDS = 2;
const OUR_WARM_UP_SECONDS = 8;

/** Microseconds a request, but for the rate. */
export type Cost = {
  readonly own: number;
  readonly perSecond: number;
  readonly operator: number;
  readonly ledger: number;
  /** PostgreSQL's processes that serve the gateway, and all. */
  readonly postgresServing: number;
  readonly postgres: number;
};

/** What follows a call, in microseconds. */
export type After = {
  readonly worker: number;
  readonly postgres: number;
  readonly ledger: number;
  /** Calls a second that are worked off. */
  readonly perSecond: number;
};

export type Costs = {
  readonly of: ReadonlyMap<Target, Cost>;
  readonly after: After;
  /** Requests a second while the worker works beside the gateway. */
  readonly besideWorker: number;
};

export async function measureCosts(
  scratch: Scratch,
  stand: Stand,
  { seconds, rounds }: Options,
): Promise<Costs> {
  const targets = targetsOf(stand);
  mention('warming up');
  for (const target of targets) await window(scratch, stand, { target, seconds: WARM_UP_SECONDS });
  mention('working off what these calls have left');
  const after = await workOff(scratch, stand);
  const warm = { target: stand.ours, seconds: OUR_WARM_UP_SECONDS };
  await window(scratch, stand, warm);
  const taken = new Map<Target, Cost[]>(targets.map((target) => [target, []]));
  for (let round = 1; round <= rounds; round++) {
    mention(`cost, round ${round} of ${rounds}`);
    for (const target of targets) {
      taken.get(target)?.push(await window(scratch, stand, { target, seconds }));
    }
  }
  mention('cost, beside the worker');
  stand.worker.wake();
  const { perSecond } = await window(scratch, stand, { target: stand.ours, seconds });
  stand.worker.rest();
  return {
    of: new Map([...taken].map(([target, costs]) => [target, middleOf(costs)])),
    after,
    besideWorker: perSecond,
  };
}

export const targetsOf = ({ direct, bare, portkey, ours }: Stand): readonly Target[] => [
  ...[direct, bare],
  ...(typeof portkey === 'string' ? [] : [portkey]),
  ours,
];

async function window(
  scratch: Scratch,
  stand: Stand,
  { target, seconds }: { readonly target: Target; readonly seconds: number },
): Promise<Cost> {
  await scratch.settle();
  const spent = async () => ({
    own: await processTime(target.pid),
    operator: await processTime(stand.operator.pid),
    ledger: await processTime(stand.ledgerPid),
    postgresServing: await backendsTime(scratch.db, CONNECTIONS_OF.serve),
    postgres: (await cpuTime(scratch.pid)).postgres,
  });
  const caller = createCaller(target);
  const ask = () => caller.whole().then(() => 1);
  await closedLoop({ seconds: RUN_IN_SECONDS, lanes: CONNECTIONS, ask });
  const before = await spent();
  const { perSecond, done } = await closedLoop({ seconds, lanes: CONNECTIONS, ask });
  const after = await spent();
  await caller.close();
  const a = (of: keyof typeof after) => (after[of] - before[of]) / done;
  return {
    ...{ perSecond, own: a('own'), operator: a('operator'), ledger: a('ledger') },
    ...{ postgresServing: a('postgresServing'), postgres: a('postgres') },
  };
}

/** What the first calls have left to be done: few, so that all of it is done. */
async function workOff({ db, pid }: Scratch, { worker, ledgerPid }: Stand): Promise<After> {
  const spent = async () => ({
    worker: await processTime(worker.pid),
    ledger: await processTime(ledgerPid),
    postgres: (await cpuTime(pid)).postgres,
  });
  const before = await spent();
  const calls = await countLeft(db); // one announcement each, while the worker has rested
  const seconds = await worker.catchUp();
  const after = await spent();
  const a = (of: keyof typeof after) => (after[of] - before[of]) / calls;
  return {
    ...{ worker: a('worker'), ledger: a('ledger'), postgres: a('postgres') },
    perSecond: calls / seconds,
  };
}

/** Of the connections that bear a name. What a connection that was closed meanwhile had used is missing here. */
async function backendsTime(db: Db, name: string): Promise<number> {
  const rows = await db.query<{ pid: number }>(sql`
    select pid
    from pg_stat_activity
    where application_name = ${name}`);
  const times = await Promise.all(rows.map(({ pid }) => processTime(pid)));
  return times.reduce((sum, time) => sum + time, 0);
}

function middleOf(costs: readonly Cost[]): Cost {
  const middle = (of: keyof Cost) => median(costs.map((cost) => cost[of]));
  return {
    own: middle('own'),
    perSecond: middle('perSecond'),
    operator: middle('operator'),
    ledger: middle('ledger'),
    postgresServing: middle('postgresServing'),
    postgres: middle('postgres'),
  };
}
