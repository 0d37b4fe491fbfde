import type { Id } from '@openledger/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { apply, type Outcome } from './apply.ts';
import { type Command, commands, flawOf } from './command.ts';
import { emptyState, type State } from './state.ts';
import { encodeTransaction } from './transaction.ts';
import { transactionIdFor } from './transaction-id.ts';

const at = new Date('2026-01-01T00:00:00Z');
const txn = (n: number) => `txn_${n.toString(16).padStart(32, '0')}` as Id<'transaction'>;
const hld = (n: number) => `hld_${n.toString(16).padStart(32, '0')}` as Id<'hold'>;

const named = (key: string) => transactionIdFor(at, key);

const ledger = () => {
  const state = emptyState();
  const act = (command: Command): Outcome => {
    const error = flawOf(command);
    return error ? { kind: 'refused', error } : apply(state, command, at);
  };
  return { state, act };
};

const pay = (key: string, from: string, to: string, amount: bigint): Command =>
  commands.post({ transactionId: named(key), reason: 'test', postings: [{ from, to, amount }] });

const held = (n: number, party: string, amount: bigint): Command =>
  commands.hold({
    holdId: hld(n),
    from: `${party}:available`,
    to: `${party}:held`,
    amount,
    expiresAt: at,
    reason: 'test',
  });

const standing = (state: State) =>
  Object.fromEntries(
    [...state.accounts]
      .map(([book, { balance }]): [string, bigint] => [book, balance])
      .filter(([, balance]) => balance !== 0n)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );

const codeOf = (outcome: Outcome) =>
  outcome.kind === 'refused' ? outcome.error.code : outcome.kind;

// --- the slow, obvious model: money in a map, every rule spelled out once more -----------------------------------

type Model = {
  balances: Map<string, bigint>;
  holds: Map<string, { party: string; amount: bigint }>;
  keys: Map<string, string>;
  reversible: Map<string, { legs: { from: string; to: string; amount: bigint }[] }>;
};

type Step =
  | { kind: 'post'; key: string; legs: { from: string; to: string; amount: bigint }[] }
  | { kind: 'hold'; hold: number; party: string; amount: bigint }
  | { kind: 'capture'; hold: number; to: string; amount: bigint }
  | { kind: 'release' | 'expire'; hold: number }
  | { kind: 'reverse'; key: string; of: string };

const commandOf = (step: Step, ids: Map<string, Id<'transaction'>>): Command => {
  switch (step.kind) {
    case 'post':
      return commands.post({ transactionId: named(step.key), reason: 'test', postings: step.legs });
    case 'hold':
      return held(step.hold, step.party, step.amount);
    case 'capture':
      return commands.capture({
        holdId: hld(step.hold),
        reason: 'test',
        postings: [{ to: step.to, amount: step.amount }],
      });
    case 'release':
      return commands.release({ holdId: hld(step.hold), reason: 'test' });
    case 'expire':
      return commands.expire(hld(step.hold));
    case 'reverse':
      return commands.reverse({
        transactionId: named(step.key),
        reason: 'test',
        reverses: ids.get(step.of) ?? txn(1),
      });
  }
};

