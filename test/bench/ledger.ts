/** What the ledger can carry: fee splits a second, bytes a posting, the wait for an answer, and the audit. */
import { createRandom } from '../../server/compute/random.ts';
import { createLedger, type Ledger } from '../../server/ledger/index.ts';
import { systemClock } from '../../server/platform/clock.ts';
import { createLog } from '../../server/platform/log.ts';
import { closedLoop } from './closed-loop.ts';
import { cpuTime } from './cpu.ts';
import {
  accountNames,
  type Crowd,
  createCrowd,
  fundPayers,
  POSTINGS,
  type Split,
  wishOf,
} from './ledger-crowd.ts';
import { createRowLedger } from './ledger-peer.ts';
import { growth, HISTORY, historyComplete, type Sizes, sizesOf, total } from './ledger-size.ts';
import { openLoop } from './open-loop.ts';
import type { Benchmark, Options } from './options.ts';
import { median, percentile } from './percentiles.ts';
import { PGBENCH, type Pgbench, preparePgbench } from './pgbench.ts';
import type { Scratch } from './scratch.ts';
import { figure, mention, type Row } from './table.ts';

const PAYERS = 9_000;
/** 16 callers with 250 wishes each: 4,000 outstanding. */
const CALLERS = 16;
const WISHES = 250;
const PEER_CONNECTIONS = 16;
/** Fewer callers meet less often at the hot rows, so on few cores the peer does better with fewer. */
const PEER_FEW = 4;
const MOST_OUTSTANDING = 10_000;

const GOAL = {
  timesRowLedger: 20,
  timesPgbench: 5,
  perSecond: 25_000,
  oneHotToEven: 0.95,
  bytesAPosting: 80,
  p99Ms: 30,
  auditedPostings: 1e6,
};

export const ledgerBenchmark: Benchmark = async ({ scratch, options }) => {
  const crowd = createCrowd({ payers: Math.round(PAYERS * (options.scale ?? 1)) });
  const names = accountNames(crowd);
  const log = createLog((line) => void process.stderr.write(line));
  const ledger = createLedger({ db: scratch.db, clock: systemClock, log: { ...log, info() {} } });
  await ledger.start();
  await fundPayers(ledger, { payers: crowd.payers, names });
  const rowLedger = await createRowLedger(scratch.db, { crowd, connections: PEER_CONNECTIONS });
  const pgbench = await preparePgbench(await scratch.createDatabase('pgbench'));
  const bench: Bench = { scratch, ledger, names };

  mention('warming up');
  await ourWindow(bench, { seconds: 1, draw: crowd.uneven });
  await peerWindow(bench, {
    ...{ seconds: 1, draw: crowd.uneven },
    ...{ post: rowLedger.post, connections: PEER_CONNECTIONS },
  });

  const before = await sizesOf(scratch.db);
  const rounds = await takeTurns(bench, { options, crowd, pgbench, post: rowLedger.post });
  await rowLedger.close();
  const wait = await waitAtHalf(bench, { options, crowd, perSecond: rounds.uneven.perSecond / 2 });
  await historyComplete(scratch.db);
  const grown = growth(before, await sizesOf(scratch.db));
  const postings = (rounds.done + wait.latenciesMs.length) * POSTINGS;
  const audited = await timeAudit(ledger);
  await ledger.stop();

  return {
    notes: notesOn({ crowd, rounds, grown, postings }),
    rows: [
      ...rowsOnSpeed(rounds),
      ...rowsOnSize(grown, postings),
      rowOnWaiting(wait, rounds.uneven.perSecond / 2),
      rowOnAudit(audited),
    ],
  };
};

type Bench = {
  readonly scratch: Scratch;
  readonly ledger: Ledger;
  readonly names: readonly string[];
};

type Draw = () => Split;

/** One window's result. Processor time is in microseconds a split, what is written behind the log included. */
type Window = {
  readonly perSecond: number;
  readonly done: number;
  readonly node: number;
  readonly postgres: number;
  /** How long the history needed after the window to catch up. */
  readonly behindSeconds: number;
};

async function ourWindow(
  { scratch, ledger, names }: Bench,
  { seconds, draw }: { readonly seconds: number; readonly draw: Draw },
): Promise<Window> {
  return measured(scratch, () =>
    closedLoop({
      seconds,
      lanes: CALLERS,
      ask: async () => {
        const wishes = Array.from({ length: WISHES }, () => wishOf(draw(), names));
        const answers = await ledger.postAll(wishes);
        const refused = answers.find(({ kind }) => kind !== 'posted');
        if (refused) throw new Error('A refused split measures nothing.', { cause: refused });
        return answers.length;
      },
    }),
  );
}

