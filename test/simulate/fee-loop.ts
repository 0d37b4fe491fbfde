/** Fee workers: they post what the tables say is to be posted, under ids that follow from it, and die in between. */
import { outstanding, WEIGHT_ONE } from '@openledger/protocol';
import { keyOf } from '../../server/ledger/account.ts';
import { commands } from '../../server/ledger/command.ts';
import { transactionIdFor } from '../../server/ledger/transaction-id.ts';
import {
  CONTROL,
  dataOf,
  type FeeBatch,
  type FeeTable,
  MEMBERS,
  planRefund,
  planRollUp,
  type Routing,
  turnEpoch,
} from './fee-table.ts';
import { balanceIn, type Model } from './model.ts';
import { unless } from './oracle.ts';
import type { Parts } from './payers.ts';
import { type Actor, createActor } from './scheduler.ts';

type Worker = { readonly table: FeeTable; readonly isOver: () => boolean };

/** @returns when everything is credited, posted and mature, and nothing more will come */
export function liveFeeWorker(parts: Parts, worker: Worker & { name: string }): Promise<void> {
  const { world } = parts;
  return new Promise((done, failed) => {
    const boot = () => {
      const actor = createActor(worker.name);
      work(parts, worker, actor).then(done, failed);
      const meetFate = () => {
        if (world.isQuiet()) return;
        if (!world.chance.happens(world.faults().crash)) {
          return world.after(world.chance.between(50, 500), meetFate, actor);
        }
        actor.isAlive = false;
        world.trace(worker.name, 'crashes');
        world.after(world.chance.between(20, 200), boot);
      };
      world.after(world.chance.between(50, 500), meetFate, actor);
    };
    boot();
  });
}

async function work(parts: Parts, { table, isOver }: Worker, actor: Actor): Promise<void> {
  const { world } = parts;
  do {
    await world.sleep(world.chance.between(10, 60), actor);
    for (const routing of table.routings.values()) {
      if (!routing.isPosted) await postRouting(parts, routing, actor);
    }
    planRollUp(table, world.now());
    if (world.chance.happens(0.2)) maybeRefund(parts, table);
    turnEpoch(table, world.now());
    for (const batch of table.batches) {
      if (!batch.isPosted) await postBatch(parts, batch, actor);
    }
  } while (!isOver() || !isDone(table));
}

const isDone = ({ routings, batches, matured }: FeeTable): boolean =>
  [...routings.values()].every((one) => one.isCredited && one.epoch <= matured) &&
  batches.every(({ isPosted }) => isPosted);

async function postRouting(parts: Parts, routing: Routing, actor: Actor): Promise<void> {
  const { inferenceId, moves } = routing;
  const transactionId = transactionIdFor(inferenceId, 'fees.routed');
  await post(parts, { transactionId, reference: inferenceId, moves }, actor);
  await parts.world.sleep(parts.world.chance.between(0, 3), actor);
  routing.isPosted = true;
}

async function postBatch(parts: Parts, batch: FeeBatch, actor: Actor): Promise<void> {
  const { id, recordedAt, moves, refund } = batch;
  const transactionId = transactionIdFor(recordedAt, `fees.batch ${id}`);
  await post(parts, { transactionId, reference: `batch:${id}`, moves }, actor);
  if (refund) await payBack(parts, batch, actor);
  await parts.world.sleep(parts.world.chance.between(0, 3), actor);
  batch.isPosted = true;
}

async function post(
  { client, world }: Parts,
  {
    transactionId,
    reference,
    moves,
  }: Pick<Routing, 'moves'> & {
    reference: string;
    transactionId: ReturnType<typeof transactionIdFor>;
  },
  actor: Actor,
): Promise<void> {
  if (moves.length === 0) return;
  const wish = { transactionId, reference, reason: 'sim.fees', postings: moves };
  const outcome = await client.ask(commands.post(wish), actor);
  if (outcome.kind === 'refused') world.fail(`${reference} of fees: ${outcome.error.message}`);
}

async function payBack(
  { client, world }: Parts,
  { id, recordedAt, refund }: FeeBatch,
  actor: Actor,
): Promise<void> {
  const { inferenceId, amount } = refund!;
  const outcome = await client.ask(
    commands.reverse({
      transactionId: transactionIdFor(recordedAt, `fees.refunded ${id}`),
      reverses: transactionIdFor(inferenceId, 'drawn'),
      ...{ amount, reason: 'sim.refunded', reference: `batch:${id}` },
    }),
    actor,
  );
  if (outcome.kind === 'refused') world.fail(`refund ${id}: ${outcome.error.message}`);
}

function maybeRefund({ world }: Parts, table: FeeTable): void {
  const { chance } = world;
  const paid = [...table.routings.values()].filter(({ isCredited }) => isCredited);
  if (paid.length === 0 || world.isQuiet()) return;
  const routing = chance.pick(paid);
  const left = routing.remaining.reduce((sum, rest) => sum + rest, 0n);
  if (left === 0n) return;
  const amount = chance.happens(0.3) ? left : 1n + (left * BigInt(chance.between(0, 98))) / 100n;
  planRefund(table, { now: world.now(), routing, amount: amount > left ? left : amount });
}

/** @throws where the ledger, the tables and the exact shares do not agree, once nothing moves */
export function checkFees(model: Model, table: FeeTable): void {
  const clearing = balanceIn(model, 'clearing:fees');
  unless(clearing === 0n, `${clearing} units are left in clearing`);
  let fractions = table.remainder;
  for (const subUnits of table.inflows.values()) fractions += subUnits;
  for (const entitlement of table.entitlements.values()) fractions += outstanding(entitlement);
  const control = balanceIn(model, CONTROL) * WEIGHT_ONE;
  unless(control === fractions, `control holds ${control} sub-units for ${fractions}`);
  for (const [payee, { credited }] of table.entitlements) {
    const exact = exactShareOf(table, payee);
    const missing = exact - credited * WEIGHT_ONE;
    const isClose = missing > -2n && missing < WEIGHT_ONE + 2n; // the pool rounds by less than a sub-unit
    unless(isClose, `${payee} is credited ${credited}, ${missing} sub-units from the exact share`);
    let lying = 0n;
    for (const book of model.history.keys()) {
      if (book.startsWith(`${payee}:`)) lying += balanceIn(model, keyOf(book).account);
    }
    unless(lying === credited, `${payee} has ${lying} units and was credited ${credited}`);
  }
}

/** Over everything that was routed and not refunded, in sub-units, rounded down once. */
function exactShareOf({ routings }: FeeTable, payee: string): bigint {
  const member = MEMBERS.find(({ to }) => to === payee)?.weight ?? 0n;
  let squared = 0n;
  for (const routing of routings.values()) {
    for (const { to, weight } of routing.shares) {
      if (to === payee) squared += dataOf(routing) * weight * WEIGHT_ONE;
      if (to === 'pool') squared += dataOf(routing) * weight * member;
    }
  }
  return squared >> 64n;
}
