/** Leased money: calls are reserved in memory, out of what the ledger has lent to this gateway. No ledger trip a call. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Id, OpenLedgerError, priceBy } from '@openledger/protocol';
import { timeOf, transactionIdFor } from '../ledger/index.ts';
import { type Clock, sleep } from '../platform/clock.ts';
import type { Db, Tx } from '../platform/db.ts';
import { silentLog } from '../platform/log.ts';
import type { Presence } from '../platform/presence.ts';
import { sql } from '../platform/sql.ts';
import {
  type Books,
  type Budget,
  type BudgetHandles,
  createBudget,
  drawIdOf,
  type Ended,
  type Ending,
  type IntentLog,
  openIntentLog,
} from './budget/budget.ts';
import { storeKept } from './call-journal.ts';
import { holdIdOf } from './hold.ts';
import { type InferenceRoute, recordServed } from './inferences.ts';
import { freeReservation, type Money } from './money.ts';
import { createOrphans } from './orphans.ts';
import type { Usage } from './price.ts';

/** A call that was served so long ago and whose gateway has not drawn its price was lost with the gateway's log. */
const LOST_MS = 3_600_000;

/** Who is alive looks every second for intents that somebody has left, and has ended them long before. */
const TAKE_OVER_MS = 8_000;

/** The record of a call is heard of a moment before its price is drawn: so one who wants to settle waits for that. */
const DRAWN_WITHIN_MS = [20, 40, 80, 160, 320];

type LeasedHandles = Omit<BudgetHandles, 'log' | 'instance' | 'books' | 'store'> & {
  /** How calls were paid for before leases were switched on; theirs are settled there. */
  readonly holds: Money;
};

/**
 * @param folder where the intents of all gateways of this machine are, each in a folder of its own
 * @param servedBy the name by which this process is present, and its folder's
 */
export function createLeasedMoney({
  db,
  folder,
  holds,
  presence,
  servedBy,
  ...handles
}: LeasedHandles & {
  readonly db: Db;
  readonly folder: string;
  readonly presence: Pick<Presence, 'standInFor'>;
  readonly servedBy: string;
}): Money {
  const { clock, report = silentLog } = handles;
  const ours = join(folder, servedBy);
  let opened: Budget | undefined;
  const budget = (): Budget => {
    if (!opened) throw new Error('A gateway recovers before it serves.');
    return opened;
  };
  /** Of calls that are under way here: how they end. A call may be settled before its end has been written down. */
  const endings = new Map<Id<'inference'>, Promise<Ending>>();
  const noteEnded = (ended: readonly Ended[]): void => {
    for (const { requestId, ending } of ended) {
      if (ending.kind === 'expired') endings.set(requestId, Promise.resolve(ending));
    }
  };
  const openBudget = (log: IntentLog): Budget =>
    createBudget({
      ...{ ...handles, log, instance: servedBy, books: booksIn({ db, clock }) },
      store: (kept) => storeKept(db, kept),
    });
  const orphans = createOrphans({
    ...{ db, presence, folder, openBudget, report, ours: servedBy, onEnded: noteEnded },
  });
  const others = settledOutOfLeases({ ...handles, holds });
  return {
    ...others,
    journal: {
      keep: (inferenceId, row) => budget().keep(inferenceId, row),
      forget: (numbers) => budget().forget(numbers),
      durable: () => budget().durable(),
    },
    async reserve({ inferenceId, payerId: payer, heldUnits: units }) {
      if (units === 0n) return freeReservation;
      const reservation = await budget().reserve({ requestId: inferenceId, payer, units });
      let end: (ending: Promise<Ending>) => void = () => {};
      const ending = new Promise<Ending>((resolve) => {
        end = resolve;
      });
      endings.set(inferenceId, ending);
      ending
        .then(({ kind }) => kind !== 'expired' && endings.delete(inferenceId))
        .catch((error: unknown) => report.error('gateway.claim_failed', { inferenceId, error }));
      return {
        ...reservation,
        capture: (price) => end(reservation.capture(price)),
        void: async () => {
          end(reservation.void());
          await ending;
        },
      };
    },
    async settle(call) {
      const { inferenceId, priceUnits } = call;
      if (priceUnits === 0n && call.heldUnits === 0n) return true;
      const ending = await endings.get(inferenceId);
      endings.delete(inferenceId);
      return ending ? ending.kind !== 'expired' : others.settle(call);
    },
    async recover() {
      opened = openBudget(await openIntentLog(ours));
      noteEnded(await opened.start());
      await orphans.endAll();
      orphans.watch();
    },
    async stop() {
      await Promise.all([orphans.stop(), opened?.stop()]);
      if (opened?.isEmpty()) await rm(ours, { recursive: true, force: true });
    },
  };
}

