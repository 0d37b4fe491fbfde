/** Judges what becomes durable and what is answered, as it happens and at the end. */
import type { OpenLedgerError } from '@openledger/protocol';
import { bookOf, keyOf } from '../../server/ledger/account.ts';
import type { Outcome } from '../../server/ledger/apply.ts';
import { type Command, transactionIdOf } from '../../server/ledger/command.ts';
import type { Batch, Transaction } from '../../server/ledger/transaction.ts';
import type { Disk } from './disk.ts';
import { appendToModel, balanceIn, createModel, type Model } from './model.ts';
import { SKEW_MS } from './nodes.ts';
import { BEGINNING, type World } from './world.ts';

/** A wish, and the last sequence that had been answered when anybody first asked for it: that must come before it. */
export type Asked = { readonly command: Command; readonly answeredBefore: number };

export type Oracle = {
  readonly model: Model;
  readonly append: (batch: Batch, transactions: readonly Transaction[]) => void;
  readonly asks: (command: Command) => Asked;
  /** @param since the sequence that was durable when this attempt was sent */
  readonly answered: (asked: Asked, outcome: Outcome, since: number) => void;
  readonly atTheEnd: (disk: Disk) => void;
  readonly counts: { answers: number; refusals: number };
};

export function createOracle(world: World): Oracle {
  const model = createModel();
  const wishes = new Map<string, Command[]>();
  const answers = new Map<string, number>();
  const firstAsked = new Map<string, number>();
  const counts = { answers: 0, refusals: 0 };
  let highest = 0;

  /** The first fault ends the simulation. */
  const judge = (look: () => void): void => {
    try {
      look();
    } catch (error) {
      world.fail(error instanceof Error ? error.message : String(error));
    }
  };
  const append: Oracle['append'] = (batch, transactions) =>
    judge(() => appendToModel(model, { batch, transactions }, (id) => wishes.get(id) ?? []));

  const asks: Oracle['asks'] = (command) => {
    const id = transactionIdOf(command);
    wishes.set(id, [...(wishes.get(id) ?? []), command]);
    const answeredBefore = firstAsked.get(id) ?? highest;
    firstAsked.set(id, answeredBefore);
    return { command, answeredBefore };
  };

  const checkDone = (asked: Asked, sequence: number): void => {
    const id = transactionIdOf(asked.command);
    const durable = model.byId.get(id);
    const name = `${asked.command.kind} ${id}`;
    unless(!!durable, `${name} was answered and is not durable`);
    unless(durable!.sequence === sequence, `${name} was answered as ${sequence}, and is another`);
    unless(durable!.kind === asked.command.kind, `${name} is answered with a ${durable!.kind}`);
    unless((answers.get(id) ?? sequence) === sequence, `the answer to ${name} has changed`);
    const before = asked.answeredBefore;
    unless(sequence > before, `${name} is at ${sequence}, before ${before} that was answered`);
    answers.set(id, sequence);
    highest = Math.max(highest, sequence);
  };

  const answered: Oracle['answered'] = (asked, outcome, since) =>
    judge(() => {
      counts.answers++;
      if (outcome.kind === 'posted') return checkDone(asked, outcome.transaction.sequence);
      if (outcome.kind === 'replayed') return checkDone(asked, outcome.sequence);
      counts.refusals++;
      const now = BEGINNING + world.now() + SKEW_MS;
      const because = justification(model, { ...asked, error: outcome.error, since, now });
      unless(
        because,
        `${asked.command.kind} was refused without a reason: ${outcome.error.message}`,
      );
    });

  const atTheEnd: Oracle['atTheEnd'] = (disk) => judge(() => checkEnd(model, disk, answers));
  return { model, append, asks, answered, atTheEnd, counts };
}

type Refusal = {
  readonly command: Command;
  readonly error: OpenLedgerError;
  /** It must have been right somewhere between this sequence and the model's last. */
  readonly since: number;
  readonly now: number;
};

/** Whether a refusal was right at a moment between the asking and the answer. */
function justification(model: Model, { command, error, since, now }: Refusal): boolean {
  const { account, asset, available, remaining } = error.details;
  const inTime = <T extends { sequence: number }>(history: readonly T[] = []) =>
    history.filter((_, k) => (history[k + 1]?.sequence ?? Number.POSITIVE_INFINITY) > since);
  if (error.code === 'insufficient_funds' && error.message.includes('does not have')) {
    const all = model.history.get(bookOf(String(account), String(asset))) ?? [];
    return inTime([{ sequence: 0, balance: 0n }, ...all]).some(
      ({ balance }) => balance.toString() === available,
    );
  }
  if (error.code === 'unprocessable' && remaining !== undefined && command.kind === 'reverse') {
    return inTime(model.remaining.get(command.reverses)).some(
      ({ legs }) => legs.reduce((sum, each) => sum + each, 0n).toString() === remaining,
    );
  }
  if (error.code === 'not_found' && command.kind === 'reverse') {
    return (model.byId.get(command.reverses)?.sequence ?? Number.POSITIVE_INFINITY) > since;
  }
  const holdId = 'holdId' in command ? command.holdId : '';
  const hold = model.holds.get(holdId);
  if (error.code === 'not_found') return !hold || hold.begun > since || hold.ended !== undefined;
  if (error.message.includes('has already ended')) return hold?.ended !== undefined;
  if (error.message.includes('another token')) {
    return hold!.past.some(({ token }) => 'token' in command && token !== command.token);
  }
  if (error.message.includes('has expired')) {
    return hold!.past.some(({ expiresAt }) => expiresAt < now);
  }
  if (error.message.includes('time left'))
    return hold!.past.some((at) => at.expiresAt > now - 2000);
  return /larger than its hold|was used|in several assets/.test(error.message);
}

/** Everything again, once nothing moves any more. */
function checkEnd(model: Model, disk: Disk, answers: ReadonlyMap<string, number>): void {
  for (const [id, sequence] of answers) {
    unless(disk.byId.get(id as never)?.sequence === sequence, `${id} was answered and is gone`);
  }
  const sums = new Map<string, bigint>();
  for (const [book, history] of model.history) {
    const { balance } = history.at(-1)!;
    const { asset } = keyOf(book);
    sums.set(asset, (sums.get(asset) ?? 0n) + balance);
    const stored = disk.accounts.get(book)?.balance;
    unless(stored === balance, `${book} stands at ${stored}, and its replay at ${balance}`);
  }
  for (const [asset, sum] of sums) unless(sum === 0n, `${asset} sums to ${sum}`);
  checkHeld(model, disk);
}

function checkHeld(model: Model, disk: Disk): void {
  const held = new Map<string, bigint>();
  for (const [holdId, hold] of model.holds) {
    const stored = disk.holds.get(holdId as never);
    unless(!!stored === !hold.ended, `${holdId} is open here and ended there`);
    if (hold.ended) continue;
    unless(stored!.amount === hold.amount, `${holdId} holds ${stored!.amount}, not ${hold.amount}`);
    const book = bookOf(hold.held, hold.asset);
    held.set(book, (held.get(book) ?? 0n) + hold.amount);
  }
  for (const book of model.history.keys()) {
    const { account, asset } = keyOf(book);
    if (!account.endsWith(':held')) continue;
    const balance = balanceIn(model, account, asset);
    unless(balance === (held.get(book) ?? 0n), `${book} is ${balance}; open holds say otherwise`);
  }
}

export function unless(holds: boolean, fault: string): void {
  if (!holds) throw new Error(fault);
}
