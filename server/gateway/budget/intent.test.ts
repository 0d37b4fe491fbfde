import type { Id } from '@openledger/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { applyIntent, emptyIntents, type IntentRecord, recordsOf } from './intent.ts';

const lease = (n: number) => `hld_${n}` as Id<'hold'>;
const request = (n: number) => `inf_${n}` as Id<'inference'>;

const units = fc.bigInt({ min: 0n, max: 40n });
const leases = fc.integer({ min: 0, max: 2 }).map(lease);
const requests = fc.integer({ min: 0, max: 7 }).map(request);

const kept: fc.Arbitrary<IntentRecord> = fc.record({
  ...{ kind: fc.constant('kept' as const), number: fc.integer({ min: 1, max: 5 }) },
  ...{ request: requests, row: fc.constant('{}') },
});
const stored: fc.Arbitrary<IntentRecord> = fc.record({
  kind: fc.constant('stored' as const),
  numbers: fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 2 }),
});

const anyRecord: fc.Arbitrary<IntentRecord> = fc.oneof(
  fc.record({ kind: fc.constant('started' as const), token: fc.integer({ min: 1, max: 9 }) }),
  fc.record({ kind: fc.constant('leasing' as const), lease: leases, payer: fc.constant('ann') }),
  fc.record({
    ...{ kind: fc.constant('leased' as const), lease: leases, added: units },
    expiresAt: fc.integer({ min: 1, max: 100 }),
  }),
  fc.record({ kind: fc.constant('closed' as const), lease: leases }),
  fc.record({ kind: fc.constant('reserved' as const), request: requests, lease: leases, units }),
  fc.record({ kind: fc.constant('extended' as const), request: requests, units }),
  fc.record({ kind: fc.constant('progress' as const), request: requests, units }),
  fc.record({ kind: fc.constant('claimed' as const), request: requests, units }),
  fc.record({
    kind: fc.constantFrom('captured' as const, 'voided' as const, 'expired' as const),
    request: requests,
  }),
  kept,
  stored,
);

const ENDS = ['captured', 'voided', 'expired'];

/** The slow reference: sums over what was accepted. */
function accept(all: readonly IntentRecord[]) {
  const state = emptyIntents();
  const accepted = all.filter((record) => {
    const before = JSON.stringify(shown(state));
    try {
      applyIntent(state, record);
      return true;
    } catch {
      expect(JSON.stringify(shown(state))).toBe(before); // refused: nothing has changed
      return false;
    }
  });
  return { state, accepted };
}

const shown = ({ token, leases, requests, kept }: ReturnType<typeof emptyIntents>) => ({
  token,
  kept: [...kept.values()].sort((a, b) => a.number - b.number),
  leases: [...leases.values()].map((one) => ({
    ...{ ...one, free: `${one.free}` },
    requests: [...one.requests].sort(),
  })),
  requests: [...requests.values()]
    .map(({ earned, units, claim, ...one }) => ({
      ...{ ...one, units: `${units}`, claim: claim && `${claim.units}` },
      earned: claim ? '' : `${earned}`,
    }))
    .sort((a, b) => (a.request < b.request ? -1 : 1)),
});

test('in whatever order things happen, no lease is overspent, and each request ends at most once', () => {
  fc.assert(
    fc.property(fc.array(anyRecord, { maxLength: 120 }), (all) => {
      const { state, accepted } = accept(all);
      const lent = new Map<string, bigint>();
      const spent = new Map<string, bigint>();
      const open = new Map<string, { lease: string; claim: bigint }>();
      for (const record of accepted) {
        if (record.kind === 'leasing') {
          lent.set(record.lease, 0n);
          spent.set(record.lease, 0n);
        }
        if (record.kind === 'leased')
          lent.set(record.lease, (lent.get(record.lease) ?? 0n) + record.added);
        if (record.kind === 'reserved') {
          expect(open.has(record.request)).toBe(false);
          open.set(record.request, { lease: record.lease, claim: 0n });
        }
        if (record.kind === 'claimed') {
          const of = open.get(record.request);
          expect(of?.claim).toBe(0n);
          if (of) of.claim = record.units;
        }
        if (!ENDS.includes(record.kind) || !('request' in record)) continue;
        const of = open.get(record.request);
        expect(of).toBeDefined(); // so it had not ended before
        if (of && record.kind === 'captured')
          spent.set(of.lease, (spent.get(of.lease) ?? 0n) + of.claim);
        open.delete(record.request);
      }
      for (const { lease, free, requests } of state.leases.values()) {
        const set = [...requests].reduce(
          (sum, id) => sum + (state.requests.get(id)?.units ?? 0n),
          0n,
        );
        expect(free).toBeGreaterThanOrEqual(0n);
        expect(free + set + (spent.get(lease) ?? 0n)).toBeLessThanOrEqual(lent.get(lease) ?? 0n);
      }
      expect([...state.requests.keys()].sort()).toEqual([...open.keys()].sort());
    }),
    { numRuns: 2_000 },
  );
});

test('a compacted log leads to the same state', () => {
  fc.assert(
    fc.property(fc.array(anyRecord, { maxLength: 120 }), (all) => {
      const { state } = accept(all);
      const again = emptyIntents();
      for (const record of recordsOf(state)) {
        if (record.kind === 'started' && record.token === 0) continue;
        applyIntent(again, record);
      }
      expect(shown(again)).toEqual(shown(state));
    }),
    { numRuns: 1_000 },
  );
});

test('a second end is impossible, and so is one of a request that never was', () => {
  const state = emptyIntents();
  const [held, asked] = [lease(1), request(1)];
  applyIntent(state, { kind: 'leasing', lease: held, payer: 'ann' });
  applyIntent(state, { kind: 'leased', lease: held, added: 10n, expiresAt: 1 });
  applyIntent(state, { kind: 'reserved', request: asked, lease: held, units: 10n });
  applyIntent(state, { kind: 'claimed', request: asked, units: 4n });
  expect(() => applyIntent(state, { kind: 'voided', request: asked })).toThrow('is claimed');
  applyIntent(state, { kind: 'captured', request: asked });
  expect(() => applyIntent(state, { kind: 'captured', request: asked })).toThrow('has ended');
  expect(() => applyIntent(state, { kind: 'expired', request: request(2) })).toThrow('has ended');
  expect(state.leases.get(held)?.free).toBe(6n);
});
