/** All that must be true after a run: of each call, of each payer and key, and of the books as a whole. */
import type { Attempt } from '../harness/mock-operator/journal.ts';
import type { Books } from './books.ts';
import { priceOf } from './charge-table.ts';
import type { Outcome } from './client.ts';
import { flawsOf } from './flaws.ts';
import type { Payer } from './payers.ts';
import { PRICING } from './world.ts';

export type Run = {
  readonly outcomes: readonly Outcome[];
  readonly attempts: ReadonlyMap<string, readonly Attempt[]>;
  readonly books: Books;
  readonly payers: readonly Payer[];
  /** What was still open when it had been waited for in vain. */
  readonly unsettled: string | undefined;
  readonly isNearKill: (outcome: Outcome) => boolean;
};

export type Totals = {
  readonly calls: number;
  readonly served: number;
  readonly void: number;
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly fees: bigint;
};

/** @returns a line for each violation, which names the request, the account or the key */
export function checkRun(run: Run): readonly string[] {
  return [
    ...run.outcomes.flatMap((outcome) => callViolations(run, outcome)),
    ...strangers(run),
    ...run.payers.flatMap((payer) => payerViolations(run, payer)),
    ...bookViolations(run),
  ];
}

function callViolations(run: Run, outcome: Outcome): readonly string[] {
  const { tag } = outcome.wish;
  const records = run.books.records.get(tag) ?? [];
  const [record] = records;
  const flaws = flawsOf({
    ...{ outcome, records, attempts: run.attempts.get(tag) ?? [] },
    flow: record && run.books.flows.get(record.id),
    isNearKill: run.isNearKill(outcome),
  });
  const { kind, status, wish } = outcome;
  const { gateway, route, stream } = wish;
  const how = `${kind} ${status ?? '-'} at ${gateway} by ${route}${stream ? ', streamed' : ''}`;
  const ending = record ? `${record.id} ${record.status} ${record.finishReason}` : 'no record';
  return flaws.map((flaw) => `${tag} (${how}; ${ending}): ${flaw}`);
}

/** Records of requests that nobody made. */
function strangers({ outcomes, books }: Run): readonly string[] {
  const known = new Set(outcomes.map(({ wish }) => wish.tag));
  return [...books.records.keys()]
    .filter((tag) => !known.has(tag))
    .map((tag) => `${tag}: nobody has asked for it.`);
}

/** A payer has what he was given less what his calls cost; a key has spent what its calls cost, and never beyond its limit. */
function payerViolations({ books }: Run, { partyId, funded, keys }: Payer): readonly string[] {
  const records = [...books.records.values()].flat().filter(({ status }) => status === 'served');
  const spentBy = (who: (record: (typeof records)[number]) => boolean): bigint =>
    records.filter(who).reduce((total, { priceUnits }) => total + priceUnits, 0n);
  const spent = spentBy((record) => record.payerId === partyId);
  const [left, held] = ['available', 'held'].map(
    (purpose) => books.balances.get(`${partyId}:${purpose}`) ?? 0n,
  );
  const ofKeys = keys.flatMap(({ keyId, limitUnits }) => {
    if (limitUnits === undefined) return [];
    const { spent: counted, reserved } = books.spending.get(keyId) ?? { spent: 0n, reserved: 0n };
    const own = spentBy((record) => record.keyId === keyId);
    return [
      ...(own <= limitUnits ? [] : [`${keyId}: has spent ${own} of ${limitUnits}.`]),
      ...(counted === own ? [] : [`${keyId}: ${counted} is counted, and its calls cost ${own}.`]),
      ...(reserved === 0n ? [] : [`${keyId}: ${reserved} is promised to nobody.`]),
    ];
  });
  return [
    ...(left === funded - spent
      ? []
      : [`${partyId}: has ${left}, and should have ${funded} - ${spent}.`]),
    ...(held === 0n ? [] : [`${partyId}: ${held} is held for nothing.`]),
    ...ofKeys,
  ];
}

function bookViolations({ books, unsettled }: Run): readonly string[] {
  const { balances, sums, audit } = books;
  const open = [...balances].filter(
    ([account]) => account.endsWith(':held') || account === 'clearing:fees',
  );
  const overdrawn = [...balances].filter(
    ([account, units]) => units < 0n && !account.startsWith('external:'),
  );
  return [
    ...(unsettled ? [`It did not come to rest: ${unsettled}.`] : []),
    ...open.map(([account, units]) => `${account}: ${units} is left.`),
    ...overdrawn.map(([account, units]) => `${account}: stands at ${units}.`),
    ...(sums.every((sum) => sum === 0n) ? [] : [`The balances sum to ${sums}.`]),
    ...(audit === 'ok' ? [] : [`The audit fails: ${audit}`]),
  ];
}

export function totalsOf({ records }: Books): Totals {
  const all = [...records.values()].flat();
  const served = all.filter(({ status }) => status === 'served');
  const sum = (of: (record: (typeof served)[number]) => number) =>
    served.reduce((total, record) => total + of(record), 0);
  const [promptTokens, completionTokens] = [
    sum((record) => record.promptTokens),
    sum((record) => record.completionTokens),
  ];
  return {
    ...{ calls: all.length, served: served.length, promptTokens, completionTokens },
    void: all.filter(({ status }) => status === 'void').length,
    fees: priceOf(PRICING, { promptTokens, completionTokens }),
  };
}
