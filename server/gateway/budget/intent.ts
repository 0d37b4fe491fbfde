/**
 * What a gateway means to do with leased money, record by record, and the state that the records add up to; and the calls' own
 * records, until they are in the tables. No clock, no file, no ledger.
 *
 * A request is open, then perhaps claimed, then ended: captured, voided or expired, once. Ended requests are forgotten, so a
 * second end has nothing to end. What is reserved was free in its lease before, so a lease is never overspent.
 */
import { type Id, OpenLedgerError } from '@openledger/protocol';
import type { Usage } from '../price.ts';

export type Leg = { readonly to: string; readonly amount: bigint };

export type IntentRecord =
  /** A process begins: its number fences those before it. */
  | { readonly kind: 'started'; readonly token: number }
  /** The ledger is about to be asked for a lease; whether it said yes is not known yet. */
  | { readonly kind: 'leasing'; readonly lease: Id<'hold'>; readonly payer: string }
  /** The ledger has lent or renewed; `added` is 0 where only time was added. */
  | {
      readonly kind: 'leased';
      readonly lease: Id<'hold'>;
      readonly added: bigint;
      /** Milliseconds since 1970. */
      readonly expiresAt: number;
    }
  /** The lease has ended in the ledger, and nothing is open in it. */
  | { readonly kind: 'closed'; readonly lease: Id<'hold'> }
  | {
      readonly kind: 'reserved';
      readonly request: Id<'inference'>;
      readonly lease: Id<'hold'>;
      readonly units: bigint;
    }
  | { readonly kind: 'extended'; readonly request: Id<'inference'>; readonly units: bigint }
  /** What has been earned by all that was forwarded so far. */
  | {
      readonly kind: 'progress';
      readonly request: Id<'inference'>;
      readonly units: bigint;
      readonly usage?: Usage;
    }
  /** What the ledger is to be asked for; it does not change any more. */
  | {
      readonly kind: 'claimed';
      readonly request: Id<'inference'>;
      readonly units: bigint;
      readonly legs?: readonly Leg[];
    }
  /** The ledger said yes. */
  | { readonly kind: 'captured'; readonly request: Id<'inference'> }
  | { readonly kind: 'voided'; readonly request: Id<'inference'> }
  /** The ledger said no, because the lease's time was over or another has it. */
  | { readonly kind: 'expired'; readonly request: Id<'inference'> }
  /** Part of a call's record that is not in the tables yet. */
  | ({ readonly kind: 'kept' } & Kept)
  /** It is now. */
  | { readonly kind: 'stored'; readonly numbers: readonly number[] };

export type Kept = {
  /** Its own. */
  readonly number: number;
  readonly request: Id<'inference'>;
  /** JSON of an object. */
  readonly row: string;
};

export type LeaseState = {
  readonly lease: Id<'hold'>;
  readonly payer: string;
  /** Neither reserved nor claimed nor captured. */
  free: bigint;
  /** Milliseconds since 1970; 0 until the ledger has said yes. */
  expiresAt: number;
  /** Requests in it that have not ended. */
  readonly requests: Set<Id<'inference'>>;
};

export type RequestState = {
  readonly request: Id<'inference'>;
  readonly lease: Id<'hold'>;
  /** What is set aside for it: the reservation, then the claim. */
  units: bigint;
  earned: bigint;
  usage: Usage | undefined;
  claim: { readonly units: bigint; readonly legs: readonly Leg[] | undefined } | undefined;
};

export type IntentState = {
  token: number;
  readonly leases: Map<Id<'hold'>, LeaseState>;
  readonly requests: Map<Id<'inference'>, RequestState>;
  readonly kept: Map<number, Kept>;
};

export const emptyIntents = (): IntentState => ({
  token: 0,
  leases: new Map(),
  requests: new Map(),
  kept: new Map(),
});

/**
 * Folds a record into the state, in place. An impossible record changes nothing.
 *
 * @throws conflict, naming what stands against it
 */
