/** The follower's chunks, met by a replay line by line, so that the first line that is not the log's is named. */
import type { Reader } from '../platform/db.ts';
import { sql } from '../platform/sql.ts';
import type { History } from './book.ts';
import { Difference, unitsOf } from './difference.ts';

export type Histories = {
  /** Of an account by number. */
  of(number: string): History;
  /** Nobody asks for more. @throws Difference when there is one of an account that nobody has asked for */
  expectEnd(): void;
};

type Chunk = {
  readonly first: number;
  readonly offsets: Int16Array;
  readonly closing: bigint | undefined;
};

export async function readHistories(reader: Reader): Promise<Histories> {
  type Row = { account: string; first_sequence: string; closing: string; offsets: string };
  const rows = await reader.query<Row>(sql`
    select account, first_sequence, closing, offsets::text
    from ledger.entries
    order by account, first_sequence`);
  const unclaimed = new Map<string, Chunk[]>();
  for (const { account, first_sequence: first, closing, offsets } of rows) {
    const chunks = unclaimed.get(account) ?? [];
    chunks.push({
      first: Number(first),
      offsets: parseOffsets(offsets),
      closing: unitsOf(closing),
    });
    unclaimed.set(account, chunks);
  }
  return {
    of(number) {
      const chunks = unclaimed.get(number) ?? [];
      unclaimed.delete(number);
      return historyOf(chunks);
    },
    expectEnd() {
      for (const number of unclaimed.keys()) throw differs(`account number ${number}`);
    },
  };
}

/** `{0,3,7}` as numbers; none where it is not what a follower writes, which then no line meets. */
function parseOffsets(text: string): Int16Array {
  const offsets = /^\{0(,\d+)*\}$/.test(text) ? text.slice(1, -1).split(',') : [];
  return Int16Array.from(offsets, Number);
}

function historyOf(chunks: readonly Chunk[]): History {
  let at = 0;
  let line = 0;
  return {
    expect(book, sequence) {
      const chunk = chunks[at];
      if (!chunk || chunk.first + chunk.offsets[line] !== sequence) throw differs(book.account);
      line += 1;
      if (line < chunk.offsets.length) return;
      if (chunk.closing !== book.balance.units) throw differs(book.account);
      at += 1;
      line = 0;
    },
    expectEnd(book) {
      if (at < chunks.length) throw differs(book.account);
    },
  };
}

const differs = (account: string): Difference =>
  new Difference('entries', { detail: `The statement of ${account} is not what the log says.` });
