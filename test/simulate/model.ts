/** The ledger once more, slow and obvious: each durable transaction is judged by what was asked and by where everything stood. */
import { equalBytes } from '@openledger/protocol';
import { bookOf } from '../../server/ledger/account.ts';
import type { Command, Posting } from '../../server/ledger/command.ts';
import {
  type Batch,
  batchHash,
  GENESIS,
  rootOf,
  type Transaction,
} from '../../server/ledger/transaction.ts';

export type ModelHold = {
  readonly source: string;
  readonly held: string;
  readonly asset: string;
  amount: bigint;
  expiresAt: number;
  token: number | undefined;
  readonly begun: number;
  ended?: { readonly sequence: number; readonly kind: Transaction['kind'] };
  /** Every token and end it had. */
  readonly past: { readonly token: number | undefined; readonly expiresAt: number }[];
};

export type Model = {
  sequence: number;
  batches: number;
  term: number;
  hash: Uint8Array;
  readonly byId: Map<string, Transaction>;
  /** One act, one transaction: a reference names an act here. */
  readonly byReference: Map<string, string>;
  /** Where each book stood after which sequence, in order. */
  readonly history: Map<string, { readonly sequence: number; readonly balance: bigint }[]>;
  readonly holds: Map<string, ModelHold>;
  /** What is left of the paying legs of each transaction, after which sequence. */
  readonly remaining: Map<
    string,
    { readonly sequence: number; readonly legs: readonly bigint[] }[]
  >;
};

export const createModel = (): Model => ({
  sequence: 0,
  batches: 0,
  term: 0,
  hash: GENESIS,
  byId: new Map(),
  byReference: new Map(),
  history: new Map(),
  holds: new Map(),
  remaining: new Map(),
});

export const balanceIn = ({ history }: Model, account: string, asset = 'OPEN'): bigint =>
  history.get(bookOf(account, asset))?.at(-1)?.balance ?? 0n;

/** @param wishes everything that anybody has asked for under an id @throws a plain Error that says what is wrong */
export function appendToModel(
  model: Model,
  { batch, transactions }: { batch: Batch; transactions: readonly Transaction[] },
  wishes: (id: string) => readonly Command[],
): void {
  unless(batch.number === model.batches + 1, `batch ${batch.number} follows ${model.batches}`);
  unless(batch.term >= model.term, `term ${batch.term} follows ${model.term}`);
  unless(batch.firstSequence === model.sequence + 1, `sequence ${batch.firstSequence} is wrong`);
  unless(equalBytes(batch.previous, model.hash), `batch ${batch.number} follows another`);
  unless(equalBytes(batch.root, rootOf(transactions)), `the root of ${batch.number} is another`);
  unless(equalBytes(batch.hash, batchHash(batch)), `the hash of ${batch.number} is another`);
  unless(batch.count === transactions.length, `batch ${batch.number} miscounts`);
  Object.assign(model, { batches: batch.number, term: batch.term, hash: batch.hash });
  for (const transaction of transactions) appendTransaction(model, transaction, wishes);
}

function appendTransaction(
  model: Model,
  transaction: Transaction,
  wishes: (id: string) => readonly Command[],
): void {
  const { transactionId: id, sequence, kind } = transaction;
  const name = `${kind} ${id} at ${sequence}`;
  unless(sequence === model.sequence + 1, `${name} does not follow ${model.sequence}`);
  unless(!model.byId.has(id), `${name} was recorded before`);
  const asked = wishes(id).filter((wish) => wish.kind === kind);
  unless(asked.length > 0, `${name} was asked for by nobody`);
  unless(
    asked.some((wish) => isWhatWasAsked(model, transaction, wish)),
    `${name} is not what was asked for: ${textOf(transaction.postings)}`,
  );
  const act = `${kind} ${transaction.reference}`;
  const same = transaction.reference && model.byReference.get(act);
  unless(!same, `${name} does again what ${same} has done`);
  model.byReference.set(act, id);
  model.byId.set(id, transaction);
  model.sequence = sequence;
  movePostings(model, transaction, name);
  changeHold(model, transaction, name);
  const legs = transaction.postings.filter((leg) => !touchesHeld(leg)).map(({ amount }) => amount);
  model.remaining.set(id, [{ sequence, legs }]);
  if (transaction.reverses) takeFromOriginal(model, transaction, name);
}

const touchesHeld = ({ from, to }: Posting): boolean => /:held$/.test(from) || /:held$/.test(to);

/** The postings that follow from the wish where everything stands now, and the words that came with it. */
function isWhatWasAsked(model: Model, transaction: Transaction, wish: Command): boolean {
  if (wish.kind !== 'expire' && transaction.reason !== wish.reason) return false;
  if ('token' in wish && wish.token !== transaction.token) return false;
  const lasts = 'expiresAt' in wish ? wish.expiresAt.getTime() : undefined;
  if (transaction.expiresAt?.getTime() !== lasts) return false;
  return textOf(transaction.postings) === textOf(postingsOf(model, transaction, wish));
}