async function peerWindow(
  { scratch }: Bench,
  {
    seconds,
    draw,
    post,
    connections,
  }: {
    readonly seconds: number;
    readonly connections: number;
    readonly draw: Draw;
    readonly post: (split: Split) => Promise<void>;
  },
): Promise<Window> {
  return measured(scratch, () =>
    closedLoop({ seconds, lanes: connections, ask: () => post(draw()).then(() => 1) }),
  );
}

async function measured(
  scratch: Scratch,
  window: () => ReturnType<typeof closedLoop>,
): Promise<Window> {
  await scratch.settle();
  const before = await cpuTime(scratch.pid);
  const { perSecond, done } = await window();
  const behindSeconds = await historyComplete(scratch.db);
  const after = await cpuTime(scratch.pid);
  return {
    perSecond,
    done,
    behindSeconds,
    node: (after.node - before.node) / done,
    postgres: (after.postgres - before.postgres) / done,
  };
}

type Rounds = {
  readonly uneven: Window;
  readonly rowLedger: Window;
  readonly rowLedgerFew: Window;
  /** Transactions a second; undefined where there is no pgbench. */
  readonly pgbench: number | undefined;
  readonly even: Window;
  readonly oneHot: Window;
  /** Splits in our ledger, all windows together. */
  readonly done: number;
};

/** Everything in turn, again and again, so that the machine's moods meet all alike; then the medians. */
async function takeTurns(
  bench: Bench,
  {
    options: { seconds, rounds },
    crowd,
    pgbench,
    post,
  }: {
    readonly options: Options;
    readonly crowd: Crowd;
    readonly pgbench: Pgbench | undefined;
    readonly post: (split: Split) => Promise<void>;
  },
): Promise<Rounds> {
  const uneven: Window[] = [];
  const rowLedger: Window[] = [];
  const rowLedgerFew: Window[] = [];
  const tps: number[] = [];
  const even: Window[] = [];
  const oneHot: Window[] = [];
  for (let round = 1; round <= rounds; round++) {
    mention(`round ${round} of ${rounds}`);
    uneven.push(await ourWindow(bench, { seconds, draw: crowd.uneven }));
    const peer = { seconds, draw: crowd.uneven, post };
    rowLedger.push(await peerWindow(bench, { ...peer, connections: PEER_CONNECTIONS }));
    rowLedgerFew.push(await peerWindow(bench, { ...peer, connections: PEER_FEW }));
    even.push(await ourWindow(bench, { seconds, draw: crowd.even }));
    oneHot.push(await ourWindow(bench, { seconds, draw: crowd.oneHot }));
    if (!pgbench) continue;
    await bench.scratch.settle();
    tps.push(await pgbench.measure(seconds));
  }
  return {
    uneven: middleOf(uneven),
    rowLedger: middleOf(rowLedger),
    rowLedgerFew: middleOf(rowLedgerFew),
    pgbench: pgbench && median(tps),
    even: middleOf(even),
    oneHot: middleOf(oneHot),
    done: [...uneven, ...even, ...oneHot].reduce((sum, { done }) => sum + done, 0),
  };
}

function middleOf(windows: readonly Window[]): Window {
  const middle = (of: keyof Window) => median(windows.map((window) => window[of]));
  return {
    perSecond: middle('perSecond'),
    done: middle('done'),
    node: middle('node'),
    postgres: middle('postgres'),
    behindSeconds: middle('behindSeconds'),
  };
}

async function waitAtHalf(
  { scratch, ledger, names }: Bench,
  {
    options,
    crowd,
    perSecond,
  }: { readonly options: Options; readonly crowd: Crowd; readonly perSecond: number },
) {
  mention('waiting times');
  await scratch.settle();
  return openLoop({
    seconds: options.seconds,
    perSecond,
    mostOutstanding: MOST_OUTSTANDING,
    random: createRandom(11),
    ask: () => ledger.post(wishOf(crowd.uneven(), names)),
  });
}

async function timeAudit(ledger: Ledger): Promise<{ postings: number; seconds: number }> {
  mention('audit');
  const begun = performance.now();
  const report = await ledger.audit();
  const seconds = (performance.now() - begun) / 1000;
  if (!report.ok) throw new Error('The audit found a difference.', { cause: report });
  return { postings: report.postings, seconds };
}

