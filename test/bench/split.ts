/** What it costs to pay many: share vectors rolled up, pools of any size, and the arithmetic alone. */
import {
  foldPool,
  type Leg,
  PPM_ONE,
  type Shares,
  shareProducts,
  splitLegs,
  WEIGHT_ONE,
} from '@openledger/protocol';
import { createRandom } from '../../server/compute/random.ts';
import type { Benchmark } from './options.ts';
import { median } from './percentiles.ts';
import type { Scratch } from './scratch.ts';
import { type BenchedFees, benchFees } from './split-fees.ts';
import { createMembers, createPeer, payEach, upsertEach } from './split-peer.ts';
import { drawVectors, partyName, type Vector, weigh } from './split-vectors.ts';
import { figure, mention, type Row } from './table.ts';

/** At scale 1. */
const FULL = { vectors: 10_000, sample: 100, members: 1_000_000, distributions: 10_000 };
const WIDTH = 200;
const PARTIES = 50_000;
const FEW_MEMBERS = 1_000;
/** Parties of a wide share vector: an answer that quotes little pays the whole snapshot. */
const WIDE = 1_017;
const SMOKE_SCALE = 0.02;

const GOAL = { timesUpserts: 20, distributionUs: 20 };

export const splitBenchmark: Benchmark = async ({ scratch, options }) => {
  const scale = options.scale ?? SMOKE_SCALE;
  const size = (full: number) => Math.max(2, Math.round(full * scale));
  const run: Run = {
    scratch,
    fees: await benchFees(scratch.db),
    rounds: options.rounds,
    sizes: {
      vectors: size(FULL.vectors),
      sample: size(FULL.sample),
      members: size(FULL.members),
      distributions: size(FULL.distributions),
    },
  };
  await createPeer(scratch.db);
  const rollUp = await rowOnRollUp(run);
  const pools = await rowsOnPools(run);
  await run.fees.stop();
  return {
    notes: notesOn(run, scale),
    rows: [rollUp, ...pools, ...rowsOnArithmetic(options.seconds)],
  };
};

type Run = {
  readonly scratch: Scratch;
  readonly fees: BenchedFees;
  readonly rounds: number;
  readonly sizes: typeof FULL;
};

async function rowOnRollUp({ scratch, fees, rounds, sizes }: Run): Promise<Row> {
  const sample = [...drawVectors({ count: sizes.sample, width: WIDTH, parties: PARTIES })];
  const oursUs: number[] = [];
  const peerUs: number[] = [];
  for (let round = 1; round <= rounds; round++) {
    mention(`roll-up, round ${round} of ${rounds}`);
    await fees.route(drawVectors({ count: sizes.vectors, width: WIDTH, parties: PARTIES }));
    await scratch.settle();
    oursUs.push((await microseconds(fees.rollUp)) / (sizes.vectors * WIDTH));
    await scratch.settle();
    peerUs.push(
      (await microseconds(() => upsertEach(scratch.db, sample))) / (sizes.sample * WIDTH),
    );
  }
  const [ours, peer] = [median(oursUs), median(peerUs)];
  const all = (us: number) => `${figure((us * sizes.vectors * WIDTH) / 1e6)} s`;
  return {
    what: `roll-up of ${figure(sizes.vectors)} vectors of ${WIDTH} parties`,
    peer: `${all(peer)}, a statement a party (${sizes.sample} vectors, scaled), ${figure(peer)} us each`,
    ours: `${all(ours)}, ${figure(ours)} us each`,
    ratio: peer / ours,
    goal: `>= ${GOAL.timesUpserts}x`,
    reached: peer / ours >= GOAL.timesUpserts,
  };
}

/** Price and pool alone change: whose shares they are is written with the pool, and read when its epoch closes. */
const toPool = (pool: string, count: number): readonly Vector[] =>
  Array.from({ length: count }, (_, i) => ({
    units: 10n ** 15n + BigInt(i),
    shares: [{ to: pool, weight: WEIGHT_ONE }],
  }));

async function rowsOnPools(run: Run): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const members of [FEW_MEMBERS, run.sizes.members]) rows.push(await rowOnPool(run, members));
  return [...rows, rowOnFold(run)];
}