/** Where a process serves nobody, but settles what others have lent: its own calls are paid for by holds. */
export const settledOutOfLeases = ({
  ledger,
  clock,
  holds,
}: Pick<LeasedHandles, 'ledger' | 'clock' | 'holds'>): Money => {
  const wasDrawn = async (inferenceId: Id<'inference'>): Promise<boolean> =>
    (await ledger.transaction(drawIdOf(inferenceId))) !== undefined;
  return {
    ...holds,
    takeOverMs: TAKE_OVER_MS,
    async settle(call) {
      const { inferenceId, priceUnits } = call;
      if (priceUnits === 0n && call.heldUnits === 0n) return true;
      if (await wasDrawn(inferenceId)) return true;
      if (await ledger.transaction(transactionIdFor(holdIdOf(inferenceId), 'begin'))) {
        return holds.settle(call);
      }
      if (priceUnits === 0n) return true;
      if (clock.now().getTime() - timeOf(inferenceId) > LOST_MS) return false;
      for (const pauseMs of DRAWN_WITHIN_MS) {
        await sleep(pauseMs);
        if (await wasDrawn(inferenceId)) return true;
      }
      throw new OpenLedgerError('unavailable', `${inferenceId} is not drawn yet.`, { inferenceId });
    },
  };
};

/**
 * A call that is ended without its client is recorded as served for what had been forwarded, before the ledger is asked for
 * it: so nothing is taken that no record tells of, whenever the process dies. The text itself was in memory only. Of a call
 * that was recorded before, the record says what it costs.
 */
const booksIn =
  ({ db, clock }: { readonly db: Db; readonly clock: Clock }): Books =>
  async (open) => {
    for (const { requestId: inferenceId, units: priceUnits, usage } of open) {
      if (priceUnits === 0n || !usage) continue;
      await db.transaction(async (tx) =>
        recordServed(tx, {
          ...{ inferenceId, usage, priceUnits, output: '', toolCalls: [] },
          ...{ finishReason: 'gateway_failed', estimated: true, servedAt: clock.now() },
          route: await termlessRoute(tx, { inferenceId, usage, priceUnits }),
        }),
      );
    }
    const ids = open.map(({ requestId }) => requestId);
    const rows = await db.query<{ id: Id<'inference'>; units: string }>(sql`
      select id, case status when 'served' then price_units else 0 end as units
      from gateway.inferences
      where id = any(${ids}) and status <> 'held'`);
    return new Map(rows.map(({ id, units }) => [id, BigInt(units)]));
  };

/**
 * Another than the one on record may have answered, and who it was died with the gateway: then nobody says by which terms.
 *
 * @returns undefined where the terms on record make the price
 */
async function termlessRoute(
  tx: Tx,
  {
    inferenceId,
    usage,
    priceUnits,
  }: { readonly inferenceId: string; readonly usage: Usage; readonly priceUnits: bigint },
): Promise<InferenceRoute | undefined> {
  const [row] = await tx.query<{ route: InferenceRoute }>(sql`
    select route
    from gateway.inferences
    where id = ${inferenceId}`);
  const terms = row?.route.terms;
  if (!terms || priceBy(terms, usage) === priceUnits) return undefined;
  return { ...row.route, terms: undefined };
}
