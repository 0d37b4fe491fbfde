/** Kills processes one kind after the other, and starts them again a moment later. */
import type { Random } from '../../server/compute/random.ts';
import { sleep } from '../../server/platform/clock.ts';
import { restartPostgres } from '../crash/kill.ts';
import { chanceOf } from '../harness/mock-operator/faults.ts';
import type { Outcome } from '../load/client.ts';
import type { NamedProcess } from '../load/named-process.ts';
import type { World } from '../load/world.ts';

/** `stop` is a gateway that is asked to end, and ends well. */
const KINDS = ['operator', 'gateway', 'worker', 'stop', 'postgres', 'gateway'] as const;
type Kind = (typeof KINDS)[number];

export type Kills = {
  readonly counts: Record<Kind, number>;
  /** @returns what says that it is over */
  begin(kind: Kind, name: string): () => void;
  /** Whether the call's own gateway, or the database, was away while it lasted. */
  isNear(outcome: Outcome): boolean;
};

/** So long after PostgreSQL is back, calls of gateways that lost their connection may still be taken for abandoned. */
const AFTERMATH_MS = 10_000;

export function createKills(): Kills {
  const all: { readonly kind: Kind; readonly name: string; readonly from: number; to: number }[] =
    [];
  const counts = { operator: 0, gateway: 0, worker: 0, stop: 0, postgres: 0 };
  return {
    counts,
    begin(kind, name) {
      counts[kind] += 1;
      const one = { kind, name, from: Date.now(), to: Number.POSITIVE_INFINITY };
      all.push(one);
      return () => {
        one.to = Date.now();
      };
    },
    isNear: ({ startedAt, endedAt, wish }) =>
      all.some(({ kind, name, from, to }) => {
        if (kind === 'operator' || kind === 'worker') return false;
        const isMine = kind === 'postgres' || name === wish.gateway;
        const over = kind === 'postgres' ? to + AFTERMATH_MS : to;
        return isMine && startedAt <= over && endedAt >= from;
      }),
  };
}

export async function killUntil(
  world: World,
  {
    kills,
    seed,
    until,
    tell,
  }: {
    readonly kills: Kills;
    readonly seed: number;
    readonly until: number;
    readonly tell: (line: string) => void;
  },
): Promise<void> {
  const chance = chanceOf(seed, 'kills');
  for (let turn = 0; ; turn++) {
    await sleep(500 + chance.below(2_500));
    if (Date.now() > until) return;
    const [kind, from] = [KINDS[turn % KINDS.length], Date.now()];
    const name = await kill(world, { kills, chance, kind });
    tell(`${kind}: ${name} was away for ${Date.now() - from} ms`);
  }
}

type Blow = { readonly kills: Kills; readonly chance: Random; readonly kind: Kind };

async function kill(world: World, { kills, chance, kind }: Blow): Promise<string> {
  const pick = (all: readonly NamedProcess[]) => all[chance.below(all.length)];
  const strike = async (victim: NamedProcess, signal: 'SIGKILL' | 'SIGTERM') => {
    const over = kills.begin(kind, victim.name);
    await victim.end(signal);
    await sleep(chance.below(800));
    await victim.start();
    over();
    return victim.name;
  };
  switch (kind) {
    case 'operator':
      return strike(pick(world.operators), 'SIGKILL');
    case 'worker':
      return strike(pick(world.workers), 'SIGKILL');
    case 'gateway': // the first one lives long, so that its memory can be watched
      return strike(pick(world.gateways.slice(1)), 'SIGKILL');
    case 'stop':
      return strike(pick(world.gateways.slice(1)), 'SIGTERM');
    case 'postgres': {
      const over = kills.begin(kind, kind);
      process.kill(world.postgres.pid, 'SIGKILL');
      await sleep(chance.below(400));
      const { postgresFolder: folder, databasePort: port } = world;
      world.postgres = await restartPostgres({ folder, port });
      over();
      return kind;
    }
  }
}
