/** What everything in a simulation shares: time, chance, how much goes wrong, the trace, and the first fault that was found. */
import { createHash } from 'node:crypto';
import { type Chance, createChance } from './chance.ts';
import { type Actor, createScheduler, type Scheduler } from './scheduler.ts';

/** How often things go wrong, 0 to 1. A seed turns some of them off, so that the others are seen alone as well. */
export type Faults = {
  readonly loss: number;
  readonly duplicate: number;
  readonly slow: number;
  readonly readFails: number;
  readonly commitFails: number;
  readonly crash: number;
  readonly pause: number;
};

export type World = Scheduler & {
  readonly seed: number;
  readonly chance: Chance;
  readonly faults: () => Faults;
  /** No new work and no more faults: what was begun is finished. */
  readonly isQuiet: () => boolean;
  readonly calm: () => void;
  readonly trace: (actor: string, event: string) => void;
  readonly traceHash: () => string;
  /** Keeps the first. */
  readonly fail: (fault: string) => void;
  readonly fault: () => string | undefined;
  /** Delivers, or not, once or twice, sooner or later. */
  readonly send: (to: Actor, act: () => void) => void;
};

/** Where virtual time begins. */
export const BEGINNING = Date.UTC(2026, 0, 1);

const NONE: Faults = {
  loss: 0,
  duplicate: 0,
  slow: 0,
  readFails: 0,
  commitFails: 0,
  crash: 0,
  pause: 0,
};

export function createWorld(seed: number, say: (line: string) => void = () => {}): World {
  const chance = createChance(seed);
  const scheduler = createScheduler();
  const hash = createHash('sha256');
  const stormy = drawFaults(chance);
  let isQuiet = false;
  let fault: string | undefined;
  const faults = () => (isQuiet ? NONE : stormy);

  const trace = (actor: string, event: string) => {
    const line = `${scheduler.now()} ${actor} ${event}\n`;
    hash.update(line);
    say(line);
  };
  return {
    ...scheduler,
    seed,
    chance,
    faults,
    isQuiet: () => isQuiet,
    calm: () => {
      isQuiet = true;
      trace('world', 'calm');
    },
    trace,
    traceHash: () => hash.copy().digest('hex'),
    fail: (found) => {
      fault ??= found;
      trace('oracle', found);
    },
    fault: () => fault,
    send(to, act) {
      const { loss, duplicate, slow } = faults();
      const copies = chance.happens(duplicate) ? 2 : 1;
      for (let copy = 0; copy < copies; copy++) {
        if (chance.happens(loss)) continue;
        const delayMs = chance.happens(slow) ? chance.between(50, 900) : chance.between(1, 8);
        scheduler.after(delayMs, act, to);
      }
    },
  };
}

function drawFaults({ happens, between }: Chance): Faults {
  const sometimes = (percent: number) => (happens(0.7) ? between(1, percent) / 100 : 0);
  return {
    loss: sometimes(15),
    duplicate: sometimes(25),
    slow: sometimes(20),
    readFails: sometimes(3),
    commitFails: sometimes(12),
    crash: sometimes(40),
    pause: sometimes(40),
  };
}