export function applyIntent(state: IntentState, record: IntentRecord): void {
  switch (record.kind) {
    case 'started':
      must(record.token > state.token, record, 'a later process has started');
      state.token = record.token;
      return;
    case 'leasing': {
      const { lease, payer } = record;
      must(!state.leases.has(lease), record, 'the lease exists');
      state.leases.set(lease, { lease, payer, free: 0n, expiresAt: 0, requests: new Set() });
      return;
    }
    case 'leased': {
      const lease = leaseOf(state, record);
      must(record.added >= 0n, record, 'a lease only grows');
      lease.free += record.added;
      lease.expiresAt = record.expiresAt;
      return;
    }
    case 'closed': {
      const lease = leaseOf(state, record);
      must(lease.requests.size === 0, record, 'requests are open in the lease');
      state.leases.delete(record.lease);
      return;
    }
    case 'reserved': {
      const { request, units } = record;
      const lease = leaseOf(state, record);
      must(!state.requests.has(request), record, 'the request exists');
      must(units > 0n && units <= lease.free, record, 'the lease has less');
      lease.free -= units;
      lease.requests.add(request);
      const opened = { earned: 0n, usage: undefined, claim: undefined };
      state.requests.set(request, { request, lease: record.lease, units, ...opened });
      return;
    }
    case 'kept': {
      const { number, request, row } = record;
      must(!state.kept.has(number), record, 'its number is taken');
      state.kept.set(number, { number, request, row });
      return;
    }
    case 'stored':
      for (const number of record.numbers) state.kept.delete(number);
      return;
    default:
      applyToRequest(state, record);
  }
}

type OfRequest = Exclude<
  IntentRecord,
  { kind: 'started' | 'leasing' | 'leased' | 'closed' | 'reserved' | 'kept' | 'stored' }
>;

function applyToRequest(state: IntentState, record: OfRequest): void {
  const request = state.requests.get(record.request);
  if (!request) throw refusal(record, 'the request has ended, or never was');
  const lease = state.leases.get(request.lease);
  if (!lease) throw new Error('A request outlived its lease.'); // `closed` refuses that
  const isOpen = request.claim === undefined;
  switch (record.kind) {
    case 'extended':
      must(isOpen, record, 'the request is claimed');
      must(record.units > 0n && record.units <= lease.free, record, 'the lease has less');
      lease.free -= record.units;
      request.units += record.units;
      return;
    case 'progress':
      must(isOpen, record, 'the request is claimed');
      must(record.units >= request.earned, record, 'what is earned only grows');
      must(record.units <= request.units, record, 'less is reserved');
      request.earned = record.units;
      request.usage = record.usage;
      return;
    case 'claimed':
      must(isOpen, record, 'the request is claimed');
      must(record.units > 0n && record.units <= request.units, record, 'less is reserved');
      must(!record.legs || sumOf(record.legs) === record.units, record, 'the legs are another sum');
      lease.free += request.units - record.units;
      request.units = record.units;
      request.claim = { units: record.units, legs: record.legs };
      return;
    case 'captured':
      must(!isOpen, record, 'the request is not claimed');
      end(state, request);
      return;
    case 'voided':
      must(isOpen, record, 'the request is claimed');
      lease.free += request.units;
      end(state, request);
      return;
    case 'expired':
      end(state, request); // what was set aside stays so: the lease is over
  }
}

function end(state: IntentState, { request, lease }: RequestState): void {
  state.leases.get(lease)?.requests.delete(request);
  state.requests.delete(request);
}

function leaseOf(
  state: IntentState,
  record: Extract<IntentRecord, { readonly lease: Id<'hold'> }>,
): LeaseState {
  const lease = state.leases.get(record.lease);
  if (!lease) throw refusal(record, 'there is no such lease');
  return lease;
}

function must(holds: boolean, record: IntentRecord, otherwise: string): void {
  if (!holds) throw refusal(record, otherwise);
}

function refusal(record: IntentRecord, why: string): OpenLedgerError {
  const facts = { kind: record.kind, ...('request' in record ? { request: record.request } : {}) };
  return new OpenLedgerError(
    'conflict',
    `An intent "${record.kind}" is impossible: ${why}.`,
    facts,
  );
}

const sumOf = (legs: readonly Leg[]): bigint => legs.reduce((sum, { amount }) => sum + amount, 0n);

/** The fewest records that lead from nothing to this state: what a compacted log says. */
export function recordsOf(state: IntentState): readonly IntentRecord[] {
  const records: IntentRecord[] = [{ kind: 'started', token: state.token }];
  for (const { lease, payer, free, expiresAt, requests } of state.leases.values()) {
    records.push({ kind: 'leasing', lease, payer });
    const open = [...requests].map((id) => state.requests.get(id) as RequestState);
    const added = open.reduce((sum, { units }) => sum + units, free);
    if (expiresAt > 0) records.push({ kind: 'leased', lease, added, expiresAt });
    for (const { request, units, earned, usage, claim } of open) {
      records.push({ kind: 'reserved', request, lease, units });
      // A claim may be smaller than what was earned; once it stands, that does not matter any more.
      if (claim) records.push({ kind: 'claimed', request, ...claim });
      else if (earned > 0n) records.push({ kind: 'progress', request, units: earned, usage });
    }
  }
  for (const kept of state.kept.values()) records.push({ kind: 'kept', ...kept });
  return records;
}
