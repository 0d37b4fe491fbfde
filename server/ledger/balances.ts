/** Where accounts stand. */
import { OPEN } from '@openledger/protocol';
import type { Reader } from '../platform/db.ts';
import { sql } from '../platform/sql.ts';
import { type AccountKey, accountKey } from './account.ts';

export type Balance = AccountKey & { readonly amount: bigint };

/** What an account has; 0 where nothing was ever posted. */
export async function balance(
  reader: Reader,
  account: string,
  asset: string = OPEN,
): Promise<bigint> {
  const book = accountKey(account, asset);
  const [row] = await reader.query<{ balance: string }>(sql`
    select balance
    from ledger.accounts
    where name = ${book.account} and asset = ${book.asset}`);
  return BigInt(row?.balance ?? 0);
}

export type BalancesFilter = {
  /** How the account's name begins, e.g. `pty_0192...:`. */
  readonly prefix?: string;
  /** How it ends, e.g. `:pending:7`. */
  readonly suffix?: string;
  readonly asset?: string;
  readonly limit?: number;
  /** The last account of the page before. */
  readonly after?: AccountKey;
};

/** Accounts that do not stand at zero, by name and asset. All of them where no limit is given. */
export async function balances(
  reader: Reader,
  { prefix, suffix, asset, limit, after }: BalancesFilter = {},
): Promise<readonly Balance[]> {
  const conditions = [
    prefix === undefined ? sql`` : sql`and name like ${`${literal(prefix)}%`}`,
    suffix === undefined ? sql`` : sql`and reverse(name) like ${`${literal(reversed(suffix))}%`}`,
    asset === undefined ? sql`` : sql`and asset = ${asset}`,
    after === undefined ? sql`` : sql`and (name, asset) > (${after.account}, ${after.asset})`,
  ];
  const rows = await reader.query<{ name: string; asset: string; balance: string }>(sql`
    select name, asset, balance
    from ledger.accounts
    where balance <> 0
      ${conditions[0]}
      ${conditions[1]}
      ${conditions[2]}
      ${conditions[3]}
    order by name, asset
    limit ${limit ?? null}`);
  return rows.map(({ name, asset, balance }) => ({
    account: name,
    asset,
    amount: BigInt(balance),
  }));
}

/** Text as a LIKE pattern that matches just it. */
export const literal = (text: string): string => text.replace(/[\\%_]/g, '\\$&');

const reversed = (text: string): string => [...text].reverse().join('');

export type TrialBalance = {
  readonly asset: string;
  readonly lines: readonly {
    /** An account, or `party:<purpose>` for the sum over all parties. */
    readonly name: string;
    readonly accounts: number;
    readonly amount: bigint;
  }[];
  /** 0, or the ledger is wrong. */
  readonly sum: bigint;
};

/** All books by purpose. Parties' accounts are summed, `pending` over all epochs, so that nobody's balance shows. */
export async function trialBalance(reader: Reader): Promise<readonly TrialBalance[]> {
  type Row = { asset: string; name: string; accounts: string; amount: string };
  const rows = await reader.query<Row>(sql`
    select asset,
           case
             when name like 'pty\\_%' then 'party:' || split_part(name, ':', 2)
             when name like 'pool:%' then 'pool'
             when name like 'bnt\\_%' then 'bounty:' || split_part(name, ':', 2)
             else name
           end as name,
           count(*) as accounts,
           sum(balance) as amount
    from ledger.accounts
    group by 1, 2
    order by 1, 2`);
  const assets = [...new Set(rows.map(({ asset }) => asset))];
  return assets.map((asset) => {
    const lines = rows
      .filter((row) => row.asset === asset)
      .map(({ name, accounts, amount }) => ({
        name,
        accounts: Number(accounts),
        amount: BigInt(amount),
      }));
    return { asset, lines, sum: lines.reduce((sum, { amount }) => sum + amount, 0n) };
  });
}
