/** Clients of every kind, each with one request at a time. What they ask for follows from the seed. */
import type { Random } from '../../server/compute/random.ts';
import { sleep } from '../../server/platform/clock.ts';
import { chanceOf } from '../harness/mock-operator/faults.ts';
import { call, type Outcome, type Wish } from '../load/client.ts';
import type { World } from '../load/world.ts';
import type { ChaosPlan } from './chaos.ts';

/** @returns what each of them saw, when the last one has his answer */
export async function askUntil(
  world: World,
  { clients, seed }: ChaosPlan,
  until: number,
): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  const client = async (number: number): Promise<void> => {
    const chance = chanceOf(seed, 'client', number);
    for (let turn = 0; Date.now() < until; turn++) {
      const outcome = await call(wishOf(world, { tag: `c${number}-${turn}`, chance }));
      outcomes.push(outcome);
      await sleep(outcome.kind === 'lost' ? 200 : chance.below(60));
    }
  };
  await Promise.all(Array.from({ length: clients }, (_, number) => client(number)));
  return outcomes;
}

function wishOf(
  { gateways, models, payers }: World,
  { tag, chance }: { readonly tag: string; readonly chance: Random },
): Wish {
  const pick = <T>(all: readonly T[]): T => all[chance.below(all.length)];
  const gateway = pick(gateways);
  const completionTokens = 1 + chance.below(pick([4, 40, 400]));
  const stream = chance.below(3) > 0;
  return {
    ...{ tag, gateway: gateway.name, url: gateway.url, model: pick(models), stream },
    secret: pick(pick(payers).keys).secret,
    route: pick(['chat', 'messages']),
    promptTokens: 2 + chance.below(pick([10, 300])),
    completionTokens,
    // Now and then less than the operator would say.
    maxTokens: Math.max(1, completionTokens + chance.below(60) - 10),
    leavesAfter: chance.below(8) === 0 ? 1 + chance.below(completionTokens) : undefined,
    patienceMs: chance.below(12) === 0 ? 1 + chance.below(300) : 3_000 + chance.below(5_000),
  };
}
