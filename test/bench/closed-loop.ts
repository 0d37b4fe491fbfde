/** A crowd that asks again as soon as it is answered: what a system can do, not how long one waits for it. */

/**
 * @param lanes how many ask at a time
 * @param ask one question of one lane; resolves with how many things were done
 */
export async function closedLoop({
  seconds,
  lanes,
  ask,
}: {
  readonly seconds: number;
  readonly lanes: number;
  readonly ask: (lane: number) => Promise<number>;
}): Promise<{ readonly perSecond: number; readonly done: number }> {
  let inTime = 0;
  let done = 0;
  const begun = performance.now();
  const over = begun + seconds * 1000;
  const lane = async (_: unknown, index: number) => {
    while (performance.now() < over) {
      const count = await ask(index);
      done += count;
      if (performance.now() <= over) inTime += count; // what is answered too late was still work, and counts for its cost
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return { perSecond: inTime / seconds, done };
}
