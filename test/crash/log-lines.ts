import type { Id } from '@openledger/protocol';
import type { Ledger } from '../../server/ledger/index.ts';

/** What the checks look at in a transaction. */
export type LogLine = {
  readonly transactionId: Id<'transaction'>;
  readonly kind: string;
  readonly at: Date;
  /** When the hold or the lease may be swept, where this says so. */
  readonly expiresAt?: Date;
  readonly holdId?: Id<'hold'>;
  readonly reference?: string;
  /** Units that it pays to `clearing:fees`. */
  readonly paid: bigint;
};

/** The whole log, in its order. */
export async function readLog(ledger: Ledger): Promise<readonly LogLine[]> {
  const lines: LogLine[] = [];
  for (let after: number | undefined = 0; after !== undefined; ) {
    const page = await ledger.journal({ limit: 5_000, after });
    for (const { postings, ...transaction } of page.transactions) {
      const { transactionId, kind, at, expiresAt, holdId, reference } = transaction;
      const fees = postings.filter(({ to }) => to === 'clearing:fees');
      const paid = fees.reduce((sum, { amount }) => sum + amount, 0n);
      lines.push({ transactionId, kind, at, expiresAt, holdId, reference, paid });
    }
    after = page.next;
  }
  return lines;
}

export function groupBy<Key>(
  lines: readonly LogLine[],
  keyOf: (line: LogLine) => Key | undefined,
): ReadonlyMap<Key, readonly LogLine[]> {
  const groups = new Map<Key, LogLine[]>();
  for (const line of lines) {
    const key = keyOf(line);
    if (key === undefined) continue;
    const group = groups.get(key);
    if (group) group.push(line);
    else groups.set(key, [line]);
  }
  return groups;
}