/** @returns posted, replayed, or the code of the refusal */
function modelStep(model: Model, step: Step): string {
  const key = step.kind === 'hold' ? `h${step.hold}` : 'key' in step ? step.key : `e${step.hold}`;
  const payload = JSON.stringify(step, (_, value) =>
    typeof value === 'bigint' ? String(value) : value,
  );
  const before = model.keys.get(key);
  if (before === payload) return 'replayed';
  if (before !== undefined) return 'conflict';
  const next = new Map(model.balances);
  const give = (from: string, to: string, amount: bigint) => {
    next.set(from, (next.get(from) ?? 0n) - amount);
    next.set(to, (next.get(to) ?? 0n) + amount);
  };
  let after = () => {};
  if (step.kind === 'post') {
    for (const { from, to, amount } of step.legs) give(from, to, amount);
    after = () => model.reversible.set(step.key, { legs: step.legs });
  } else if (step.kind === 'hold') {
    give(`${step.party}:available`, `${step.party}:held`, step.amount);
    after = () => model.holds.set(key.slice(1), { party: step.party, amount: step.amount });
  } else if (step.kind === 'reverse') {
    const original = model.reversible.get(step.of);
    if (!original) return 'not_found';
    if (original.legs.length === 0) return 'unprocessable';
    for (const { from, to, amount } of original.legs) give(to, from, amount);
    after = () => model.reversible.set(step.of, { legs: [] });
  } else {
    const hold = model.holds.get(key.slice(1));
    if (!hold) return 'not_found';
    give(`${hold.party}:held`, `${hold.party}:available`, hold.amount);
    if (step.kind === 'capture') {
      if (step.amount > hold.amount) return 'insufficient_funds';
      if (step.to === `${hold.party}:available`) return 'invalid_input';
      give(`${hold.party}:available`, step.to, step.amount);
    }
    after = () => model.holds.delete(key.slice(1));
  }
  for (const [account, balance] of next) {
    if (balance < 0n && !account.startsWith('external:')) return 'insufficient_funds';
  }
  model.balances = next;
  model.keys.set(key, payload);
  after();
  return 'posted';
}

const account = fc.constantFrom(
  'external:chain',
  'ann:available',
  'bob:available',
  'cid:payable',
  'clearing:fees',
);
const amount = fc.bigInt({ min: 1n, max: 40n });
const leg = fc.record({ from: account, to: account, amount }).filter(({ from, to }) => from !== to);
const key = fc.integer({ min: 0, max: 30 }).map((n) => `k${n}`);
const hold = fc.integer({ min: 0, max: 6 });
const party = fc.constantFrom('ann', 'bob');
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('post' as const),
      key,
      legs: fc.array(leg, { minLength: 1, maxLength: 4 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('hold' as const), hold, party, amount }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('capture' as const), hold, to: account, amount }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constantFrom('release' as const, 'expire' as const), hold }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reverse' as const), key, of: key }) },
);

/** Money to act with; without it most wishes are refused for the want of it. */
const funding: readonly Step[] = ['ann:available', 'bob:available'].map((to) => ({
  kind: 'post',
  key: `fund ${to}`,
  legs: [{ from: 'external:chain', to, amount: 150n }],
}));

test('does what the obvious model does, command for command and unit for unit', () => {
  const seen = new Map<string, number>();
  fc.assert(
    fc.property(fc.array(step, { minLength: 10, maxLength: 120, size: 'max' }), (drawn) => {
      const steps = [...funding, ...drawn];
      const { state, act } = ledger();
      const model: Model = {
        balances: new Map(),
        holds: new Map(),
        keys: new Map(),
        reversible: new Map(),
      };
      const ids = new Map<string, Id<'transaction'>>();
      const named = new Map<string, Step>();
      for (const step of steps) {
        // The reference of a reversal is resolved once, so that asking again is the same wish.
        const wish = step.kind === 'reverse' && named.has(step.key) ? named.get(step.key)! : step;
        const outcome = act(commandOf(wish, ids));
        const expected = modelStep(model, wish);
        expect(codeOf(outcome)).toBe(expected);
        seen.set(expected, (seen.get(expected) ?? 0) + 1);
        if (outcome.kind === 'posted' && wish.kind === 'post') {
          ids.set(wish.key, outcome.transaction.transactionId);
        }
        if (outcome.kind === 'posted' && 'key' in wish) named.set(wish.key, wish);
        const balances = [...state.accounts.values()];
        expect(balances.reduce((sum, { balance }) => sum + balance, 0n)).toBe(0n);
        for (const { account, balance } of balances) {
          expect(balance).toBe(model.balances.get(account) ?? 0n);
        }
      }
      const open = [...state.holds.values()].reduce((sum, { amount }) => sum + amount, 0n);
      const standsHeld = [...state.accounts.values()]
        .filter(({ account }) => account.endsWith(':held'))
        .reduce((sum, { balance }) => sum + balance, 0n);
      expect(standsHeld).toBe(open);
    }),
    { numRuns: 150 },
  );
  for (const outcome of ['posted', 'replayed', 'conflict', 'insufficient_funds', 'not_found']) {
    expect(seen.get(outcome) ?? 0, outcome).toBeGreaterThan(0);
  }
});

