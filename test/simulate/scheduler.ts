/** Virtual time: events in order of their moment, and of their making where that is the same. Nothing waits for a real clock. */

/** Something that runs, stands still and dies. What was to happen to it happens when it wakes, or never. */
export type Actor = {
  readonly name: string;
  isAlive: boolean;
  pausedUntil: number;
};

export const createActor = (name: string): Actor => ({ name, isAlive: true, pausedUntil: 0 });

export type Scheduler = {
  /** Milliseconds since the simulation began. */
  readonly now: () => number;
  /** @param owner without one it happens whatever becomes of the others: the world, the disk, the wire */
  readonly after: (delayMs: number, act: () => void, owner?: Actor) => void;
  /** Never resolves when the owner dies meanwhile. */
  readonly sleep: (delayMs: number, owner?: Actor) => Promise<void>;
  /** Runs until nothing is left, the time is over, or it is told to end. @returns how many events there were */
  readonly run: (untilMs: number, isOver: () => boolean) => Promise<number>;
};

type Event = {
  readonly at: number;
  readonly order: number;
  readonly act: () => void;
  readonly owner?: Actor;
};

export function createScheduler(): Scheduler {
  const heap: Event[] = [];
  let now = 0;
  let order = 0;

  const after = (delayMs: number, act: () => void, owner?: Actor): void => {
    push(heap, { at: now + delayMs, order: order++, act, owner });
  };
  return {
    now: () => now,
    after,
    sleep: (delayMs, owner) => new Promise((wake) => after(delayMs, wake, owner)),
    async run(untilMs, isOver) {
      let events = 0;
      while (heap.length > 0 && heap[0].at <= untilMs && !isOver()) {
        const { at, act, owner } = pop(heap);
        now = at;
        if (owner && !owner.isAlive) continue;
        if (owner && owner.pausedUntil > now) {
          after(owner.pausedUntil - now, act, owner);
          continue;
        }
        act();
        events++;
        await settled();
      }
      return events;
    },
  };
}

/** Resolves when every promise that can go on has: Node runs a tick only when no microtask is left. */
const settled = (): Promise<void> => new Promise((resume) => process.nextTick(resume));

const isEarlier = (a: Event, b: Event): boolean =>
  a.at < b.at || (a.at === b.at && a.order < b.order);

function push(heap: Event[], event: Event): void {
  let at = heap.push(event) - 1;
  while (at > 0) {
    const above = (at - 1) >> 1;
    if (!isEarlier(event, heap[above])) break;
    heap[at] = heap[above];
    at = above;
  }
  heap[at] = event;
}

function pop(heap: Event[]): Event {
  const first = heap[0];
  const last = heap.pop()!;
  if (heap.length === 0) return first;
  let at = 0;
  for (;;) {
    let below = 2 * at + 1;
    if (below >= heap.length) break;
    if (below + 1 < heap.length && isEarlier(heap[below + 1], heap[below])) below++;
    if (!isEarlier(heap[below], last)) break;
    heap[at] = heap[below];
    at = below;
  }
  heap[at] = last;
  return first;
}
