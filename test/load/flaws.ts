/**
 * Whether a call was charged for what was delivered and for nothing else: what its client saw, what the operators wrote down,
 * the record, and the ledger must tell one story. It holds however many operators were tried for a call.
 */
import type { Attempt } from '../harness/mock-operator/journal.ts';
import { countWords } from '../harness/mock-operator/prompt.ts';
import type { CallRecord, Flow } from './books.ts';
import { type Counted, countAtEnd, isSame, ownCount, priceOf } from './charge-table.ts';
import { type Outcome, textsOf } from './client.ts';
import { PRICING } from './world.ts';

export type Evidence = {
  readonly outcome: Outcome;
  readonly records: readonly CallRecord[];
  readonly attempts: readonly Attempt[];
  readonly flow: Flow | undefined;
  /** Its gateway or the database was killed meanwhile: then it may be void although its client has something of it. */
  readonly isNearKill: boolean;
};

/** @returns a sentence for each thing that does not fit */
export function flawsOf(evidence: Evidence): readonly string[] {
  const { outcome, records, attempts, isNearKill } = evidence;
  if (records.length === 0) {
    // Of a whole answer a gateway that is killed leaves no record: nothing was delivered, and its intent log gives the money back.
    const mayHaveNone = isNearKill && !outcome.wish.stream;
    return [
      ...(attempts.length > 0 && !mayHaveNone
        ? ['An operator was asked for a call that has no record.']
        : []),
      ...(outcome.text || outcome.kind === 'whole' ? ['There is an answer without a record.'] : []),
    ];
  }
  if (records.length > 1) return [`There are ${records.length} records of one request.`];
  const [record] = records;
  const { inferenceId } = outcome;
  return [
    ...(inferenceId && inferenceId !== record.id ? [`The client was told ${inferenceId}.`] : []),
    ...(record.status === 'held' ? ['It has not ended.'] : []),
    ...moneyFlaws(record, evidence.flow),
    ...(record.status === 'void' ? voidFlaws(evidence) : servedFlaws(evidence, record)),
  ];
}

/** What the record says is what was moved: once in, once out. */
function moneyFlaws({ status, priceUnits, ...usage }: CallRecord, flow: Flow | undefined) {
  const price = status === 'served' ? priceUnits : 0n;
  const owed = price > 0n ? `${price}` : '';
  const { captured = [], routed = [] } = flow ?? {};
  return [
    ...(captured.join() === owed ? [] : [`Captured was [${captured}], and its price is ${price}.`]),
    ...(routed.join() === owed ? [] : [`Routed was [${routed}], and its price is ${price}.`]),
    ...(status === 'void' || priceOf(PRICING, usage) === priceUnits
      ? []
      : [`${priceUnits} is not the price of its usage, ${said(usage)}.`]),
  ];
}

/** Nothing is paid. So nothing was delivered either, unless a kill has cost the gateway its answer. */
function voidFlaws({ outcome, isNearKill }: Evidence): readonly string[] {
  const { kind, text, told } = outcome;
  const isFree = !told || told.units === 0n;
  if (isNearKill) return []; // what was told just before may be void all the same: the loss is the gateway's
  const isSeen = text.trim() !== '' && kind !== 'left';
  return [
    ...(isFree ? [] : ['It is void, and its client was told a price.']),
    ...(isSeen ? ['It is void, and its client has text of it.'] : []),
  ];
}

function servedFlaws(evidence: Evidence, record: CallRecord): readonly string[] {
  const { outcome } = evidence;
  return [
    ...usageFlaws(evidence, record),
    ...clientFlaws(evidence, record),
    ...toldFlaws(outcome, record),
  ];
}

const BROKEN_OFF = ['disconnected', 'operator_failed', 'gateway_failed'];

/** The recorded usage is that of the charge table, and no more than some operator sent. */
function usageFlaws({ outcome, attempts }: Evidence, record: CallRecord): readonly string[] {
  const { wish } = outcome;
  const { finishReason, output } = record;
  const sent = Math.max(0, ...attempts.map((attempt) => attempt.sent));
  const { stream, maxTokens } = wish;
  const delivered = { prompt: textsOf(wish), text: output, maxTokens, stream };
  const words = countWords(output);
  if (words > sent) return [`Recorded are ${words} words, and ${sent} were sent.`];
  if (finishReason === 'gateway_failed') {
    const own = { ...ownCount(delivered), completionTokens: record.completionTokens };
    return [
      ...(isSame(own, record) ? [] : [`Its usage is ${said(record)}, not ${said(own)}.`]),
      ...(record.completionTokens <= sent ? [] : [`Charged are more words than the ${sent} sent.`]),
    ];
  }
  const possible = attempts.map((attempt) =>
    // Who sent more than was asked for was stopped before he could say what he had sent.
    BROKEN_OFF.includes(finishReason) || attempt.sent > words
      ? ownCount(delivered)
      : countAtEnd(attempt.reported, delivered),
  );
  if (possible.some((usage) => isSame(usage, record))) return [];
  return [`Its usage is ${said(record)}, not ${possible.map(said).join(' or ') || 'any'}.`];
}

/** A gateway that is killed has words on the way that its client never sees: of one piece from an operator, at most. */
const ON_THE_WAY = 64;

/** What the client has is what was recorded, or its beginning where somebody broke off. */
function clientFlaws({ outcome, isNearKill }: Evidence, record: CallRecord): readonly string[] {
  const { kind, wish, text } = outcome;
  const { finishReason, output } = record;
  const isBrokenOff = BROKEN_OFF.includes(finishReason);
  if (!wish.stream && isBrokenOff) return ['A whole answer was charged that never was whole.'];
  if (finishReason === 'gateway_failed') {
    const seen = countWords(text);
    if (kind === 'left' || record.completionTokens <= seen + ON_THE_WAY) return [];
    return [`Charged are ${record.completionTokens} words, and its client has ${seen}.`];
  }
  if (!output.startsWith(text)) return ['Its client has other text than was recorded.'];
  switch (kind) {
    case 'whole':
      return isBrokenOff || text !== output ? ['Its client has all of what was broken off.'] : [];
    case 'left':
      return [];
    case 'broken':
      return text === output || isNearKill ? [] : ['Its client has less than was charged.'];
    default:
      return isNearKill ? [] : ['It was charged, and its client has nothing of it.'];
  }
}

/** What the client was told at the end stands. */
function toldFlaws({ told }: Outcome, record: CallRecord): readonly string[] {
  if (!told || (isSame(told, record) && told.units === record.priceUnits)) return [];
  return [`Its client was told ${said(told)} for ${told.units}, not ${record.priceUnits}.`];
}

const said = ({ promptTokens, completionTokens }: Counted): string =>
  `${promptTokens}+${completionTokens} tokens`;
