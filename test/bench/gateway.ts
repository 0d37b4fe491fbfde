/**
 * What our gateway costs beside a floor and a peer: processor time a request, time added, the first word of a stream, streams held.
 *
 * Each part is a module of `gateway/` and takes the same stand of processes; a further one is a line here, and its rows.
 */
import { measureCosts } from './gateway/cost.ts';
import { holdStreams } from './gateway/held-streams.ts';
import { measureWaits } from './gateway/latency.ts';
import { notesOn, rowsOnCost, rowsOnStreams, rowsOnWaits } from './gateway/rows.ts';
import { type Stand, startStand } from './gateway/stand.ts';
import { benchKeys } from './keys.ts';
import type { Benchmark, Options } from './options.ts';
import type { Scratch } from './scratch.ts';
import type { Row } from './table.ts';

/** Held at once, at scale 1. */
const STREAMS = 2_000;
/** Among which one is known, at scale 1. */
const KEYS = 1_000_000;
/** Requests a second; the goals are for the last. */
const RATES = [100, 250, 500];
const FIRST_WORDS_A_SECOND = 50;

export const gatewayBenchmark: Benchmark = async ({ scratch, options }) => {
  const stand = await startStand(scratch);
  try {
    const costs = await measureCosts(scratch, stand, options);
    const waits = await measureAllWaits(scratch, stand, options);
    const scale = options.scale ?? 1;
    const held = await holdStreams(stand, Math.round(STREAMS * scale));
    const { seconds } = options;
    const known = await benchKeys(scratch, { keys: Math.round(KEYS * scale), seconds });
    return {
      notes: [...notesOn(stand, held), ...known.notes],
      rows: [...rowsOnCost(costs, stand), ...waits, ...rowsOnStreams(held), ...known.rows],
    };
  } finally {
    await stand.end();
  }
};

async function measureAllWaits(
  scratch: Scratch,
  stand: Stand,
  options: Options,
): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const perSecond of RATES) {
    const kind = { perSecond, streamed: false, hasGoal: perSecond === RATES.at(-1) };
    rows.push(...rowsOnWaits(await measureWaits(scratch, stand, options, kind), stand, kind));
  }
  const kind = { perSecond: FIRST_WORDS_A_SECOND, streamed: true, hasGoal: true };
  rows.push(...rowsOnWaits(await measureWaits(scratch, stand, options, kind), stand, kind));
  return rows;
}
