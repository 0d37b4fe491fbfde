/** Outlasts a database that is away for a while: what has happened already must be kept, whoever waits for it. */
import { OpenLedgerError } from '@openledger/protocol';
import { sleep } from './clock.ts';

const FIRST_MS = 50;
const LONGEST_MS = 2_000;
const PATIENCE_MS = 15 * 60_000;

/**
 * Does it again until the database has answered. It may have been done before without an answer, so that the work must come to
 * the same however often it is done.
 *
 * @throws what the work throws while the database is there
 */
export async function outlast<T>(work: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + PATIENCE_MS;
  for (let delayMs = FIRST_MS; ; delayMs = Math.min(2 * delayMs, LONGEST_MS)) {
    try {
      return await work();
    } catch (error) {
      if (!isAway(error) || Date.now() > deadline) throw error;
      await sleep(delayMs);
    }
  }
}

/** Whether the database could not be asked, or has not answered. */
export function isAway(error: unknown): boolean {
  if (isUndecided(error)) return true;
  if (!(error instanceof Error)) return false;
  const code = 'code' in error ? String(error.code) : '';
  return AWAY.test(code) || (code === '' && LOST.test(error.message));
}

/** Whether it may have been done although nobody said so (`db.ts`). */
export const isUndecided = (error: unknown): boolean =>
  error instanceof OpenLedgerError && error.code === 'unavailable';

/** Connection lost, server going down or coming up, no connection left; and what the network says. */
const AWAY = /^(08|57P0[1-5]|53300)|^(ECONN|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH)/;

/** The driver's own words. */
const LOST = /^(Connection terminated|Client has encountered a connection error)/;
