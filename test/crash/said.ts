/** What a process says on stdout, a line each: a word, a request, and units where the word has some. */
import type { Id } from '@openledger/protocol';

const PROMISES = [
  'held', // the ledger has the hold
  'reserved', // the intent is on the disk
  'earned', // so many units of a reserved request, on the disk
  'captured', // so many units, in the log
  'voided',
  'expired',
  'routed', // what was captured has left clearing
] as const;
export type Word = (typeof PROMISES)[number];

/** Requests by what was promised of them, and the units that were named last. */
export type Said = Readonly<Record<Word, Map<Id<'inference'>, bigint>>>;

export const nothingSaid = (): Said =>
  Object.fromEntries(PROMISES.map((word) => [word, new Map()])) as Said;

export function say(word: Word, requestId: Id<'inference'>, units = 0n): void {
  process.stdout.write(`${word} ${requestId} ${units}\n`);
}

/** @returns the word, where the line was a promise */
export function hearPromise(said: Said, line: string): Word | undefined {
  const [first, id, units] = line.split(' ');
  const word = PROMISES.find((promise) => promise === first);
  if (word) said[word].set(id as Id<'inference'>, BigInt(units));
  return word;
}