test('independent transactions may come in any order', () => {
  const wishes = Array.from({ length: 20 }, (_, i) =>
    pay(`k${i}`, 'external:chain', `p${i % 5}:available`, BigInt(i + 1)),
  );
  const inOrder = ledger();
  wishes.map(inOrder.act);
  fc.assert(
    fc.property(fc.shuffledSubarray(wishes, { minLength: wishes.length }), (shuffled) => {
      const other = ledger();
      shuffled.map(other.act);
      expect(standing(other.state)).toEqual(standing(inOrder.state));
    }),
    { numRuns: 30 },
  );
});

test('asking for everything twice changes nothing', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const { state, act } = ledger();
      const wishes = steps.filter(({ kind }) => kind !== 'reverse');
      const done = wishes.filter((step) => act(commandOf(step, new Map())).kind === 'posted');
      const before = standing(state);
      for (const step of done) expect(act(commandOf(step, new Map())).kind).toBe('replayed');
      expect(standing(state)).toEqual(before);
    }),
    { numRuns: 50 },
  );
});

test('a refusal names the account and what is missing, and leaves nothing behind', () => {
  const { state, act } = ledger();
  act(pay('fund', 'external:chain', 'ann:available', 3n));
  const wish = pay('spend', 'ann:available', 'bob:available', 5n);
  const refused = act(wish);
  expect(refused).toMatchObject({
    error: {
      code: 'insufficient_funds',
      details: { account: 'ann:available', asset: 'OPEN', available: '3', missing: '2' },
    },
  });
  expect(state.accounts.has('bob:available')).toBe(false);
  act(pay('more', 'external:chain', 'ann:available', 2n));
  expect(act(wish).kind).toBe('posted');
});

test('money may pass through an account that has none', () => {
  const { state, act } = ledger();
  const through = commands.post({
    transactionId: named('k'),
    reason: 'test',
    postings: [
      { from: 'clearing:fees', to: 'ann:payable', amount: 5n },
      { from: 'external:chain', to: 'clearing:fees', amount: 5n },
    ],
  });
  expect(act(through).kind).toBe('posted');
  expect(standing(state)).toEqual({ 'ann:payable': 5n, 'external:chain': -5n });
});

test('keeps amounts of 2^255 exactly, and refuses what no column holds', () => {
  const { state, act } = ledger();
  const half = 2n ** 255n;
  act(pay('a', 'external:chain', 'ann:available', half));
  act(pay('b', 'ann:available', 'bob:available', half - 1n));
  expect(standing(state)).toMatchObject({
    'ann:available': 1n,
    'bob:available': half - 1n,
  });
  expect(codeOf(act(pay('c', 'external:chain', 'cid:available', half)))).toBe('unprocessable');
});

test('assets are separate books', () => {
  const { act } = ledger();
  const usd = (key: string, from: string, to: string) =>
    commands.post({
      transactionId: named(key),
      reason: 'test',
      postings: [{ from, to, amount: 5n, asset: 'USD' }],
    });
  act(pay('open', 'external:chain', 'ann:available', 5n));
  expect(codeOf(act(usd('a', 'ann:available', 'bob:available')))).toBe('insufficient_funds');
  expect(codeOf(act(usd('b', 'external:bank', 'ann:available')))).toBe('posted');
});

