import { transactionIdFor } from '../../server/ledger/index.ts';
import type { RequestCounts } from './check.ts';
import { groupBy, type LogLine } from './log-lines.ts';
import { countKept, countTwice } from './promises.ts';
import { holdIdOf, routeIdOf } from './request.ts';
import type { Said } from './said.ts';

/** How a strict request ended is what ended its hold: a `capture`, a `release` (voided) or an `expire` in the log. */
export function countStrict(log: readonly LogLine[], said: Said): RequestCounts {
  const byId = new Map(log.map((line) => [line.transactionId, line]));
  const leases = new Set(log.flatMap(({ kind, holdId }) => (kind === 'lease' ? [holdId] : [])));
  const ofHolds = log.filter(({ holdId }) => !leases.has(holdId));
  const holds = [...groupBy(ofHolds, ({ holdId }) => holdId).values()].map((lines) =>
    lines.map(({ kind }) => kind),
  );
  const count = (end: string) => holds.filter((kinds) => kinds.includes(end)).length;
  const isEnd = (requestId: string, kind: string, paid = 0n) => {
    const line = byId.get(transactionIdFor(holdIdOf(requestId), 'end'));
    return line?.kind === kind && line.paid === paid;
  };
  const requests = new Set(log.flatMap((line) => (line.kind === 'hold' ? [line.reference] : [])));
  return {
    requests: holds.length,
    captured: count('capture'),
    voided: count('release'),
    expired: count('expire'),
    ...countKept(said, {
      held: (id) => byId.get(transactionIdFor(holdIdOf(id), 'begin'))?.kind === 'hold',
      captured: (id, units) => isEnd(id, 'capture', units),
      voided: (id) => isEnd(id, 'release'),
      routed: (id) => byId.get(routeIdOf(id))?.kind === 'post',
    }),
    duplicated: countTwice(log.filter(({ reference }) => requests.has(reference))),
    undecided: holds.filter((kinds) => kinds.length !== 2 || kinds[0] !== 'hold').length,
  };
}
