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
  let last = over; // the last answer in time: answers come in batches, and a window's end cuts through one
  const lane = async (_: unknown, index: number) => {
    while (performance.now() < over) {
      const count = await ask(index);
      done += count;
      if (performance.now() > over) return; // too late to count for the rate, but it was work and counts for its cost
      inTime += count;
      last = performance.now();
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return { perSecond: (inTime * 1000) / (last - begun), done };
}