function rowsOnSpeed({
  uneven,
  rowLedger,
  rowLedgerFew,
  pgbench,
  even,
  oneHot,
}: Rounds): readonly Row[] {
  const what = `durable fee splits, ${POSTINGS + 1} legs`;
  const rate = ({ perSecond }: Window) => `${figure(perSecond)}/s`;
  const times = (goal: number, peer: number) => ({
    ratio: uneven.perSecond / peer,
    goal: `>= ${goal}x`,
    reached: uneven.perSecond / peer >= goal,
  });
  const cpu = (process: 'node' | 'postgres', name: string): Row => ({
    what: `CPU of ${name} a split`,
    peer: `${figure(rowLedger[process])} us, (a)`,
    ours: `${figure(uneven[process])} us`,
    ratio: rowLedger[process] / uneven[process],
  });
  const hotRatio = oneHot.perSecond / even.perSecond;
  return [
    {
      what,
      peer: `(a) ${rate(rowLedger)}, a transaction a split, ${PEER_CONNECTIONS} connections`,
      ours: rate(uneven),
      ...times(GOAL.timesRowLedger, rowLedger.perSecond),
    },
    {
      what,
      peer: `(a) ${rate(rowLedgerFew)}, the same over ${PEER_FEW} connections`,
      ours: rate(uneven),
      ratio: uneven.perSecond / rowLedgerFew.perSecond,
    },
    pgbench === undefined
      ? { what, peer: '(b) skipped: no pgbench here', ours: rate(uneven) }
      : {
          what,
          peer: `(b) ${figure(pgbench)}/s, ${PGBENCH}`,
          ours: rate(uneven),
          ...times(GOAL.timesPgbench, pgbench),
        },
    {
      what,
      ours: rate(uneven),
      goal: `>= ${figure(GOAL.perSecond)}/s`,
      reached: uneven.perSecond >= GOAL.perSecond,
    },
    {
      what: 'the same, one account in every split',
      peer: `${rate(even)}, accounts drawn evenly`,
      ours: rate(oneHot),
      ratio: hotRatio,
      goal: `>= ${GOAL.oneHotToEven}`,
      reached: hotRatio >= GOAL.oneHotToEven,
    },
    cpu('node', 'node, crowd included,'),
    cpu('postgres', 'PostgreSQL'),
  ];
}

function rowsOnSize(grown: Sizes, postings: number): readonly Row[] {
  const all = total(grown) / postings;
  const history = (grown.get(HISTORY) ?? 0) / postings;
  return [
    {
      what: 'bytes stored a posting, indexes included',
      ours: `${figure(all)} B`,
      goal: `<= ${GOAL.bytesAPosting} B`,
      reached: all <= GOAL.bytesAPosting,
    },
    { what: 'of these, the log and its balances', ours: `${figure(all - history)} B` },
    { what: "of these, the follower's history", ours: `${figure(history)} B` },
  ];
}

function rowOnWaiting(
  { latenciesMs, offered, dropped }: Awaited<ReturnType<typeof openLoop>>,
  perSecond: number,
): Row {
  const [p50, p99, most] = [0.5, 0.99, 1].map((part) => percentile(latenciesMs, part));
  return {
    what: `wait for the answer, open loop at ${figure(perSecond)}/s`,
    ours:
      `p50 ${figure(p50)}, p99 ${figure(p99)}, max ${figure(most)} ms; ` +
      `${dropped} of ${offered} dropped`,
    goal: `p99 <= ${GOAL.p99Ms} ms`,
    reached: p99 <= GOAL.p99Ms && dropped === 0,
  };
}

const rowOnAudit = ({ postings, seconds }: { postings: number; seconds: number }): Row => ({
  what: 'replay and audit of the whole log',
  ours: `${figure(postings / seconds)} postings/s`,
  goal: `>= ${figure(GOAL.auditedPostings)}/s`,
  reached: postings / seconds >= GOAL.auditedPostings,
});

function notesOn({
  crowd,
  rounds,
  grown,
  postings,
}: {
  readonly crowd: Crowd;
  readonly rounds: Rounds;
  readonly grown: Sizes;
  readonly postings: number;
}): readonly string[] {
  const sizes = [...grown]
    .sort(([, a], [, b]) => b - a)
    .map(([name, bytes]) => `${name} ${figure(bytes / postings)}`);
  return [
    `Closed loop: ${CALLERS} callers, each with ${WISHES} splits in one \`postAll\`; ${figure(crowd.payers)} payers. ` +
      'Medians; ours and its peers in turn.',
    'The crowd and the writer are one process: drawing, naming and answering a split is on our account.',
    `History by account is written behind the log; after a window it needed ${figure(rounds.uneven.behindSeconds)} s more to catch up. ` +
      'Its processor time and its bytes are counted, the wait is not.',
    `Open loop: Poisson arrivals, latency from the moment due, dropped beyond ${figure(MOST_OUTSTANDING)} outstanding.`,
    `Bytes a posting by table: ${sizes.join(', ')}.`,
  ];
}
