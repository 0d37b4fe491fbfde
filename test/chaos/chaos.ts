/**
 * Chaos: clients of every kind ask several gateways over operators with every fault, while gateways, workers, operators and
 * PostgreSQL are killed and started again. Then everything comes to rest, and every call, payer and account is checked.
 */
import { sleep } from '../../server/platform/clock.ts';
import { FAULTS } from '../harness/mock-operator/faults.ts';
import { type Attempt, readJournals } from '../harness/mock-operator/journal.ts';
import { readBooks } from '../load/books.ts';
import { checkRun, type Totals, totalsOf } from '../load/check-run.ts';
import type { Outcome } from '../load/client.ts';
import { readComplaints } from '../load/named-process.ts';
import { settle } from '../load/settle.ts';
import { openWorld, type World, type WorldPlan } from '../load/world.ts';
import { checkGenerations } from './check-generations.ts';
import { askUntil } from './clients.ts';
import { createKills, type Kills, killUntil } from './kills.ts';
import { type MemoryReport, watchMemory } from './memory.ts';

export type ChaosPlan = {
  readonly seconds: number;
  readonly seed: number;
  readonly gateways: number;
  readonly workers: number;
  readonly operators: number;
  readonly clients: number;
};

export type ChaosReport = {
  readonly outcomes: readonly Outcome[];
  readonly attempts: ReadonlyMap<string, readonly Attempt[]>;
  readonly endings: ReadonlyMap<string, number>;
  readonly totals: Totals;
  readonly kills: Kills['counts'];
  readonly memory: MemoryReport;
  readonly violations: readonly string[];
  /** Errors that the processes logged, by their event. */
  readonly complaints: ReadonlyMap<string, number>;
};

/** @param tell is told the progress, one line at a time */
export async function runChaos(
  plan: ChaosPlan,
  tell: (line: string) => void,
): Promise<ChaosReport> {
  const world = await openWorld(worldPlanOf(plan));
  try {
    const kills = createKills();
    const memory = watchMemory(world.gateways[0]);
    const until = Date.now() + plan.seconds * 1000;
    const [outcomes] = await Promise.all([
      askUntil(world, plan, until),
      killUntil(world, { kills, seed: plan.seed, until, tell }),
    ]);
    tell(`${outcomes.length} requests; now it comes to rest`);
    await sleep(500); // who has died by himself is seen
    const unsettled = await settle(world.db, SETTLE_MS);
    return await report(world, { outcomes, unsettled, kills, memory: memory.stop() });
  } finally {
    await world.end();
  }
}

/** Idle budgets come back after ten seconds; the queue's own patience with what has failed is longer. */
const SETTLE_MS = 120_000;

/** One payer has all he needs, one is short of money; of each one's keys, one has a limit. */
const worldPlanOf = ({ gateways, workers, operators, seed }: ChaosPlan): WorldPlan => ({
  ...{ gateways, workers },
  operators: Array.from({ length: operators }, () => ({ seed, rate: 0.35, faults: FAULTS })),
  payers: [
    { units: 10n ** 18n, keys: [undefined, 10n ** 11n] },
    { units: 10n ** 18n, keys: [undefined, 5n * 10n ** 10n] },
    { units: 10n ** 11n, keys: [undefined, 5n * 10n ** 10n] },
  ],
});

async function report(
  world: World,
  {
    outcomes,
    unsettled,
    kills,
    memory,
  }: {
    readonly outcomes: readonly Outcome[];
    readonly unsettled: string | undefined;
    readonly kills: Kills;
    readonly memory: MemoryReport;
  },
): Promise<ChaosReport> {
  const books = await readBooks(world.db);
  const attempts = await readJournals(world.journals);
  const { isNear: isNearKill } = kills;
  const all = [...world.gateways, ...world.workers, ...world.operators];
  const violations = [
    ...checkRun({ outcomes, attempts, books, payers: world.payers, unsettled, isNearKill }),
    ...(await checkGenerations(world, outcomes, books)),
    ...all.flatMap(({ accidents }) => accidents),
    ...(memory.isFlat ? [] : [`${memory.name}: its memory grew, ${memory.said}.`]),
  ];
  const records = [...books.records.values()].flat();
  return {
    ...{ outcomes, attempts, memory, violations, totals: totalsOf(books), kills: kills.counts },
    endings: countBy(records, ({ status, finishReason }) => `${status} ${finishReason}`.trim()),
    complaints: countBy(await readComplaints(world.folder), eventOf),
  };
}

export function countBy<T>(
  all: readonly T[],
  keyOf: (one: T) => string,
): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const one of all) counts.set(keyOf(one), (counts.get(keyOf(one)) ?? 0) + 1);
  return counts;
}

/** The same complaint of several calls is one. */
function eventOf(line: string): string {
  const { event, error, message } = line.startsWith('{') ? JSON.parse(line) : { event: line };
  const [sentence] = String(error ?? message ?? '').split('\n');
  const task = /task \d+ \((\S+),.* with error (.*)$/.exec(sentence);
  const what = task ? `${task[1]} ${task[2]}` : sentence;
  return `${event}: ${what.replaceAll(/[a-z]+_[0-9a-f]{32}|\d{4,}/g, '...')}`.slice(0, 160);
}
