/** Parties who pay in, pay each other, hold, capture, release and take back, and the sweep that ends what they forgot. */
import { type Id, OPEN } from '@openledger/protocol';
import type { Outcome } from '../../server/ledger/apply.ts';
import { commands } from '../../server/ledger/command.ts';
import type { Client } from './client.ts';
import type { Disk } from './disk.ts';
import { type Actor, createActor } from './scheduler.ts';
import { BEGINNING, type World } from './world.ts';

export type Parts = { readonly world: World; readonly client: Client; readonly disk: Disk };

export const PAYERS = ['alice', 'bob', 'carol', 'dave'] as const;
const ASSETS = [OPEN, 'USD'] as const;

/** @returns when this party has finished what it began */
export async function livePayer(parts: Parts, name: string): Promise<void> {
  const { world, client } = parts;
  const { chance } = world;
  const actor = createActor(name);
  const mine: Id<'transaction'>[] = [];
  await deposit(parts, { actor, name, asset: OPEN, amount: BigInt(chance.between(200, 3000)) });
  while (!world.isQuiet()) {
    await world.sleep(chance.between(1, 150), actor);
    const act = chance.between(0, 9);
    if (act === 0) {
      const amount = BigInt(chance.between(1, 500));
      await deposit(parts, { actor, name, asset: chance.pick(ASSETS), amount });
    } else if (act < 5) {
      const outcome = await transfer(parts, { actor, name });
      if (outcome.kind === 'posted') mine.push(outcome.transaction.transactionId);
    } else if (act < 8) {
      await useHold(parts, { actor, name });
    } else if (mine.length > 0) {
      const reverses = chance.pick(mine);
      const amount = chance.happens(0.8) ? BigInt(chance.between(1, 40)) : undefined;
      const id = chance.id('transaction', BEGINNING + world.now());
      const wish = { transactionId: id, reason: 'sim.reversed', reference: id, reverses, amount };
      await client.ask(commands.reverse(wish), actor);
    }
  }
}

type Who = { readonly actor: Actor; readonly name: string };

function deposit(
  { world, client }: Parts,
  { actor, name, asset, amount }: Who & { readonly asset: string; readonly amount: bigint },
): Promise<Outcome> {
  const id = world.chance.id('transaction', BEGINNING + world.now());
  const postings = [{ from: 'external:bank', to: `${name}:available`, amount, asset }];
  const wish = { transactionId: id, reason: 'sim.paid_in', reference: id, postings };
  return client.ask(commands.post(wish), actor);
}

function transfer({ world, client }: Parts, { actor, name }: Who): Promise<Outcome> {
  const { chance } = world;
  const id = chance.id('transaction', BEGINNING + world.now());
  const postings = Array.from({ length: chance.between(1, 3) }, () => ({
    from: `${name}:available`,
    to: `${chance.pick(PAYERS.filter((other) => other !== name))}:available`,
    amount: BigInt(chance.happens(0.1) ? 100_000 : chance.between(1, 60)),
    asset: chance.pick(ASSETS),
  }));
  const wish = { transactionId: id, reason: 'sim.paid', reference: id, postings };
  return client.ask(commands.post(wish), actor);
}

async function useHold({ world, client }: Parts, { actor, name }: Who): Promise<void> {
  const { chance } = world;
  const holdId = chance.id('hold', BEGINNING + world.now());
  const amount = chance.between(5, 200);
  const expiresAt = new Date(BEGINNING + world.now() + chance.between(50, 1_500));
  const [from, to] = [`${name}:available`, `${name}:held`];
  const begun = await client.ask(
    commands.hold({ holdId, from, to, amount: BigInt(amount), expiresAt, reason: 'sim.held' }),
    actor,
  );
  if (begun.kind === 'refused') return;
  await world.sleep(chance.between(0, 300), actor);
  const end = chance.between(0, 3);
  if (end === 0) return; // the sweep's to end
  if (end === 1) {
    await client.ask(commands.release({ holdId, reason: 'sim.released' }), actor);
    return;
  }
  const paid = BigInt(
    chance.happens(0.2) ? amount + chance.between(1, 5) : amount - chance.between(0, 4),
  );
  const postings = [{ to: 'shop:available', amount: paid }];
  await client.ask(commands.capture({ holdId, postings, reason: 'sim.captured' }), actor);
}

/** Ends holds whose time is over, for as long as the world lasts. */
export async function sweep(
  { world, client, disk }: Parts,
  { name, isOver }: { readonly name: string; readonly isOver: () => boolean },
): Promise<void> {
  const actor = createActor(name);
  while (!isOver()) {
    await world.sleep(world.chance.between(20, 80), actor);
    const now = BEGINNING + world.now() + world.chance.between(0, 60); // its clock may be ahead
    const due = [...disk.holds.values()].filter(({ expiresAt }) => expiresAt.getTime() <= now);
    await Promise.all(due.map(({ holdId }) => client.ask(commands.expire(holdId), actor)));
  }
}
