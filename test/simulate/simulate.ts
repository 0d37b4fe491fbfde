/** One simulation from its seed: a ledger, those who use it, and everything that can go wrong. */
import { transactionIdFor } from '../../server/ledger/transaction-id.ts';
import { createClient } from './client.ts';
import { createDisk } from './disk.ts';
import { checkFees, liveFeeWorker } from './fee-loop.ts';
import { createFeeTable } from './fee-table.ts';
import { createDirectory, type Directory, liveGateway } from './gateways.ts';
import type { Model } from './model.ts';
import { createNode } from './nodes.ts';
import { createOracle, unless } from './oracle.ts';
import { livePayer, PAYERS, sweep } from './payers.ts';
import { createWorld, type World } from './world.ts';

export type Verdict = {
  readonly seed: number;
  /** Undefined where every promise held. */
  readonly fault: string | undefined;
  readonly traceHash: string;
  readonly events: number;
  readonly transactions: number;
  readonly answers: number;
  readonly refusals: number;
  readonly terms: number;
};

const PATIENCE_MS = 120_000;
/** Longer than the wish of one who has died can be on its way: it may still begin a hold, which the sweeps have to end. */
const STRAGGLERS_MS = 2_000;

/** @param say hears every line of the trace */
export async function simulate(seed: number, say?: (line: string) => void): Promise<Verdict> {
  const world = createWorld(seed, say);
  const { chance } = world;
  const oracle = createOracle(world);
  const disk = createDisk(oracle.append);
  const nodes = Array.from({ length: chance.between(1, 3) }, (_, k) =>
    createNode(world, { name: `node-${k}`, disk }),
  );
  const client = createClient(world, { nodes, oracle });
  const parts = { world, client, disk };
  const directory = createDirectory();
  const fees = createFeeTable();

  let served = false;
  let isOver = false;
  const gateways = Array.from({ length: chance.between(1, 3) }, (_, k) =>
    liveGateway({ ...parts, directory, fees, model: oracle.model }, `gateway-${k}`),
  );
  const payers = PAYERS.slice(0, chance.between(1, 4)).map((name) => livePayer(parts, name));
  const noMore = Promise.all([...gateways, ...payers]).then(() => {
    served = true;
  });
  const workers = Array.from({ length: chance.between(1, 2) }, (_, k) =>
    liveFeeWorker(parts, { name: `fees-${k}`, table: fees, isOver: () => served }),
  );
  const sweeps = ['sweep-0', 'sweep-1'].map((name) => sweep(parts, { name, isOver: () => isOver }));
  const endOnceSettled = () =>
    world.after(STRAGGLERS_MS, () => {
      if (disk.holds.size > 0) endOnceSettled();
      else isOver = true;
    });
  Promise.all([noMore, ...workers]).then(endOnceSettled, (error) => fail(world, error));
  for (const sweeping of sweeps) sweeping.catch((error) => fail(world, error));
  world.after(chance.between(600, 3_000), world.calm);

  const events = await world.run(PATIENCE_MS, () => isOver || world.fault() !== undefined);
  if (!isOver && !world.fault()) world.fail(`nothing ends; at ${world.now()} ms`);
  if (!world.fault()) {
    oracle.atTheEnd(disk);
    judge(() => checkFees(oracle.model, fees), world.fail);
    judge(() => checkRequests(oracle.model, directory), world.fail);
  }
  return {
    ...{ seed, events, fault: world.fault(), traceHash: world.traceHash() },
    ...oracle.counts,
    transactions: oracle.model.sequence,
    terms: disk.term,
  };
}

const fail = (world: World, error: unknown): void =>
  world.fail(error instanceof Error ? (error.stack ?? error.message) : String(error));

/** Each request has one end, and the ledger knows the same. */
function checkRequests(model: Model, { intents }: Directory): void {
  for (const { inferenceId, state } of intents) {
    const isPaid = model.byId.has(transactionIdFor(inferenceId, 'drawn'));
    unless(state !== 'served', `${inferenceId} has no end`);
    unless(isPaid === (state === 'charged'), `${inferenceId} is ${state}; the ledger says not`);
  }
  for (const [holdId, { ended }] of model.holds) unless(!!ended, `${holdId} never ends`);
}

function judge(look: () => void, fail: (fault: string) => void): void {
  try {
    look();
  } catch (error) {
    fail(error instanceof Error ? error.message : String(error));
  }
}