async function rowOnPool({ scratch, fees, rounds, sizes }: Run, members: number): Promise<Row> {
  const pool = `pool:snp_${members.toString(16).padStart(32, '0')}:1`;
  const peerPool = await createMembers(scratch.db, members);
  const oursUs: number[] = [];
  const peerUs: number[] = [];
  for (let round = 1; round <= rounds; round++) {
    mention(`a pool of ${figure(members)}, round ${round} of ${rounds}`);
    await fees.route(toPool(pool, sizes.distributions));
    await scratch.settle();
    oursUs.push((await microseconds(fees.rollUp)) / sizes.distributions);
    await scratch.settle();
    peerUs.push(await microseconds(() => payEach(scratch.db, peerPool, 10n ** 15n)));
  }
  const [ours, peer] = [median(oursUs), median(peerUs)];
  return {
    what: `one distribution to a pool of ${figure(members)} members`,
    peer: `${figure(peer)} us, a row a member`,
    ours: `${figure(ours)} us`,
    ratio: peer / ours,
    goal: `<= ${GOAL.distributionUs} us`,
    reached: ours <= GOAL.distributionUs,
  };
}

/** What the pool puts off: once an epoch, every member gets his part of all its distributions. */
function rowOnFold({ sizes: { members } }: Run): Row {
  const names = Array.from({ length: members }, (_, number) => partyName(number));
  const shares = weigh(names, createRandom(17));
  const begun = performance.now();
  foldPool({ before: 0n, after: 10n ** 18n * WEIGHT_ONE }, shares);
  const tookMs = performance.now() - begun;
  return {
    what: `the fold of that pool, once an epoch, in memory`,
    ours: `${figure(tookMs)} ms, ${figure((tookMs * 1000) / members)} us a member`,
  };
}

function rowsOnArithmetic(seconds: number): readonly Row[] {
  mention('arithmetic');
  const legs: readonly Leg[] = [50_000, 100_000, 200_000, 400_000, 200_000, 50_000].map(
    (ppm, i) => ({ to: `leg${i}`, ppm }),
  );
  const parts = legs.map(({ ppm }) => BigInt(ppm));
  const whole = BigInt(PPM_ONE);
  const shares: Shares = weigh(
    Array.from({ length: WIDE }, (_, number) => partyName(number)),
    createRandom(19),
  );
  const price = 10n ** 18n + 7n;
  return [
    rowOnCall('`splitLegs` of 6 legs', seconds, {
      floor: () => parts.map((part) => (price * part) / whole),
      ours: () => splitLegs(price, legs, 'leg5'),
    }),
    rowOnCall(`exact share products of ${figure(WIDE)} parties`, seconds, {
      floor: () => shares.map(({ weight }) => price * weight),
      ours: () => shareProducts(price, shares),
    }),
  ];
}

const TURNS = 5;

/** @param floor the same multiplications and divisions, and nothing else */
function rowOnCall(
  what: string,
  seconds: number,
  { floor, ours }: { readonly floor: () => unknown; readonly ours: () => unknown },
): Row {
  const floorUs: number[] = [];
  const oursUs: number[] = [];
  for (let turn = 0; turn <= TURNS; turn++) {
    const turnMs = (seconds * 1000) / (2 * TURNS);
    const took = { floor: usPerCall(floor, turnMs), ours: usPerCall(ours, turnMs) };
    if (turn === 0) continue; // the compiler warms up
    floorUs.push(took.floor);
    oursUs.push(took.ours);
  }
  const [least, us] = [median(floorUs), median(oursUs)];
  return {
    what,
    peer: `${figure(least)} us, the bare products`,
    ours: `${figure(us)} us`,
    ratio: least / us,
  };
}

function usPerCall(call: () => unknown, forMs: number): number {
  const begun = performance.now();
  let calls = 0;
  for (; performance.now() < begun + forMs; calls += 10) for (let i = 0; i < 10; i++) call();
  return ((performance.now() - begun) * 1000) / calls;
}

async function microseconds(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return (performance.now() - begun) * 1000;
}

const notesOn = ({ rounds, sizes }: Run, scale: number): readonly string[] => [
  `Scale ${scale}; closed loop, one caller; medians of ${rounds} rounds, ours and its peer in turn; nothing is dropped.`,
  `Parties of a vector: ${WIDTH} of ${figure(PARTIES)} by Zipf's law. A roll-up reads the vectors from PostgreSQL, adds to the ` +
    'entitlements, records its batch and posts the credits to the ledger; the statement a party only adds.',
  `A distribution is one routing that pays a pool whole, ${figure(sizes.distributions)} of them in a roll-up, all its work as above; ` +
    'a row a member is one statement that upserts them all.',
];
