/** Gateways: each takes leases, serves requests out of them and draws; a crash leaves its intents, and another may take over. */
import type { Id } from '@openledger/protocol';
import { commands } from '../../server/ledger/command.ts';
import { transactionIdFor } from '../../server/ledger/transaction-id.ts';
import type { FeeTable } from './fee-table.ts';
import { recordRouting } from './fee-table.ts';
import type { Model } from './model.ts';
import { PAYERS, type Parts } from './payers.ts';
import { type Actor, createActor } from './scheduler.ts';
import { BEGINNING } from './world.ts';

/** A request that was served, on the gateway's disk before anybody hears of it. */
export type Intent = {
  readonly inferenceId: Id<'inference'>;
  readonly holdId: Id<'hold'>;
  readonly token: number;
  readonly amount: bigint;
  state: 'served' | 'charged' | 'void';
};

type LeaseHeld = { readonly holdId: Id<'hold'>; token: number; left: bigint; expiresAt: number };

/** What gateways know of each other, and what outlives them. */
export type Directory = {
  readonly intents: Intent[];
  readonly leases: { readonly holdId: Id<'hold'>; token: number; isReleased: boolean }[];
};

export const createDirectory = (): Directory => ({ intents: [], leases: [] });

type Judge = { readonly model: Model; readonly fail: (fault: string) => void };

type GatewayParts = Parts & {
  readonly directory: Directory;
  readonly fees: FeeTable;
  readonly model: Model;
};

/** @returns when every request of this gateway has ended */
export function liveGateway(parts: GatewayParts, name: string): Promise<void> {
  const { world } = parts;
  const intents: Intent[] = []; // its disk
  return new Promise((done, failed) => {
    const boot = () => {
      const actor = createActor(name);
      serveLeases(parts, { actor, intents }).then(done, failed);
      const meetFate = () => {
        const { crash } = world.faults();
        if (world.isQuiet() || !world.chance.happens(crash)) return;
        actor.isAlive = false;
        world.trace(name, 'crashes');
        world.after(world.chance.between(20, 300), boot);
      };
      world.after(world.chance.between(200, 900), meetFate, actor);
    };
    boot();
  });
}

type Gateway = { readonly actor: Actor; readonly intents: Intent[] };

async function serveLeases(parts: GatewayParts, gateway: Gateway): Promise<void> {
  const { world } = parts;
  await settleAll(parts, gateway); // what it had served before it died
  while (!world.isQuiet()) {
    await world.sleep(world.chance.between(5, 60), gateway.actor);
    const lease = world.chance.happens(0.3)
      ? await takeOver(parts, gateway)
      : await takeLease(parts, gateway);
    if (lease) await useLease(parts, gateway, lease);
  }
  await settleAll(parts, gateway);
}

async function takeLease(
  { world, client, directory }: GatewayParts,
  { actor }: Gateway,
): Promise<LeaseHeld | undefined> {
  const { chance } = world;
  const payer = chance.pick(PAYERS);
  const holdId = chance.id('hold', BEGINNING + world.now());
  const left = BigInt(chance.between(20, 400));
  const expiresAt = BEGINNING + world.now() + chance.between(200, 1_500);
  const [from, to] = [`${payer}:available`, `${payer}:held`];
  const wish = { holdId, from, to, amount: left, token: 1, reason: 'sim.leased' };
  const outcome = await client.ask(
    commands.lease({ ...wish, expiresAt: new Date(expiresAt) }),
    actor,
  );
  if (outcome.kind === 'refused') return undefined;
  directory.leases.push({ holdId, token: 1, isReleased: false });
  return { holdId, token: 1, left, expiresAt };
}

/** Somebody else's lease, under a higher token; only what is added to it is known to be there. */
async function takeOver(
  { world, client, directory }: GatewayParts,
  { actor }: Gateway,
): Promise<LeaseHeld | undefined> {
  const { chance } = world;
  const known = directory.leases.at(-1);
  if (!known || known.isReleased) return undefined;
  const token = ++known.token;
  const left = BigInt(chance.between(1, 50));
  const expiresAt = BEGINNING + world.now() + chance.between(300, 1_500);
  const transactionId = chance.id('transaction', BEGINNING + world.now());
  const wish = { transactionId, reference: transactionId, holdId: known.holdId, token };
  const outcome = await client.ask(
    commands.renew({
      ...wish,
      amount: left,
      expiresAt: new Date(expiresAt),
      reason: 'sim.taken_over',
    }),
    actor,
  );
  if (outcome.kind === 'refused') return undefined;
  return { holdId: known.holdId, token, left, expiresAt };
}

async function useLease(parts: GatewayParts, gateway: Gateway, lease: LeaseHeld): Promise<void> {
  const { world, directory } = parts;
  const { chance } = world;
  const draws: Promise<void>[] = [];
  for (let requests = chance.between(1, 8); requests > 0; requests--) {
    await world.sleep(chance.between(1, 120), gateway.actor);
    const amount = BigInt(chance.between(1, 60));
    if (amount > lease.left || BEGINNING + world.now() >= lease.expiresAt) break; // no serving past it
    lease.left -= amount;
    const inferenceId = chance.id('inference', BEGINNING + world.now());
    const { holdId, token } = lease;
    const intent: Intent = { inferenceId, holdId, token, amount, state: 'served' };
    gateway.intents.push(intent);
    directory.intents.push(intent);
    draws.push(settle(parts, gateway, intent));
  }
  await Promise.all(draws);
  if (chance.happens(0.5)) await giveBack(parts, gateway, lease);
}

async function giveBack(
  { client, directory }: GatewayParts,
  { actor }: Gateway,
  { holdId, token }: LeaseHeld,
): Promise<void> {
  const known = directory.leases.find((one) => one.holdId === holdId);
  if (!known || known.token !== token) return; // another has it
  known.isReleased = true;
  await client.ask(commands.release({ holdId, token, reason: 'sim.given_back' }), actor);
}

async function settleAll(parts: GatewayParts, gateway: Gateway): Promise<void> {
  const open = gateway.intents.filter(({ state }) => state === 'served');
  await Promise.all(open.map((intent) => settle(parts, gateway, intent)));
}

/** Draws for a request under an id of its own, as often as it takes, and routes its fee. */
async function settle(
  { world, client, fees, model }: GatewayParts,
  { actor }: Gateway,
  intent: Intent,
): Promise<void> {
  const { inferenceId, holdId, token, amount } = intent;
  const outcome = await client.ask(
    commands.draw({
      transactionId: transactionIdFor(inferenceId, 'drawn'),
      ...{ holdId, token, reference: inferenceId, reason: 'sim.drawn' },
      postings: [{ to: 'clearing:fees', amount }],
    }),
    actor,
  );
  if (outcome.kind === 'refused') {
    checkLoss(outcome.error.message, intent, { model, fail: world.fail });
    intent.state = 'void'; // the gateway bears it
    return;
  }
  recordRouting(fees, { world, inferenceId, amount });
  intent.state = 'charged';
}

/** A request that was served goes unpaid only where its lease was taken over or its time had passed. */
function checkLoss(why: string, intent: Intent, { model, fail }: Judge): void {
  const { inferenceId, holdId, token } = intent;
  const lease = model.holds.get(holdId);
  const isGone = lease?.token !== token || lease.ended?.kind === 'expire';
  if (isGone || why.includes('has expired')) return;
  fail(`${inferenceId} was served and is not paid for: ${why}`);
}
