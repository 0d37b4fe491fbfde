/** What must be true after any number of kills, counted from the database and from what the processes were promised. */
import type { Id } from '@openledger/protocol';
import { type Ledger, transactionIdFor } from '../../server/ledger/index.ts';
import type { Db } from '../../server/platform/db.ts';
import { sql } from '../../server/platform/sql.ts';
import { holdIdOf, PRICE, routeOf } from './request.ts';
import type { Promises } from './run-crash.ts';

export type Counts = {
  readonly kills: Readonly<Record<string, number>>;
  readonly requests: number;
  readonly captured: number;
  readonly voided: number;
  readonly expired: number;
  readonly acknowledged: number;
  readonly lost: number;
  readonly duplicated: number;
  /** Requests that did not end, or ended more than once. */
  readonly undecided: number;
  /** Sum of all balances, and what is left in clearing. */
  readonly sum: bigint;
  readonly clearing: bigint;
  readonly audit: string;
};

/** Ends holds that were left, and routes what was captured and not routed, as the sweep and the flow would. */
export async function finish(db: Db, ledger: Ledger): Promise<void> {
  await ledger.expireHolds(new Date(Date.now() + 3_500_000));
  const captured = await db.query<{ reference: Id<'inference'> }>(sql`
    select reference
    from ledger.transactions
    where kind = 'capture'`);
  await ledger.postAll(captured.map(({ reference }) => routeOf(reference)));
}

type Ends = { hold: string; begun: string; captured: string; voided: string; expired: string };

export async function check(
  db: Db,
  { ledger, promises }: { readonly ledger: Ledger; readonly promises: Promises },
): Promise<Omit<Counts, 'kills'>> {
  const requests = await db.query<Ends>(sql`
    select hold,
           count(*) filter (where kind = 'hold') as begun,
           count(*) filter (where kind = 'capture') as captured,
           count(*) filter (where kind = 'release') as voided,
           count(*) filter (where kind = 'expire') as expired
    from ledger.transactions
    where hold is not null
    group by hold`);
  const count = (end: keyof Ends) => requests.filter((request) => request[end] === '1').length;
  const undecided = requests.filter(
    ({ begun, captured, voided, expired }) =>
      begun !== '1' || Number(captured) + Number(voided) + Number(expired) !== 1,
  ).length;
  const [{ duplicated }] = await db.query<{ duplicated: string }>(sql`
    select count(*) as duplicated
    from (
      select reference, kind
      from ledger.transactions
      where reference is not null
      group by reference, kind
      having count(*) > 1
    ) twice`);
  const report = await ledger.audit();
  const [{ sum }] = await ledger.trialBalance();
  return {
    requests: requests.length,
    captured: count('captured'),
    voided: count('voided'),
    expired: count('expired'),
    acknowledged: Object.values(promises).reduce((total, ids) => total + ids.size, 0),
    lost: await countLost(db, promises),
    duplicated: Number(duplicated),
    undecided,
    sum,
    clearing: await ledger.balance('clearing:fees'),
    audit: report.ok ? 'ok' : `${report.check}: ${report.detail}`,
  };
}

/** Promises that the log does not hold, or holds otherwise. */
async function countLost(db: Db, promises: Promises): Promise<number> {
  const idsOf = async (kind: string, amount: bigint | undefined): Promise<Set<string>> => {
    const rows = await db.query<{ id: string }>(sql`
      select replace(id::text, '-', '') as id
      from ledger.transactions
      where kind = ${kind}
        and (${amount ?? null}::numeric is null or amounts[2] = ${amount ?? null}::numeric)`);
    return new Set(rows.map(({ id }) => `txn_${id}`));
  };
  const missing = (
    asked: ReadonlySet<string>,
    there: ReadonlySet<string>,
    idOf: (requestId: Id<'inference'>) => string,
  ) => [...asked].filter((id) => !there.has(idOf(id as Id<'inference'>))).length;
  const end = (id: string) => transactionIdFor(holdIdOf(id), 'end');
  const begun = (id: string) => transactionIdFor(holdIdOf(id), 'begin');
  return (
    missing(promises.held, await idsOf('hold', undefined), begun) +
    missing(promises.captured, await idsOf('capture', PRICE), end) +
    missing(promises.voided, await idsOf('release', undefined), end) +
    missing(promises.routed, await idsOf('post', undefined), (id) => routeOf(id).transactionId)
  );
}
