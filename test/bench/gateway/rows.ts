/** What was measured of the gateway, for people. */
import { figure, type Row } from '../table.ts';
import { CONNECTIONS, type Cost, type Costs, RUN_IN_SECONDS } from './cost.ts';
import type { HeldStreams } from './held-streams.ts';
import { MOST_OUTSTANDING, type Wait, type Waits } from './latency.ts';
import { ADAPTER, PORTKEY } from './portkey.ts';
import { WORDS } from './speech.ts';
import type { Stand } from './stand.ts';

const GOAL = {
  timesBare: 3,
  timesPortkey: 5,
  costUs: 150,
  addedMs: { p50: 1.5, p99: 5 },
  firstWordMs: 2,
  bytesAStream: 50_000,
};

export function rowsOnCost(
  { of, after, besideWorker }: Costs,
  { direct, bare, portkey, ours }: Stand,
): readonly Row[] {
  const [mine, floor] = [of.get(ours) as Cost, of.get(bare) as Cost];
  const peer = typeof portkey === 'string' ? undefined : of.get(portkey);
  const what = 'CPU of the gateway process a request';
  const us = (value: number) => `${figure(value)} us`;
  const rate = (perSecond: number) => `${figure(perSecond)}/s`;
  const cost = us(mine.own);
  return [
    {
      ...{ what, ours: cost, peer: `${us(floor.own)}, the bare proxy` },
      ratio: floor.own / mine.own,
      goal: `<= ${GOAL.timesBare}x the proxy's`,
      reached: mine.own <= GOAL.timesBare * floor.own,
    },
    peer
      ? {
          ...{ what, ours: cost, peer: `${us(peer.own)}, Portkey`, ratio: peer.own / mine.own },
          goal: `>= ${GOAL.timesPortkey}x`,
          reached: peer.own >= GOAL.timesPortkey * mine.own,
        }
      : { what, ours: cost, peer: 'skipped: no Portkey here' },
    { what, ours: cost, goal: `<= ${GOAL.costUs} us`, reached: mine.own <= GOAL.costUs },
    { what: 'CPU of PostgreSQL a request, for the gateway', ours: us(mine.postgresServing) },
    { what: 'CPU of PostgreSQL a request, all of it', ours: us(mine.postgres) },
    { what: 'CPU of the process that writes the ledger a request', ours: us(mine.ledger) },
    {
      what: 'CPU of the operator a request',
      peer: `${us((of.get(direct) as Cost).own)}, asked directly; ${us(floor.operator)}, by the proxy`,
      ours: us(mine.operator),
    },
    {
      what: `requests a second, ${CONNECTIONS} at a time`,
      peer: `${rate(floor.perSecond)}, the bare proxy${peer ? `; ${rate(peer.perSecond)}, Portkey` : ''}`,
      ours: rate(mine.perSecond),
    },
    { what: 'the same, while the worker works beside it', ours: rate(besideWorker) },
    {
      what: 'afterwards a request: attribution, fees, receipt',
      ours: `worker ${us(after.worker)}, PostgreSQL ${us(after.postgres)}, ledger ${us(after.ledger)}; ${rate(after.perSecond)}`,
    },
  ];
}

type Kind = { readonly perSecond: number; readonly streamed: boolean; readonly hasGoal: boolean };

export function rowsOnWaits(waits: Waits, stand: Stand, kind: Kind): readonly Row[] {
  const { direct, bare, portkey, ours } = stand;
  const [base, floor, mine] = [direct, bare, ours].map((target) => waits.get(target) as Wait);
  const peer = typeof portkey === 'string' ? undefined : waits.get(portkey);
  const goal = kind.streamed ? { p50: GOAL.firstWordMs, p99: undefined } : GOAL.addedMs;
  const rows = (['p50', 'p99'] as const).map((part): Row => {
    const added = (wait: Wait) => wait[part] - base[part];
    const ms = (value: number) => `${figure(value)} ms`;
    const limit = kind.hasGoal ? goal[part] : undefined;
    return {
      what: `added to ${kind.streamed ? 'the first word' : 'an answer'} at ${kind.perSecond}/s, ${part}`,
      peer: `${ms(added(floor))}, the bare proxy${peer ? `; ${ms(added(peer))}, Portkey` : ''}`,
      ours: `${ms(added(mine))} (${ms(mine[part])} - ${ms(base[part])})`,
      ...(limit && {
        goal: `<= ${limit} ms`,
        reached: added(mine) <= limit && mine.dropped === 0,
      }),
    };
  });
  return [...rows, rowOnDropped({ floor, peer, mine }, kind)];
}

function rowOnDropped(
  waits: { readonly floor: Wait; readonly peer: Wait | undefined; readonly mine: Wait },
  { perSecond, streamed }: Kind,
): Row {
  const dropped = ({ dropped, offered }: Wait) => `${dropped} of ${offered}`;
  return {
    what: `dropped of ${streamed ? 'streams' : 'answers'} at ${perSecond}/s`,
    peer: `${dropped(waits.floor)}, the bare proxy${waits.peer ? `; ${dropped(waits.peer)}, Portkey` : ''}`,
    ours: dropped(waits.mine),
    ...{ goal: '0', reached: waits.mine.dropped === 0 },
  };
}

export function rowsOnStreams(held: HeldStreams): readonly Row[] {
  const { wanted, open, complete, resident, heap } = held;
  return [
    {
      what: `streams held at once, ${figure(wanted)} wanted`,
      ours: `${figure(open)} open, ${figure(complete)} whole at the end`,
      ...{ goal: 'all', reached: open === wanted && complete === wanted },
    },
    {
      what: 'memory of the gateway process a held stream',
      ours: `${figure(resident / 1000)} kB`,
      goal: `<= ${figure(GOAL.bytesAStream / 1000)} kB`,
      reached: resident <= GOAL.bytesAStream,
    },
    { what: 'of that, in the heap and beside it', ours: `${figure(heap / 1000)} kB` },
  ];
}

export function notesOn({ portkey }: Stand, held: HeldStreams): readonly string[] {
  return [
    `Peer: ${PORTKEY} from npm, installed for this run with @hono/node-server ${ADAPTER}${typeof portkey === 'string' ? `; skipped: ${portkey}` : ''}.`,
    `One short question, ${WORDS} words of answer. Everybody asks the operator as it was asked: for a stream, or for an answer in one piece.`,
    'Each is a process of its own: crowd, operator, proxy, peer, gateway, worker, the one that writes the ledger, PostgreSQL. Medians; everybody in turn, ' +
      `each window after ${RUN_IN_SECONDS} s of the same that do not count.`,
    'Calls are announced as ever, and the worker rests until a window is over: beside it, two cores would measure how they are shared. One row lets it work.',
    `Open loop: Poisson arrivals, latency from the moment due, dropped beyond ${MOST_OUTSTANDING} outstanding; ` +
      'added is ours less the operator asked directly, percentile by percentile.',
    `Streams were opened in ${figure(held.openingSeconds)} s and held for 11 s, a word every five; a new process, garbage collected before and after.` +
      (held.failure ? ` What failed: ${held.failure}.` : ''),
  ];
}
