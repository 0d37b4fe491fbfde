import type { Id } from '@openledger/protocol';
import { drawIdOf } from '../../server/gateway/budget/budget.ts';
import type { RequestCounts } from './check.ts';
import type { IntentsLeft } from './intents-left.ts';
import { groupBy, type LogLine } from './log-lines.ts';
import { countKept, countTwice } from './promises.ts';
import { routeIdOf } from './request.ts';
import type { Said } from './said.ts';

/**
 * A leased request is one that an intent log has reserved, or that the ledger's log has drawn. How it ended is read so:
 * - captured: the ledger's log has a `draw` that refers to it. What the intent log says of it does not count;
 * - voided: one of the intent logs that ended processes have left has that record of it;
 * - expired: one of them has that record, and in the ledger's log its lease was over before it ended.
 *
 * A request with none of these, or with more than one, is undecided. So is one whose intent log says `captured` and which was
 * not drawn. What was earned may expire, when no process was back before its lease was over: that is the gateway's loss.
 */
export function countLeased(
  log: readonly LogLine[],
  { said, intents }: { readonly said: Said; readonly intents: IntentsLeft },
): RequestCounts {
  const byId = new Map(log.map((line) => [line.transactionId, line]));
  const draws = groupBy(log, ({ kind, reference }) =>
    kind === 'draw' ? (reference as Id<'inference'>) : undefined,
  );
  const requests = new Set<string | undefined>([...intents.keys(), ...draws.keys()]);
  const over = leasesOver(log);
  const endsOf = (id: Id<'inference'>): readonly string[] => {
    const { lease, kinds } = intents.get(id) ?? {};
    return [
      ...(draws.get(id) ?? []).map(() => 'captured'),
      ...(kinds?.has('voided') ? ['voided'] : []),
      ...(kinds?.has('expired') && over.has(lease) ? ['expired'] : []),
    ];
  };
  const ends = [...requests].map((id) => endsOf(id as Id<'inference'>));
  const count = (end: string) => ends.filter((some) => some.includes(end)).length;
  const isOnly = (id: Id<'inference'>, end: string) => endsOf(id).join() === end;
  const drawn = (id: Id<'inference'>) => byId.get(drawIdOf(id))?.paid ?? 0n;
  const strays = [...draws].flatMap(([id, lines]) =>
    lines.filter(({ transactionId }) => transactionId !== drawIdOf(id)),
  );
  return {
    requests: requests.size,
    captured: count('captured'),
    voided: count('voided'),
    expired: count('expired'),
    ...countKept(said, {
      reserved: (id) => intents.get(id)?.kinds.has('reserved') === true,
      earned: (id, units) => drawn(id) >= units || isOnly(id, 'expired'),
      captured: (id, units) => drawn(id) === units,
      voided: (id) => isOnly(id, 'voided'),
      expired: (id) => isOnly(id, 'expired'),
      routed: (id) => byId.get(routeIdOf(id))?.kind === 'post',
    }),
    duplicated: countTwice(log.filter(({ reference }) => requests.has(reference))) + strays.length,
    undecided: ends.filter((some) => some.length !== 1).length,
  };
}

/** Leases that ended when their time was over, and not before. */
function leasesOver(log: readonly LogLine[]): ReadonlySet<string | undefined> {
  const over = new Set<string | undefined>();
  for (const [lease, lines] of groupBy(log, ({ holdId }) => holdId)) {
    const ended = lines.find(({ kind }) => kind === 'release' || kind === 'expire');
    const lasted = lines.findLast(({ expiresAt }) => expiresAt)?.expiresAt;
    if (ended && lasted && ended.at >= lasted) over.add(lease);
  }
  return over;
}
