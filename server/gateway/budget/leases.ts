/**
 * The life of a lease: asked for, renewed, given back. What it is about to be is written down before the ledger is asked,
 * what it has become after the ledger has answered.
 */
import { type Id, OpenLedgerError } from '@openledger/protocol';
import { type Ledger, transactionIdFor } from '../../ledger/index.ts';
import { type Clock, sleep } from '../../platform/clock.ts';
import type { Log } from '../../platform/log.ts';
import { newId } from '../../platform/new-id.ts';
import type { IntentRecord, IntentState, LeaseState } from './intent.ts';

export type LeasesHandles = {
  readonly ledger: Pick<Ledger, 'lease' | 'renew' | 'release'>;
  readonly clock: Clock;
  /** This gateway's name, for people who read the ledger. */
  readonly instance: string;
  /** How long a lease lasts, and how long before its end nothing is served from it any more. */
  readonly settings: { readonly leaseMs: number; readonly graceMs: number };
  readonly state: IntentState;
  readonly write: (record: IntentRecord) => void;
  readonly report: Log;
};

export type Leases = {
  /** Whether requests may still be served from it. */
  isServing(lease: LeaseState): boolean;
  /** @throws insufficient_funds, unavailable */
  open(payer: string, units: bigint): Promise<LeaseState>;
  /** Adds units, or time alone. What the ledger does not renew is not served from any more. */
  renew(lease: LeaseState, units: bigint): Promise<void>;
  /** Renews under this process's token what the one before it had; nothing happens where that is over. */
  takeOver(lease: LeaseState): Promise<void>;
  /** Renews it, once half of its time has gone. */
  keep(lease: LeaseState): Promise<void>;
  /** Gives the rest back, where nothing is open in it. */
  giveBack(lease: LeaseState): Promise<void>;
};

export function createLeases(handles: LeasesHandles): Leases {
  const { clock, settings, state, write, report } = handles;
  const lender = createLender(handles);
  /** Not served from any more: the ledger would not renew them, or they are about to be given back. */
  const closing = new Set<Id<'hold'>>();
  /** Renewals under way of each: no lease is closed under one. */
  const renewing = new Map<Id<'hold'>, number>();
  const countRenewing = (lease: Id<'hold'>, one: 1 | -1) =>
    renewing.set(lease, (renewing.get(lease) ?? 0) + one);

  const nowMs = () => clock.now().getTime();
  const until = () => new Date(nowMs() + settings.leaseMs);
  const forget = (lease: Id<'hold'>): void => {
    write({ kind: 'closed', lease });
    closing.delete(lease);
    renewing.delete(lease);
  };

  async function renew({ lease }: LeaseState, units: bigint): Promise<void> {
    const expiresAt = until();
    countRenewing(lease, 1);
    try {
      await lender.renew(lease, { units, expiresAt });
      write({ kind: 'leased', lease, added: units, expiresAt: expiresAt.getTime() });
    } catch (error) {
      if (isOver(error)) closing.add(lease);
      throw error;
    } finally {
      countRenewing(lease, -1);
    }
  }

  return {
    isServing: ({ lease, expiresAt }) =>
      state.leases.has(lease) && !closing.has(lease) && nowMs() < expiresAt - settings.graceMs,
    async open(payer, units) {
      const lease = newId('hold', clock);
      const expiresAt = until();
      write({ kind: 'leasing', lease, payer });
      try {
        await lender.lend(lease, { payer, units, expiresAt });
      } catch (error) {
        closing.add(lease); // the ledger may have lent all the same: then it is given back
        if (!isUnavailable(error)) forget(lease);
        throw error;
      }
      write({ kind: 'leased', lease, added: units, expiresAt: expiresAt.getTime() });
      return state.leases.get(lease) as LeaseState;
    },
    renew,
    takeOver: (lease) => renew(lease, 0n).catch(unlessOver),
    async keep(lease) {
      const isHalf = nowMs() >= lease.expiresAt - settings.leaseMs / 2;
      if (!isHalf || closing.has(lease.lease)) return;
      await renew(lease, 0n).catch((error: unknown) =>
        report.warn('budget.renew_failed', { lease: lease.lease, error }),
      );
    },
    async giveBack({ lease, expiresAt, requests }) {
      const isAskedFor = expiresAt === 0 && !closing.has(lease);
      if (isAskedFor || requests.size > 0 || renewing.get(lease)) return;
      closing.add(lease);
      try {
        await lender.release(lease);
      } catch (error) {
        if (!isOver(error)) return report.warn('budget.return_later', { lease, error });
      }
      forget(lease);
    },
  };
}

/** What the ledger is asked for, under ids by which it is done once however often it is asked. */
function createLender({ ledger, instance: reference, state }: LeasesHandles) {
  type Added = { readonly units: bigint; readonly expiresAt: Date };
  let renewals = 0;
  return {
    lend: (lease: Id<'hold'>, { payer, units, expiresAt }: Added & { readonly payer: string }) =>
      asked(() =>
        ledger.lease({
          ...{ holdId: lease, token: state.token, amount: units, expiresAt },
          ...{ from: `${payer}:available`, to: `${payer}:held` },
          ...{ reason: 'budget.leased', reference },
        }),
      ),
    renew(lease: Id<'hold'>, { units: amount, expiresAt }: Added) {
      const { token } = state;
      const transactionId = transactionIdFor(lease, `renew-${token}-${++renewals}`);
      return asked(() =>
        ledger.renew({
          ...{ transactionId, holdId: lease, token, amount, expiresAt },
          ...{ reason: 'budget.renewed', reference },
        }),
      );
    },
    release: (lease: Id<'hold'>) =>
      ledger.release({
        ...{ holdId: lease, token: state.token },
        ...{ reason: 'budget.returned', reference },
      }),
  };
}

const TRIES = 5;
const AGAIN_MS = 50;

/** A wish that nobody answered is asked again. */
async function asked(ask: () => Promise<unknown>): Promise<void> {
  for (let left = TRIES - 1; ; left--) {
    try {
      await ask();
      return;
    } catch (error) {
      if (!isUnavailable(error) || left === 0) throw error;
      await sleep(AGAIN_MS);
    }
  }
}

const isUnavailable = (error: unknown): boolean =>
  !(error instanceof OpenLedgerError) || error.code === 'unavailable';

/** The ledger has ended the lease, or somebody else has it. */
export const isOver = (error: unknown): boolean =>
  error instanceof OpenLedgerError && (error.code === 'conflict' || error.code === 'not_found');

function unlessOver(error: unknown): void {
  if (!isOver(error)) throw error;
}
