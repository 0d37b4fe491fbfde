/** The periods that were closed, met by a replay watermark by watermark, so that the first that is not the log's is named. */
import { equalBytes, fromHex, NO_SEAL, sealHash, toHex } from '@openledger/protocol';
import type { Reader } from '../platform/db.ts';
import { type Sql, sql } from '../platform/sql.ts';
import type { AccountKey } from './account.ts';
import type { Book } from './book.ts';
import { Difference, unitsOf } from './difference.ts';
import { levelsOf, rootIn } from './merkle-levels.ts';
import { balanceText, type Period, periods } from './periods.ts';

/** Where a replay stands after a batch. */
export type Standing = {
  readonly batch: number;
  readonly sequence: number;
  readonly hash: Uint8Array;
  readonly books: ReadonlyMap<number, Book>;
};

export type Seals = {
  /** The replay has come to the end of a batch, or stands before the first. @throws Difference when a seal says otherwise */
  meet(standing: Standing): Promise<void>;
  /** The replay is over. @throws Difference when a period ends where no batch does */
  expectEnd(): void;
};

export async function readSeals(reader: Reader): Promise<Seals> {
  await checkCalendar(reader);
  const waiting = [...(await periods(reader))].reverse();
  let next = 0;
  let hashes: Uint8Array[] = [];
  return {
    async meet(standing) {
      if (next === waiting.length) return;
      if (standing.batch > 0) hashes.push(standing.hash);
      for (; waiting[next]?.lastSequence === standing.sequence; next++) {
        const period = waiting[next];
        checkPlace(period, { standing, before: waiting[next - 1], number: next + 1 });
        await checkBalances(reader, { period, standing });
        checkSeal(period, { standing, before: waiting[next - 1], hashes });
        hashes = [];
      }
    },
    expectEnd() {
      if (next < waiting.length) throw differs(waiting[next], 'It ends where no batch does.');
    },
  };
}

/** No period is missing at the end, none was set back, and their moments are ones that can be written down. */
async function checkCalendar(reader: Reader): Promise<void> {
  type Row = { closed: number; sealed: number; agrees: boolean };
  const [calendar] = await reader.query<Row>(sql`
    select c.closed, c.sealed,
           c.closed = count(p.number) and c.sealed = count(p.hash)
           and c.closed_at is not distinct from max(p.closed_at)
           and coalesce(bool_and(${isMoment(sql`p.closed_at`)} and ${isMoment(sql`coalesce(p.sealed_at, p.closed_at)`)}
                                 and num_nonnulls(p.accounts, p.batches, p.root, p.previous, p.sealed_at, p.hash)
                                   = case p.state when 'sealed' then 6 else 0 end), true) as agrees
    from ledger.calendar c
    left join ledger.periods p on true
    group by c.only_row`);
  if (calendar?.agrees) return;
  const detail = `The calendar says that ${calendar?.closed} periods were closed and ${calendar?.sealed} sealed.`;
  throw new Difference('period', { detail });
}

const isMoment = (moment: Sql): Sql =>
  sql`(isfinite(${moment}) and ${moment} = date_trunc('milliseconds', ${moment}))`;

function checkPlace(
  period: Period,
  {
    standing,
    before,
    number,
  }: {
    readonly standing: Standing;
    readonly before: Period | undefined;
    readonly number: number;
  },
): void {
  if (period.number !== number) throw differs(period, `Period ${number} is missing.`);
  const follows =
    period.firstSequence === (before?.lastSequence ?? 0) + 1 &&
    period.firstBatch === (before?.batch ?? 0) + 1 &&
    (!before || before.state === 'sealed');
  if (!follows) throw differs(period, 'It does not follow the one before.');
  const ends =
    period.batch === standing.batch && equalBytes(fromHex(period.batchHash), standing.hash);
  if (!ends) throw differs(period, `It does not end with batch ${standing.batch}.`);
}

/** What was captured is what stood in the books then: the same accounts, in their order, with the same balances. */
async function checkBalances(
  reader: Reader,
  { period, standing }: { readonly period: Period; readonly standing: Standing },
): Promise<void> {
  const rows = await reader.query<{ place: number; account: string; balance: string }>(sql`
    select place, account, balance
    from ledger.period_balances
    where period = ${period.number}
    order by place`);
  const books = booksIn(standing);
  for (const [place, { number, account, balance }] of books.entries()) {
    const row = rows[place];
    const agrees =
      row &&
      row.place === place &&
      Number(row.account) === number &&
      unitsOf(row.balance) === balance;
    if (!agrees)
      throw differs(period, `Its trial balance does not say that ${account} has ${balance}.`);
  }
  if (rows.length > books.length) throw differs(period, 'Its trial balance has too many accounts.');
}

function checkSeal(
  { seal, ...period }: Period,
  {
    standing,
    before,
    hashes,
  }: {
    readonly standing: Standing;
    readonly before: Period | undefined;
    readonly hashes: readonly Uint8Array[];
  },
): void {
  if (!seal) return; // closing: nothing is sealed yet
  const fault = (detail: string) => differs({ ...period, seal }, detail);
  const leaves = booksIn(standing).map((book) => balanceText(seal.period, book));
  if (seal.accounts !== leaves.length) throw fault(`It sealed ${seal.accounts} accounts.`);
  const root = toHex(rootIn(levelsOf(leaves)));
  if (seal.root !== root) throw fault(`Its root is ${seal.root}; the log says ${root}.`);
  const batches = toHex(rootIn(levelsOf(hashes)));
  if (seal.batches !== batches) throw fault('The root of its batches is not that of the log.');
  const previous = before?.seal?.hash ?? NO_SEAL;
  if (seal.previous !== previous) throw fault(`It follows ${seal.previous} and not ${previous}.`);
  const hash = sealHash(seal);
  if (seal.hash !== hash) throw fault(`Its seal says ${seal.hash} and hashes to ${hash}.`);
}

/** The leaves' order: by account, then asset, byte by byte. */
const booksIn = ({ books }: Standing): readonly Stood[] =>
  [...books.values()]
    .map(({ number, account, asset, balance }) => ({
      ...{ number, account, asset },
      balance: balance.units,
    }))
    .filter(({ balance }) => balance !== 0n)
    .sort((a, b) => order(a.account, b.account) || order(a.asset, b.asset));

type Stood = AccountKey & { readonly number: number; readonly balance: bigint };

const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

const differs = ({ number }: Period, detail: string): Difference =>
  new Difference('period', { detail: `Period ${number}: ${detail}` });
