/** Writes segments: few records here and now, many in processes of their own, so that nobody waits for them. */
import { availableParallelism } from 'node:os';
import { startChild } from '../../platform/child.ts';
import type { SegmentOrder, SegmentReport } from './builder-process.ts';
import { writeSegment } from './segment-file.ts';
import { buildColumns } from './shard-columns.ts';

/** Characters that are built sooner than a process is started. */
const FEW_CHARACTERS = 2_000_000;

/** @throws Error when a builder dies or cannot write; what it has written by then is nobody's */
export async function buildSegments(
  orders: readonly SegmentOrder[],
  processes = availableParallelism(),
): Promise<void> {
  const characters = orders.reduce(
    (sum, { records }) => records.reduce((all, { text }) => all + text.length, sum),
    0,
  );
  if (characters <= FEW_CHARACTERS) {
    for (const { path, records } of orders) writeSegment(path, buildColumns(records));
    return;
  }
  const waiting = [...orders];
  const builders = Array.from({ length: Math.min(processes, orders.length) }, () =>
    buildInTurn(waiting),
  );
  await Promise.all(builders);
}

/** One process, that takes what is waiting until nothing is. */
function buildInTurn(waiting: SegmentOrder[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = startChild<SegmentOrder, SegmentReport>(
      new URL('./builder-process.ts', import.meta.url),
    );
    const next = () => {
      const order = waiting.shift();
      if (order) return child.send(order);
      child.kill();
      resolve();
    };
    child.onMessage(({ failure }) => {
      if (failure === undefined) return next();
      child.kill();
      reject(new Error(`A segment could not be built: ${failure}`));
    });
    child.onExit((reason) => reject(new Error(`The builder of segments stopped: ${reason}`)));
    next();
  });
}