function postingsOf(model: Model, transaction: Transaction, wish: Command): readonly Posting[] {
  if (wish.kind === 'post') return wish.postings;
  if (wish.kind === 'hold' || wish.kind === 'lease') return [wish];
  if (wish.kind === 'reverse') return mirrored(model, transaction, wish.amount);
  const hold = model.holds.get(wish.holdId);
  if (!hold) return [];
  const { source, held, asset } = hold;
  const back = (amount: bigint) =>
    amount === 0n ? [] : [{ from: held, to: source, amount, asset }];
  if (wish.kind === 'renew') {
    return wish.amount === 0n ? [] : [{ from: source, to: held, amount: wish.amount, asset }];
  }
  if (wish.kind === 'release' || wish.kind === 'expire') return back(hold.amount);
  const paid = wish.postings.map(({ to, amount }) => ({ from: source, to, amount, asset }));
  const total = wish.postings.reduce((sum, { amount }) => sum + amount, 0n);
  return [...back(wish.kind === 'draw' ? total : hold.amount), ...paid];
}

function mirrored(
  model: Model,
  { reverses }: Transaction,
  wanted: bigint | undefined,
): readonly Posting[] {
  const left = model.remaining.get(reverses!)?.at(-1)?.legs ?? [];
  const legs = model.byId.get(reverses!)?.postings.filter((leg) => !touchesHeld(leg)) ?? [];
  const parts = partsOf(left, wanted ?? sumOf(left));
  return legs
    .map(({ from, to, asset }, k) => ({ from: to, to: from, amount: parts[k], asset }))
    .filter((leg) => leg.amount > 0n);
}

const sumOf = (amounts: readonly bigint[]): bigint => amounts.reduce((sum, each) => sum + each, 0n);

/** Of each leg what is left of it, pro rata: differences of running totals that are rounded down. */
function partsOf(left: readonly bigint[], amount: bigint): readonly bigint[] {
  const total = sumOf(left);
  if (total === 0n) return left.map(() => 0n);
  const upTo = (k: number) => (amount * sumOf(left.slice(0, k))) / total;
  return left.map((_, k) => upTo(k + 1) - upTo(k));
}

function movePostings(model: Model, { sequence, postings }: Transaction, name: string): void {
  const after = new Map<string, bigint>();
  const standing = (book: string) =>
    after.get(book) ?? model.history.get(book)?.at(-1)?.balance ?? 0n;
  for (const { from, to, amount, asset } of postings) {
    unless(amount > 0n, `${name} moves ${amount}`);
    after.set(bookOf(from, asset), standing(bookOf(from, asset)) - amount);
    after.set(bookOf(to, asset), standing(bookOf(to, asset)) + amount);
  }
  for (const [book, balance] of after) {
    unless(balance >= 0n || book.startsWith('external:'), `${name} takes ${book} to ${balance}`);
    const history = model.history.get(book) ?? [];
    history.push({ sequence, balance });
    model.history.set(book, history);
  }
}

function changeHold(model: Model, transaction: Transaction, name: string): void {
  const { kind, holdId, sequence, postings, token } = transaction;
  if (kind === 'post' || kind === 'reverse') return;
  const at = transaction.at.getTime();
  const expiresAt = transaction.expiresAt?.getTime() ?? 0;
  const hold = model.holds.get(holdId!);
  if (kind === 'hold' || kind === 'lease') {
    unless(!hold, `${name} begins ${holdId} twice`);
    const [{ from: source, to: held, amount, asset }] = postings;
    const past = [{ token, expiresAt }];
    const begun = { source, held, asset, amount, expiresAt, token, begun: sequence, past };
    model.holds.set(holdId!, begun);
    return;
  }
  if (!hold) throw new Error(`${name} has no hold`);
  unless(!hold.ended, `${name} comes after the end of ${holdId}`);
  if (kind === 'renew' || kind === 'draw') {
    unless(hold.token !== undefined && at <= hold.expiresAt, `${name} comes after its time`);
    unless(
      kind === 'renew' ? token! >= hold.token! : token === hold.token,
      `${name} is fenced off`,
    );
  }
  if (kind === 'release') unless(token === hold.token, `${name} is fenced off`);
  if (kind === 'expire') unless(at >= hold.expiresAt, `${name} comes before its time`);
  const moved = postings.find(touchesHeld)?.amount ?? 0n;
  unless(kind === 'renew' || moved <= hold.amount, `${name} takes more than is held`);
  hold.amount += kind === 'renew' ? moved : -moved;
  if (kind === 'renew') {
    Object.assign(hold, { token, expiresAt });
    hold.past.push({ token, expiresAt });
  } else if (kind !== 'draw') {
    unless(hold.amount === 0n, `${name} leaves ${hold.amount}`);
    const paid = postings.filter((leg) => !touchesHeld(leg));
    const total = paid.reduce((sum, { amount }) => sum + amount, 0n);
    unless(total <= moved, `${name} pays ${total} of ${moved}`);
    hold.ended = { sequence, kind };
  }
}

function takeFromOriginal(model: Model, transaction: Transaction, name: string): void {
  const { reverses, postings, sequence } = transaction;
  const left = model.remaining.get(reverses!);
  if (!left) throw new Error(`${name} reverses nothing`);
  const before = left.at(-1)!.legs;
  const parts = partsOf(before, sumOf(postings.map(({ amount }) => amount)));
  const legs = before.map((rest, k) => rest - parts[k]);
  unless(
    legs.every((rest) => rest >= 0n),
    `${name} takes back more than remains`,
  );
  left.push({ sequence, legs });
}

const textOf = (postings: readonly Posting[]): string =>
  postings.map(({ from, to, amount, asset }) => `${from}>${to} ${amount} ${asset}`).join(', ');

function unless(holds: boolean, fault: string): void {
  if (!holds) throw new Error(fault);
}
