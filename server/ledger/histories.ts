/** The follower's chunks, met by a replay line by line, so that the first line that is not the log's is named. */
import type { Reader } from '../platform/db.ts';
import { sql } from '../platform/sql.ts';
import { bookOf } from './account.ts';
import { Difference } from './difference.ts';
import type { Names } from './read-transactions.ts';

export type Histories = {
  /** The replay has come to a line. @throws Difference when the follower wrote another */
  expect(line: {
    readonly book: string;
    readonly sequence: number;
    readonly balance: bigint;
  }): void;
  /** The replay is over. @throws Difference when the follower wrote more */
  expectEnd(): void;
};

type Chunk = { readonly sequences: readonly string[]; readonly closing: bigint };

/** What was written of a book, and how far the replay has met it. */
type History = { readonly chunks: Chunk[]; chunk: number; line: number };

export async function readHistories(reader: Reader, names: Names): Promise<Histories> {
  type Row = { account: string; first_sequence: string; closing: string; sequences: string };
  const rows = await reader.query<Row>(sql`
    select account, first_sequence, closing, array_to_string(sequences, ',', 'null') as sequences
    from ledger.entries
    order by account, first_sequence`);
  const histories = new Map<string, History>();
  for (const row of rows) {
    const name = names.get(row.account);
    const all = row.sequences.split(',');
    const sequences = all[0] === row.first_sequence ? all : []; // which no line can meet
    const book = name ? bookOf(name.account, name.asset) : `account number ${row.account}`;
    const history = histories.get(book) ?? { chunks: [], chunk: 0, line: 0 };
    history.chunks.push({ sequences, closing: BigInt(row.closing) });
    histories.set(book, history);
  }
  return {
    expect({ book, sequence, balance }) {
      const history = histories.get(book);
      const chunk = history?.chunks[history.chunk];
      if (!history || chunk?.sequences[history.line] !== String(sequence)) throw differs(book);
      history.line += 1;
      if (history.line < chunk.sequences.length) return;
      if (chunk.closing !== balance) throw differs(book);
      history.chunk += 1;
      history.line = 0;
    },
    expectEnd() {
      for (const [book, { chunks, chunk }] of histories) {
        if (chunk < chunks.length) throw differs(book);
      }
    },
  };
}

const differs = (book: string): Difference =>
  new Difference('entries', { detail: `The statement of ${book} is not what the log says.` });
