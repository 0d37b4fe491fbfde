/** The checks see what they are there for: each of these stories has one thing in it that must not be. */
import { expect, test } from 'vitest';
import type { Attempt } from '../harness/mock-operator/journal.ts';
import type { CallRecord } from './books.ts';
import { priceOf } from './charge-table.ts';
import type { Outcome, Wish } from './client.ts';
import { type Evidence, flawsOf } from './flaws.ts';
import { PRICING } from './world.ts';

const wish: Wish = {
  ...{ tag: 't', gateway: 'gateway-0', url: 'http://127.0.0.1', secret: 's', model: 'm' },
  ...{ route: 'chat', stream: true, promptTokens: 9, completionTokens: 3, maxTokens: 5 },
  patienceMs: 1,
};
const usage = { promptTokens: 9, completionTokens: 3 };
const price = priceOf(PRICING, usage);
const TEXT = 't w1 w2 ';

type Change = {
  readonly outcome?: Partial<Outcome>;
  readonly wish?: Partial<Wish>;
  readonly record?: Partial<CallRecord>;
  readonly attempt?: Partial<Attempt>;
  readonly flow?: Evidence['flow'];
  readonly isNearKill?: boolean;
};

/** A whole streamed answer of three words, and what is different about it. */
function story(change: Change): Evidence {
  return {
    outcome: {
      ...{ startedAt: 0, endedAt: 1, inferenceId: 'inf_1', kind: 'whole', status: 200 },
      ...{ text: TEXT, told: { ...usage, cost: '0', units: price } },
      ...change.outcome,
      wish: { ...wish, ...change.wish },
    },
    records: [
      {
        ...{ id: 'inf_1', tag: 't', payerId: 'p', keyId: 'k', status: 'served' },
        ...{ finishReason: 'stop', output: TEXT, estimated: false, priceUnits: price },
        ...usage,
        ...change.record,
      },
    ],
    attempts: [
      {
        ...{ operator: 'o', tag: 't', promptTokens: 9, fault: undefined, sent: 3, isEnded: true },
        stream: true,
        reported: [{ prompt_tokens: 9, completion_tokens: 3 }],
        ...change.attempt,
      },
    ],
    flow: change.flow ?? { captured: [price], routed: [price] },
    isNearKill: change.isNearKill ?? false,
  };
}

/** The prompt is `t=3` and eight times ` ab`: 27 bytes, seven tokens by our count. */
const brokenOff = (words: number): Change => {
  const own = { promptTokens: 7, completionTokens: words };
  const text = ['t ', 'w1 ', 'w2 '].slice(0, words).join('');
  const units = priceOf(PRICING, own);
  return {
    outcome: { kind: 'broken', told: undefined, text },
    record: { ...own, finishReason: 'operator_failed', output: text, priceUnits: units },
    flow: { captured: [units], routed: [units] },
  };
};
const nothing = { captured: [], routed: [] };

test('what was charged as it should be has no flaw', () => {
  expect(flawsOf(story({}))).toEqual([]);
  expect(flawsOf(story(brokenOff(2)))).toEqual([]);
  const isVoid = { status: 'void', priceUnits: 0n, output: '', finishReason: '' } as const;
  const refused = { kind: 'refused', status: 502, text: '', told: undefined } as const;
  expect(flawsOf(story({ outcome: refused, record: isVoid, flow: nothing }))).toEqual([]);
});

test('an answer of another operator that was tried is as good', () => {
  const tried = story({});
  const failed = { ...tried.attempts[0], sent: 0, reported: [], isEnded: false };
  expect(flawsOf({ ...tried, attempts: [failed, ...tried.attempts] })).toEqual([]);
});

test.each<[string, RegExp, Change]>([
  ['captured twice', /Captured was/, { flow: { captured: [price, price], routed: [price] } }],
  ['not captured', /Captured was/, { flow: { captured: [], routed: [price] } }],
  ['not routed', /Routed was/, { flow: { captured: [price], routed: [] } }],
  ['captured a unit too dear', /Captured/, { flow: { captured: [price + 1n], routed: [price] } }],
  ['priced beside its usage', /not the price/, { record: { priceUnits: price + 1n } }],
  ['charged a token too much', /Its usage is 9\+4/, { record: { completionTokens: 4 } }],
  ['charged more words than were sent', /2 were sent/, { attempt: { sent: 2 } }],
  ['recorded otherwise than read', /other text/, { outcome: { text: 't w1 x2 ' } }],
  ['told under another id', /was told inf_2/, { outcome: { inferenceId: 'inf_2' } }],
  [
    'told another price',
    /was told 9\+3 tokens for 1/,
    { outcome: { told: { ...usage, cost: '0', units: 1n } } },
  ],
  ['held for ever', /has not ended/, { record: { status: 'held' } }],
  [
    'void, and delivered',
    /has text of it/,
    { record: { status: 'void', priceUnits: 0n }, flow: nothing },
  ],
  [
    'charged, and refused',
    /nothing of it/,
    { outcome: { kind: 'refused', status: 502, text: '', told: undefined } },
  ],
  [
    'charged, and lost',
    /nothing of it/,
    { outcome: { kind: 'lost', status: undefined, text: '', told: undefined } },
  ],
  [
    'broken off, and charged by the operator’s count',
    /not 7\+3/,
    { outcome: brokenOff(3).outcome, record: { finishReason: 'operator_failed' } },
  ],
  [
    'broken off, and asked for whole',
    /never was whole/,
    { ...brokenOff(2), wish: { stream: false } },
  ],
  [
    'charged for more than a broken stream had',
    /less than was charged/,
    { ...brokenOff(2), outcome: { kind: 'broken', told: undefined, text: 't ' } },
  ],
])('a call is found that is %s', (_, flaw, change) => {
  expect(flawsOf(story(change)).join(' ')).toMatch(flaw);
});

test('calls are found that have two records, none, or none although an operator was asked', () => {
  const good = story({});
  expect(flawsOf({ ...good, records: [good.records[0], good.records[0]] })).not.toEqual([]);
  expect(flawsOf({ ...good, records: [] })).not.toEqual([]);
  expect(
    flawsOf({ ...good, records: [], outcome: { ...good.outcome, kind: 'lost', text: '' } }),
  ).not.toEqual([]);
});
