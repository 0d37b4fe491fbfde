/**
 * Plays a trace through a gateway over HTTP, as fast as the machine holds or by its own times, and compares what was recorded,
 * captured and paid with what the trace and the price book say.
 */
import { sleep } from '../../server/platform/clock.ts';
import type { FaultPlan } from '../harness/mock-operator/faults.ts';
import { chanceOf } from '../harness/mock-operator/faults.ts';
import { readJournals } from '../harness/mock-operator/journal.ts';
import { readBooks } from '../load/books.ts';
import { priceOf } from '../load/charge-table.ts';
import { checkRun, type Totals, totalsOf } from '../load/check-run.ts';
import { call, type Outcome, type Wish } from '../load/client.ts';
import { settle } from '../load/settle.ts';
import { MODEL_TOKENS, openWorld, PRICING, type World } from '../load/world.ts';
import type { TraceRow } from './trace.ts';

export type ReplayPlan = {
  readonly rows: readonly TraceRow[];
  /** How many of them fail, in parts of one: at the operator before the first byte or after some, or because the client leaves. */
  readonly fail: number;
  readonly seed: number;
  /** How many times faster than it was; undefined: as fast as it goes. */
  readonly speed: number | undefined;
};

export type ReplayReport = {
  readonly kinds: Readonly<Record<Outcome['kind'], number>>;
  /** How often operators were asked. */
  readonly attempts: number;
  readonly recorded: Totals;
  /** By the trace and the price book alone. */
  readonly expected: Totals;
  readonly violations: readonly string[];
  readonly seconds: number;
};

/** Each replay stands on a database of its own. */
export async function replay(plan: ReplayPlan): Promise<ReplayReport> {
  const { fail, seed } = plan;
  const faults: FaultPlan = { seed, rate: (fail * 2) / 3, faults: ['status-500', 'break'] };
  const world = await openWorld({
    ...{ gateways: 1, workers: 1, operators: [faults] },
    payers: [1, 2, 3].map(() => ({ units: 10n ** 18n, keys: [undefined] })),
  });
  try {
    const since = Date.now();
    const outcomes = await play(world, plan);
    const seconds = (Date.now() - since) / 1000;
    const unsettled = await settle(world.db, 30_000 + plan.rows.length * 100);
    return { ...(await compare(world, { plan, outcomes, unsettled })), seconds };
  } finally {
    await world.end();
  }
}

/** So many requests are under way at once. */
const AT_ONCE = 32;

async function play(world: World, { rows, speed, ...plan }: ReplayPlan) {
  const outcomes: Outcome[] = [];
  const since = Date.now();
  let next = 0;
  const client = async (): Promise<void> => {
    for (let at = next++; at < rows.length; at = next++) {
      const due = speed ? rows[at].atMs / speed : 0;
      await sleep(Math.max(0, since + due - Date.now()));
      outcomes.push(await call(wishOf(world, { ...plan, row: rows[at], at })));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, client));
  return outcomes;
}

type Turn = Pick<ReplayPlan, 'fail' | 'seed'> & { readonly row: TraceRow; readonly at: number };

function wishOf({ gateways, models, payers }: World, { row, at, fail, seed }: Turn): Wish {
  const tag = `r${at}`;
  const chance = chanceOf(seed, 'client', tag);
  const leaves = chance.uniform() < fail / 3;
  const { promptTokens, completionTokens } = row;
  return {
    ...{ tag, promptTokens, completionTokens, patienceMs: 120_000 },
    ...{ gateway: gateways[0].name, url: gateways[0].url, model: models[at % models.length] },
    secret: payers[at % payers.length].keys[0].secret,
    route: at % 5 === 0 ? 'messages' : 'chat',
    stream: leaves || at % 4 !== 0,
    // More may be answered than is, as with most requests: the rest of what is set aside comes back.
    maxTokens: Math.min(MODEL_TOKENS, completionTokens + chance.below(200)),
    leavesAfter: leaves ? 1 + chance.below(completionTokens) : undefined,
  };
}

async function compare(
  world: World,
  {
    plan,
    outcomes,
    unsettled,
  }: {
    readonly plan: ReplayPlan;
    readonly outcomes: readonly Outcome[];
    readonly unsettled: string | undefined;
  },
): Promise<Omit<ReplayReport, 'seconds'>> {
  const books = await readBooks(world.db);
  const attempts = await readJournals(world.journals);
  const [recorded, expected] = [totalsOf(books), totalsBy(plan.rows)];
  const run = { outcomes, attempts, books, payers: world.payers, unsettled };
  const count = (kind: Outcome['kind']) => outcomes.filter((one) => one.kind === kind).length;
  const captured = [...books.flows.values()].flatMap((flow) => flow.captured);
  const fees = captured.reduce((total, units) => total + units, 0n);
  return {
    ...{ recorded, expected, attempts: [...attempts.values()].flat().length },
    kinds: {
      ...{ whole: count('whole'), refused: count('refused'), broken: count('broken') },
      ...{ left: count('left'), lost: count('lost') },
    },
    violations: [
      ...checkRun({ ...run, isNearKill: () => false }),
      ...outcomes.flatMap((outcome) => rowFlaws(outcome)),
      ...(fees === recorded.fees
        ? []
        : [`Captured were ${fees}, and the recorded usage costs ${recorded.fees}.`]),
      ...(plan.fail > 0 ? [] : totalFlaws({ recorded, expected })),
    ],
  };
}

/** A whole answer costs what the trace says of it, whatever the gateway and the operator say. */
function rowFlaws({ kind, wish, told }: Outcome): readonly string[] {
  if (kind !== 'whole' || told?.units === priceOf(PRICING, wish)) return [];
  return [`${wish.tag}: its client was told ${told?.units}, not ${priceOf(PRICING, wish)}.`];
}

/** Without failures every row was answered whole: so the sums are the trace's, to the token and to the unit. */
function totalFlaws({ recorded, expected }: Pick<ReplayReport, 'recorded' | 'expected'>) {
  const names = Object.keys(expected) as (keyof Totals)[];
  return names
    .filter((name) => recorded[name] !== expected[name])
    .map((name) => `${name}: ${recorded[name]}, and by the trace ${expected[name]}.`);
}

function totalsBy(rows: readonly TraceRow[]): Totals {
  const sum = (of: (row: TraceRow) => number) => rows.reduce((total, row) => total + of(row), 0);
  return {
    ...{ calls: rows.length, served: rows.length, void: 0 },
    promptTokens: sum((row) => row.promptTokens),
    completionTokens: sum((row) => row.completionTokens),
    fees: rows.reduce((total, row) => total + priceOf(PRICING, row), 0n),
  };
}
