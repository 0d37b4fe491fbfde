/** Streams that are open all at once and hear a word now and then: what each of them takes of a new gateway's memory. */
import { sleep } from '../../../server/platform/clock.ts';
import { mention } from '../table.ts';
import { type Caller, createCaller } from './caller.ts';
import type { Gateway, Stand } from './stand.ts';

/** So many knock at a time; the others come when these hear their first word. */
const DOOR = 32;
const WARM_UP_PART = 0.1;
/** Each hears two words meanwhile. */
const HOLD_MS = 11_000;

export type HeldStreams = {
  readonly wanted: number;
  /** Open at once, each after its first word. */
  readonly open: number;
  readonly complete: number;
  readonly openingSeconds: number;
  /** A stream, in bytes. */
  readonly resident: number;
  readonly heap: number;
  readonly failure: string | undefined;
};

export async function holdStreams(stand: Stand, wanted: number): Promise<HeldStreams> {
  const gateway = await stand.restart();
  mention('held streams: warming up');
  await hold(stand, {
    gateway,
    streams: Math.ceil(wanted * WARM_UP_PART),
    meanwhile: async () => {},
  });
  const before = await memoryOf(gateway);
  mention(`holding ${wanted} streams`);
  let after = before;
  let open = 0;
  const begun = performance.now();
  let openingSeconds = 0;
  const held = await hold(stand, {
    gateway,
    streams: wanted,
    async meanwhile(caller) {
      openingSeconds = (performance.now() - begun) / 1000;
      await sleep(HOLD_MS);
      open = caller.open();
      after = await memoryOf(gateway);
    },
  });
  const a = (bytes: 'rss' | 'heap') => (after[bytes] - before[bytes]) / wanted;
  return { wanted, open, openingSeconds, resident: a('rss'), heap: a('heap'), ...held };
}

async function hold(
  { operator }: Stand,
  {
    gateway,
    streams,
    meanwhile,
  }: {
    readonly gateway: Gateway;
    readonly streams: number;
    readonly meanwhile: (caller: Caller) => Promise<void>;
  },
): Promise<{ readonly complete: number; readonly failure: string | undefined }> {
  const caller = createCaller(gateway);
  let begun = 0;
  const knock = async () => {
    while (begun < streams) {
      begun++;
      await caller.firstWord('held').catch(() => {}); // it is missing from those that are complete
    }
  };
  await Promise.all(Array.from({ length: DOOR }, knock));
  await meanwhile(caller);
  operator.send('finish');
  const failure = await caller.close().then(
    () => undefined,
    (error: unknown) => String(error),
  );
  return { complete: caller.complete(), failure };
}

/** Twice: what the first collection frees is given back to the system a moment later. */
async function memoryOf(
  gateway: Gateway,
): Promise<{ readonly rss: number; readonly heap: number }> {
  await gateway.ask('memory');
  await sleep(2_000);
  const { rss, heapUsed, external } = await gateway.ask<NodeJS.MemoryUsage>('memory');
  return { rss, heap: heapUsed + external };
}
