/** Fetches what a batch of commands asks about, so that the reducer finds everything in the state. */
import type { Id } from '@openledger/protocol';
import type { Reader } from '../platform/db.ts';
import { sql } from '../platform/sql.ts';
import { type AccountKey, bookOf } from './account.ts';
import { type Command, keyOf } from './command.ts';
import { uuid } from './commit-batch.ts';
import { idOf, readTransactions } from './read-transactions.ts';
import { afterReversal, asOriginal } from './reversal.ts';
import type { State } from './state.ts';

export async function load(
  reader: Reader,
  { state, commands }: { readonly state: State; readonly commands: readonly Command[] },
): Promise<void> {
  await loadRecorded(reader, state, commands.map(keyOf));
  await loadOriginals(reader, state, commands.flatMap(transactionIdOf));
  await loadAccounts(reader, state, [...booksOf(state, commands)]);
}

/** What earlier batches made of these idempotency keys. */
async function loadRecorded(reader: Reader, state: State, keys: readonly string[]): Promise<void> {
  type Row = { idempotency_key: string; id: string; sequence: string; payload: string };
  const rows = await reader.query<Row>(sql`
    select idempotency_key, id, sequence, encode(payload, 'hex') as payload
    from ledger.transactions
    where idempotency_key = any(${keys}::text[])`);
  for (const { idempotency_key, id, sequence, payload } of rows) {
    state.recorded.set(idempotency_key, {
      transactionId: idOf('txn', id),
      sequence: Number(sequence),
      payload,
    });
  }
}

/** Ids that callers name: to be reversed, or chosen for a new transaction and perhaps taken. */
const transactionIdOf = (command: Command): readonly Id<'transaction'>[] =>
  'transactionId' in command && command.transactionId ? [command.transactionId] : [];

async function loadOriginals(
  reader: Reader,
  state: State,
  ids: readonly Id<'transaction'>[],
): Promise<void> {
  if (ids.length === 0) return;
  const uuids = ids.map(uuid);
  for (const original of await readTransactions(reader, sql`t.id = any(${uuids}::uuid[])`)) {
    state.originals.set(original.transactionId, asOriginal(original));
  }
  for (const reversal of await readTransactions(reader, sql`t.reverses = any(${uuids}::uuid[])`)) {
    const original = state.originals.get(reversal.reverses!);
    if (!original) throw new Error(`${reversal.transactionId} reverses what is not there.`);
    const amount = reversal.postings.reduce((sum, posting) => sum + posting.amount, 0n);
    state.originals.set(reversal.reverses!, afterReversal(original, amount));
  }
}

/** Every book that the commands may touch. */
function* booksOf(state: State, commands: readonly Command[]): Generator<AccountKey> {
  const begun = new Map(
    commands.flatMap((command) => (command.kind === 'hold' ? [[command.holdId, command]] : [])),
  );
  for (const command of commands) {
    switch (command.kind) {
      case 'post':
        for (const { from, to, asset } of command.postings) {
          yield { account: from, asset };
          yield { account: to, asset };
        }
        break;
      case 'hold':
        yield { account: command.from, asset: command.asset };
        yield { account: command.to, asset: command.asset };
        break;
      case 'reverse':
        for (const { from, to, asset } of state.originals.get(command.transactionId)?.legs ?? []) {
          yield { account: from, asset };
          yield { account: to, asset };
        }
        break;
      default: {
        const hold = state.holds.get(command.holdId);
        const asset = hold?.asset ?? begun.get(command.holdId)?.asset;
        if (!asset) break; // there is no such hold, and the reducer will say so
        if (hold) {
          yield { account: hold.source, asset };
          yield { account: hold.held, asset };
        }
        if (command.kind !== 'capture') break;
        for (const { to } of command.postings) yield { account: to, asset };
      }
    }
  }
}

async function loadAccounts(
  reader: Reader,
  state: State,
  books: readonly AccountKey[],
): Promise<void> {
  const unknown = new Map(
    books
      .map((book): [string, AccountKey] => [bookOf(book.account, book.asset), book])
      .filter(([key]) => !state.accounts.has(key)),
  );
  if (unknown.size === 0) return;
  const names = [...unknown.values()].map(({ account }) => account);
  const assets = [...unknown.values()].map(({ asset }) => asset);
  type Row = { number: string; name: string; asset: string; balance: string };
  const rows = await reader.query<Row>(sql`
    select a.number, a.name, a.asset, a.balance
    from unnest(${names}::text[], ${assets}::text[]) as wanted(name, asset)
    join ledger.accounts a using (name, asset)`);
  for (const { number, name, asset, balance } of rows) {
    state.accounts.set(bookOf(name, asset), {
      account: name,
      asset,
      number: Number(number),
      balance: BigInt(balance),
    });
  }
}
