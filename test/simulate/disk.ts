/** The durable log that stands where PostgreSQL stands: slow, failing before or after, and never torn. */
import { type Id, OpenLedgerError } from '@openledger/protocol';
import { type AccountKey, bookOf } from '../../server/ledger/account.ts';
import { afterReversal, asOriginal } from '../../server/ledger/reversal.ts';
import type { OpenHold, Original } from '../../server/ledger/state.ts';
import type { Head, Store, Term, Write } from '../../server/ledger/store.ts';
import { type Batch, GENESIS, type Transaction } from '../../server/ledger/transaction.ts';
import type { Actor } from './scheduler.ts';
import type { World } from './world.ts';

type Row = AccountKey & { readonly number: number; balance: bigint };

export type Disk = {
  term: number;
  head: Head;
  /** Who has the right to write, as the lock says. */
  lock: Actor | undefined;
  readonly accounts: Map<string, Row>;
  readonly byNumber: Map<number, Row>;
  readonly holds: Map<Id<'hold'>, OpenHold>;
  readonly byId: Map<Id<'transaction'>, Transaction>;
  readonly reversals: Map<Id<'transaction'>, Transaction[]>;
  /** Called with each batch in the moment in which it becomes durable. */
  readonly onDurable: (batch: Batch, transactions: readonly Transaction[]) => void;
};

export const createDisk = (onDurable: Disk['onDurable']): Disk => ({
  term: 0,
  head: { number: 0, hash: GENESIS, sequence: 0, account: 0 },
  lock: undefined,
  accounts: new Map(),
  byNumber: new Map(),
  holds: new Map(),
  byId: new Map(),
  reversals: new Map(),
  onDurable,
});

/** The disk as one process reaches it. */
export function createSimStore(world: World, { disk, actor }: { disk: Disk; actor: Actor }): Store {
  return {
    async begin({ waitMs }) {
      for (let waitedMs = 0; disk.lock !== undefined && disk.lock !== actor; waitedMs += 50) {
        if (waitedMs >= waitMs) {
          throw new OpenLedgerError('unavailable', 'Another process writes to the ledger.');
        }
        await world.sleep(50, actor);
      }
      disk.lock = actor;
      await world.sleep(world.chance.between(1, 5), actor);
      const number = ++disk.term;
      world.trace(actor.name, `begins term ${number} after ${disk.head.sequence}`);
      return openTerm(world, { disk, actor, number });
    },
  };
}

type Reach = { readonly disk: Disk; readonly actor: Actor };

function openTerm(world: World, { disk, actor, number }: Reach & { number: number }): Term {
  const read = async <T>(look: () => T): Promise<T> => {
    await world.sleep(world.chance.between(0, 3), actor);
    if (world.chance.happens(world.faults().readFails)) throw new Error('connection lost');
    const seen = look();
    await world.sleep(world.chance.between(0, 3), actor);
    return seen;
  };
  return {
    number,
    head: disk.head,
    holds: [...disk.holds.values()],
    readRecorded: (ids) =>
      read(() => ids.flatMap((id) => (disk.byId.has(id) ? [disk.byId.get(id)!] : []))),
    readOriginals: (ids) => read(() => originalsOf(disk, ids)),
    readAccounts: (books) =>
      read(() =>
        books.flatMap(({ account, asset }) => {
          const row = disk.accounts.get(bookOf(account, asset));
          return row ? [{ ...row }] : [];
        }),
      ),
    async confirm() {
      if (!(await read(() => disk.term === number))) throw takenOver();
    },
    commit: (write) => commit(world, { disk, actor, term: number, write }),
    async close() {
      if (disk.lock === actor && disk.term === number) disk.lock = undefined;
    },
  };
}

function originalsOf(disk: Disk, ids: readonly Id<'transaction'>[]) {
  const originals = new Map<Id<'transaction'>, Original>();
  for (const id of ids) {
    const transaction = disk.byId.get(id);
    if (!transaction) continue;
    let original = asOriginal(transaction);
    for (const { postings } of disk.reversals.get(id) ?? []) {
      const amount = postings.reduce((sum, posting) => sum + posting.amount, 0n);
      original = afterReversal(original, amount);
    }
    originals.set(id, original);
  }
  return originals;
}

/**
 * A batch travels to the disk, becomes durable or not, and the word of it travels back. It may fail on either way, and a
 * failed one may still arrive later. A process that dies does not call back what is on its way.
 */
function commit(
  world: World,
  { disk, actor, term, write }: Reach & { readonly term: number; readonly write: Write },
): Promise<void> {
  const { chance, after } = world;
  const fails = chance.happens(world.faults().commitFails);
  const fate = fails ? chance.pick(['lost', 'unheard', 'late'] as const) : 'good';
  const isSlow = chance.happens(world.faults().slow);
  const thereMs = isSlow ? chance.between(20, 400) : chance.between(1, 6);
  const backMs = chance.between(0, 4);
  return new Promise((done, failed) => {
    const lost = () => failed(new Error('connection lost'));
    if (fate === 'lost') return after(thereMs, lost, actor);
    if (fate === 'late') after(chance.between(0, thereMs), lost, actor);
    after(thereMs, () => {
      const isWritten = writeBatch(disk, term, write);
      world.trace(actor.name, `${isWritten ? 'writes' : 'is fenced off at'} ${write.batch.number}`);
      if (fate === 'late') return;
      if (fate === 'unheard') return after(backMs, lost, actor);
      after(backMs, isWritten ? done : () => failed(takenOver()), actor);
    });
  });
}

const takenOver = (): OpenLedgerError =>
  new OpenLedgerError('unavailable', 'Another writer has taken over the ledger.');

/** @returns false from a writer whose term is over */
function writeBatch(disk: Disk, term: number, write: Write): boolean {
  const { batch, transactions, opened, moved, kept, ended } = write;
  if (term !== disk.term || batch.firstSequence !== disk.head.sequence + 1) return false;
  for (const row of opened) {
    const account = { ...row };
    disk.accounts.set(bookOf(row.account, row.asset), account);
    disk.byNumber.set(row.number, account);
  }
  for (const { number, change } of moved) disk.byNumber.get(number)!.balance += change;
  for (const { source, held, ...hold } of kept) {
    const from = disk.byNumber.get(source)!;
    const to = disk.byNumber.get(held)!;
    disk.holds.set(hold.holdId, {
      ...hold,
      source: from.account,
      held: to.account,
      asset: from.asset,
    });
  }
  for (const holdId of ended) disk.holds.delete(holdId);
  for (const { transaction } of transactions) {
    disk.byId.set(transaction.transactionId, transaction);
    if (!transaction.reverses) continue;
    const before = disk.reversals.get(transaction.reverses) ?? [];
    disk.reversals.set(transaction.reverses, [...before, transaction]);
  }
  disk.head = {
    number: batch.number,
    hash: batch.hash,
    sequence: batch.firstSequence + batch.count - 1,
    account: Math.max(disk.head.account, opened.at(-1)?.number ?? 0),
  };
  disk.onDurable(
    batch,
    transactions.map(({ transaction }) => transaction),
  );
  return true;
}
