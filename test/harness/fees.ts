/** The fees stage over a real database and ledger; inferences and attributions are told, as the stages below would tell of them. */
import { defaultPolicy, policyHash, type Shares, WEIGHT_ONE } from '@openledger/protocol';
import type { Attribution } from '../../server/attribution/index.ts';
import type { Read } from '../../server/datanets/index.ts';
import { createFees, type Fees, type FeesHandles } from '../../server/fees/index.ts';
import type { Inference } from '../../server/gateway/index.ts';
import { createGovernance } from '../../server/governance/index.ts';
import { createLedger, type Ledger } from '../../server/ledger/index.ts';
import { systemClock } from '../../server/platform/clock.ts';
import type { Db } from '../../server/platform/db.ts';
import { silentLog } from '../../server/platform/log.ts';
import { newId } from '../../server/platform/new-id.ts';
import { createTestDatabase } from './postgres.ts';

export const testParty = (name: string) => `pty_${name.repeat(32).slice(0, 32)}`;
export const [operator, builder, base, payer] = [...'1234'].map(testParty);

export type Charge = {
  readonly units: bigint;
  readonly shares: Shares;
  readonly basePartyId?: string;
  readonly servedAt?: Date;
};

export type TestFees = {
  readonly db: Db;
  readonly ledger: Ledger;
  readonly handles: FeesHandles;
  readonly fees: Fees;
  /** What is asked for by inference; a test may change it. */
  readonly charges: Map<string, Charge>;
  /** An attributed inference whose price has been captured. */
  charge(facts: Charge): Promise<string>;
  /** Gives an account money from outside. */
  fund(account: string, amount: bigint): Promise<void>;
  pending(partyId: string, epoch?: number): Promise<bigint>;
  end(): Promise<void>;
};

/** @param pools members by pool; any other pool has none */
export async function startTestFees(
  pools: Readonly<Record<string, Shares>> = {},
): Promise<TestFees> {
  const { db, drop } = await createTestDatabase();
  const ledger = createLedger({ db, clock: systemClock, log: silentLog });
  await ledger.start();
  const charges = new Map<string, Charge>();
  const handles: FeesHandles = {
    ...{ db, ledger, clock: systemClock, log: silentLog },
    governance: await createGovernance({ db, clock: systemClock }),
    gateway: { find: async (inferenceId) => inferenceOf(inferenceId, charges) },
    reads: { find: async (readId) => readOf(readId, charges) },
    attributions: { find: async (inferenceId) => attributionOf(inferenceId, charges) },
    poolMembers: async (pool) =>
      (pools[pool] ?? []).map(({ to, weight }) => ({ party: to, weight })),
  };
  const fund = async (account: string, amount: bigint) => {
    await ledger.post({
      transactionId: newId('transaction', systemClock),
      reason: 'test.funded',
      postings: [{ from: 'external:payer', to: account, amount }],
    });
  };
  return {
    ...{ db, ledger, handles, charges, fund },
    fees: createFees(handles),
    async charge(facts) {
      const inferenceId = newId('inference', systemClock);
      charges.set(inferenceId, facts);
      if (facts.units > 0n) await fund('clearing:fees', facts.units);
      return inferenceId;
    },
    pending: (partyId, epoch = 1) => ledger.balance(`${partyId}:pending:${epoch}`),
    async end() {
      await ledger.stop();
      await drop();
    },
  };
}

function inferenceOf(inferenceId: string, charges: ReadonlyMap<string, Charge>): Inference {
  const { units, basePartyId, servedAt } = charges.get(inferenceId)!;
  return {
    inferenceId,
    payerId: payer,
    priceUnits: units,
    servedAt: servedAt ?? new Date(),
    route: { operatorPartyId: operator, builderPartyId: builder, basePartyId },
  } as unknown as Inference; // what fees reads of it
}

const readOf = (readId: string, charges: ReadonlyMap<string, Charge>): Read =>
  ({
    ...{ id: readId, readerId: payer, ownerId: operator, readAt: new Date() },
    ...{ policyHash: policyHash(defaultPolicy), ...charges.get(readId) },
  }) as unknown as Read;

const attributionOf = (inferenceId: string, charges: ReadonlyMap<string, Charge>): Attribution =>
  ({
    inferenceId,
    policyHash: policyHash(defaultPolicy),
    shares: charges.get(inferenceId)!.shares,
  }) as unknown as Attribution;

/** Names with parts of 12. */
export function twelfths(parts: Readonly<Record<string, number>>): Shares {
  const sorted = Object.keys(parts).sort();
  let rest = WEIGHT_ONE;
  return sorted.map((to, i) => {
    const weight = i === sorted.length - 1 ? rest : (WEIGHT_ONE * BigInt(parts[to])) / 12n;
    rest -= weight;
    return { to, weight };
  });
}

/** A ledger whose answer is lost: it does what it was asked, and the caller never hears of it. */
export const deafened = (
  handles: FeesHandles,
  deafFor: (wish: { readonly reason: string }) => boolean,
): FeesHandles => ({
  ...handles,
  ledger: {
    ...handles.ledger,
    post: async (wish) => {
      const done = await handles.ledger.post(wish);
      if (deafFor(wish)) throw new Error('The process died here.');
      return done;
    },
  },
});

/** A ledger that is not there when it is needed. */
export const silenced = (
  handles: FeesHandles,
  silentFor: (wish: { readonly reason: string }) => boolean = () => true,
): FeesHandles => ({
  ...handles,
  ledger: {
    ...handles.ledger,
    post: async (wish) => {
      if (silentFor(wish)) throw new Error('The process died here.');
      return handles.ledger.post(wish);
    },
  },
});