test('captures a part, gives the rest back, and ends the hold once', () => {
  const { state, act } = ledger();
  act(pay('fund', 'external:chain', 'ann:available', 100n));
  act(held(1, 'ann', 60n));
  const capture = (amount: bigint) =>
    commands.capture({
      holdId: hld(1),
      reason: 'test',
      postings: [{ to: 'clearing:fees', amount }],
    });
  expect(act(capture(61n))).toMatchObject({
    error: { code: 'insufficient_funds', details: { missing: '1' } },
  });
  expect(act(capture(25n)).kind).toBe('posted');
  expect(standing(state)).toMatchObject({ 'ann:available': 75n, 'clearing:fees': 25n });
  expect(act(capture(25n)).kind).toBe('replayed');
  expect(codeOf(act(capture(24n)))).toBe('conflict');
  expect(codeOf(act(commands.release({ holdId: hld(1), reason: 'test' })))).toBe('conflict');
  expect(codeOf(act(commands.expire(hld(1))))).toBe('conflict');
  expect(codeOf(act(commands.expire(hld(2))))).toBe('not_found');
});

test('nobody reaches held money around its hold', () => {
  const { act } = ledger();
  act(pay('fund', 'external:chain', 'ann:available', 100n));
  act(held(1, 'ann', 60n));
  expect(codeOf(act(pay('steal', 'ann:held', 'bob:available', 1n)))).toBe('invalid_input');
  expect(codeOf(act(pay('stuff', 'ann:available', 'ann:held', 1n)))).toBe('invalid_input');
});

test('a reversal that a receiver cannot pay is refused whole', () => {
  const { state, act } = ledger();
  act(pay('fund', 'external:chain', 'ann:available', 10n));
  const paid = act(pay('pay', 'ann:available', 'bob:available', 10n));
  act(pay('leave', 'bob:available', 'external:chain', 4n));
  const transactionId = paid.kind === 'posted' ? paid.transaction.transactionId : txn(0);
  const reverse = (key: string, amount?: bigint) =>
    commands.reverse({
      transactionId: named(key),
      reason: 'test',
      reverses: transactionId,
      amount,
    });
  expect(act(reverse('all'))).toMatchObject({
    error: { code: 'insufficient_funds', details: { account: 'bob:available', missing: '4' } },
  });
  expect(codeOf(act(reverse('some', 6n)))).toBe('posted');
  expect(standing(state)).toMatchObject({ 'ann:available': 6n });
});

test('malformed wishes are refused before they are queued', () => {
  const { act } = ledger();
  const bad: Command[] = [
    commands.post({
      transactionId: 'txn_1' as Id<'transaction'>,
      reason: 'test',
      postings: [{ from: 'a:b', to: 'c:d', amount: 1n }],
    }),
    pay('k', 'external', 'ann:available', 1n),
    pay('k', 'external:chain', 'ann available', 1n),
    pay('k', 'ann:available', 'ann:available', 1n),
    pay('k', 'external:chain', 'ann:available', 0n),
    pay('k', 'external:chain', 'ann:available', -1n),
    pay('k', 'external:chain', 'ann:available', 2n ** 256n),
    commands.post({ transactionId: named('k'), reason: 'test', postings: [] }),
    commands.post({
      transactionId: named('k'),
      reason: 'a\0b',
      postings: [{ from: 'a:b', to: 'c:d', amount: 1n }],
    }),
    commands.expire('hld_1' as Id<'hold'>),
  ];
  for (const command of bad) expect(codeOf(act(command))).toBe('invalid_input');
});

test('the canonical bytes of a transaction are these', () => {
  const { act } = ledger();
  const outcome = act(pay('fund', 'external:chain', 'ann:available', 10n ** 18n));
  if (outcome.kind !== 'posted') throw new Error('refused');
  expect(encodeTransaction(outcome.transaction)).toBe(
    `{"at":"2026-01-01T00:00:00.000Z","id":"${named('fund')}","kind":"post",` +
      '"postings":[["external:chain","ann:available","1000000000000000000","OPEN"]],"reason":"test","sequence":1}',
  );
});
