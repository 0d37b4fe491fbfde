/** What a request costs in processor time: everybody in turn, each asked by sixteen at a time as fast as it answers. */
import type { Db } from '../../../server/platform/db.ts';
import { sql } from '../../../server/platform/sql.ts';
import { closedLoop } from '../closed-loop.ts';
import { cpuTime, processTime } from '../cpu.ts';
import type { Options } from '../options.ts';
import { median } from '../percentiles.ts';
import type { Scratch } from '../scratch.ts';
import { mention } from '../table.ts';
import { backlogDone } from './backlog.ts';
import { createCaller } from './caller.ts';
import { SERVING, type Stand, type Target, WORKING } from './stand.ts';

export const CONNECTIONS = 16;
const WARM_UP_SECONDS = 3;

/** Microseconds a request, but for the rate. */
export type Cost = {
  readonly own: number;
  readonly perSecond: number;
  readonly operator: number;
  /** PostgreSQL: its processes that serve the gateway, those that serve the worker, and all. */
  readonly postgresServing: number;
  readonly postgresWorking: number;
  readonly postgres: number;
  /** Until it has worked off what the window left. */
  readonly worker: number;
  readonly behindSeconds: number;
};

export type Costs = ReadonlyMap<Target, Cost>;

export async function measureCosts(
  scratch: Scratch,
  stand: Stand,
  { seconds, rounds }: Options,
): Promise<Costs> {
  const targets = targetsOf(stand);
  mention('warming up');
  for (const target of targets) await window(scratch, stand, { target, seconds: WARM_UP_SECONDS });
  const taken = new Map<Target, Cost[]>(targets.map((target) => [target, []]));
  for (let round = 1; round <= rounds; round++) {
    mention(`cost, round ${round} of ${rounds}`);
    for (const target of targets) {
      taken.get(target)?.push(await window(scratch, stand, { target, seconds }));
    }
  }
  return new Map([...taken].map(([target, costs]) => [target, middleOf(costs)]));
}

export const targetsOf = ({ direct, bare, portkey, ours }: Stand): readonly Target[] => [
  ...[direct, bare],
  ...(typeof portkey === 'string' ? [] : [portkey]),
  ours,
];

async function window(
  { db, pid: postmaster, settle }: Scratch,
  { operator, workerPid }: Stand,
  { target, seconds }: { readonly target: Target; readonly seconds: number },
): Promise<Cost> {
  await settle();
  const spent = async () => ({
    own: await processTime(target.pid),
    operator: await processTime(operator.pid),
    postgresServing: await backendsTime(db, SERVING),
    postgresWorking: await backendsTime(db, WORKING),
    postgres: (await cpuTime(postmaster)).postgres,
    worker: await processTime(workerPid),
  });
  const caller = createCaller(target);
  const ask = () => caller.whole().then(() => 1);
  const before = await spent();
  const { perSecond, done } = await closedLoop({ seconds, lanes: CONNECTIONS, ask });
  const after = await spent();
  await caller.close();
  const behindSeconds = await backlogDone(db);
  const late = await spent();
  return {
    ...{ perSecond, behindSeconds },
    own: (after.own - before.own) / done,
    operator: (after.operator - before.operator) / done,
    postgresServing: (after.postgresServing - before.postgresServing) / done,
    postgresWorking: (late.postgresWorking - before.postgresWorking) / done,
    postgres: (late.postgres - before.postgres) / done,
    worker: (late.worker - before.worker) / done,
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
    postgresServing: middle('postgresServing'),
    postgresWorking: middle('postgresWorking'),
    postgres: middle('postgres'),
    worker: middle('worker'),
    behindSeconds: middle('behindSeconds'),
  };
}
