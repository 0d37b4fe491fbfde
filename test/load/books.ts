/** What the databases say after a run: the records of the calls, and what the ledger moved for each of them. */
import { createLedger, type Ledger } from '../../server/ledger/index.ts';
import { systemClock as clock } from '../../server/platform/clock.ts';
import type { Db } from '../../server/platform/db.ts';
import { silentLog as log } from '../../server/platform/log.ts';
import { sql } from '../../server/platform/sql.ts';

export type CallRecord = {
  readonly id: string;
  readonly tag: string;
  readonly payerId: string;
  readonly keyId: string;
  readonly status: 'held' | 'served' | 'void';
  readonly finishReason: string;
  readonly output: string;
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly estimated: boolean;
  readonly priceUnits: bigint;
};

/** Of one call: what reached clearing, and what left it. */
export type Flow = { readonly captured: readonly bigint[]; readonly routed: readonly bigint[] };

export type Books = {
  /** By tag. */
  readonly records: ReadonlyMap<string, readonly CallRecord[]>;
  /** By call. */
  readonly flows: ReadonlyMap<string, Flow>;
  /** By account; those that stand at zero are left out. */
  readonly balances: ReadonlyMap<string, bigint>;
  /** By key, those with a limit: what is spent, and what is still promised. */
  readonly spending: ReadonlyMap<string, { readonly spent: bigint; readonly reserved: bigint }>;
  /** Sums of all balances, asset by asset. */
  readonly sums: readonly bigint[];
  readonly audit: string;
};

export async function readBooks(db: Db): Promise<Books> {
  const ledger = createLedger({ db, clock, log }); // it only reads: it is not started
  const [balances, trial, report] = [
    await ledger.balances(),
    await ledger.trialBalance(),
    await ledger.audit(),
  ];
  return {
    ...{ records: await readRecords(db), flows: await readFlows(ledger) },
    spending: await readSpending(db),
    balances: new Map(balances.map(({ account, amount }) => [account, amount])),
    sums: trial.map(({ sum }) => sum),
    audit: report.ok ? 'ok' : `${report.check}: ${report.detail}`,
  };
}

type Row = {
  id: string;
  prompt: string;
  payer_id: string;
  key_id: string;
  status: CallRecord['status'];
  finish_reason: string | null;
  output: string | null;
  prompt_tokens: number | null;
  completion_tokens: number | null;
  estimated: boolean | null;
  price_units: string | null;
};

async function readRecords(db: Db): Promise<Books['records']> {
  const rows = await db.query<Row>(sql`
    select id, split_part(client_texts[1], '=', 1) as prompt, payer_id, key_id, status, finish_reason, output,
           prompt_tokens, completion_tokens, estimated, price_units
    from gateway.inferences`);
  const records = new Map<string, CallRecord[]>();
  for (const row of rows) {
    const record: CallRecord = {
      ...{ id: row.id, tag: row.prompt, payerId: row.payer_id, keyId: row.key_id },
      ...{ status: row.status, finishReason: row.finish_reason ?? '', output: row.output ?? '' },
      ...{ promptTokens: row.prompt_tokens ?? 0, completionTokens: row.completion_tokens ?? 0 },
      ...{ estimated: row.estimated ?? false, priceUnits: BigInt(row.price_units ?? 0) },
    };
    records.set(record.tag, [...(records.get(record.tag) ?? []), record]);
  }
  return records;
}

/** From the whole log, page by page: what refers to a call and touches clearing. */
async function readFlows(ledger: Ledger): Promise<Books['flows']> {
  const flows = new Map<string, { captured: bigint[]; routed: bigint[] }>();
  for (let after: number | undefined = 0; after !== undefined; ) {
    const page = await ledger.journal({ limit: 5_000, after });
    for (const { reference, postings } of page.transactions) {
      if (!reference?.startsWith('inf_')) continue;
      const flow = flows.get(reference) ?? { captured: [], routed: [] };
      const sum = (side: 'from' | 'to') =>
        postings
          .filter((posting) => posting[side] === 'clearing:fees')
          .reduce((total, { amount }) => total + amount, 0n);
      if (sum('to') > 0n) flow.captured.push(sum('to'));
      if (sum('from') > 0n) flow.routed.push(sum('from'));
      flows.set(reference, flow);
    }
    after = page.next;
  }
  return flows;
}

async function readSpending(db: Db): Promise<Books['spending']> {
  const rows = await db.query<{ key_id: string; spent_units: string; reserved_units: string }>(sql`
    select key_id, spent_units, reserved_units
    from gateway.key_spending`);
  return new Map(
    rows.map((row) => [
      row.key_id,
      { spent: BigInt(row.spent_units), reserved: BigInt(row.reserved_units) },
    ]),
  );
}
