/**
 * What gateways that are gone have left: a folder of intents each, beside ours. Whoever is alive ends it within seconds.
 *
 * A folder has the name by which its process was present. Who takes it over stands in for that name first and locks the
 * folder then, so that one does it at a time, and a process that has lost no more than its connection keeps what it has.
 */
import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { OpenLedgerError } from '@openledger/protocol';
import type { Db } from '../platform/db.ts';
import type { Log } from '../platform/log.ts';
import { findGone, type Presence } from '../platform/presence.ts';
import { type Repeating, repeat } from '../platform/repeat.ts';
import { type Budget, type Ended, type IntentLog, openIntentLog } from './budget/budget.ts';
import { voidOf } from './inferences.ts';

const LOOK_MS = 1_000;

type OrphansHandles = {
  readonly db: Db;
  readonly presence: Pick<Presence, 'standInFor'>;
  /** Where the folders of all gateways are. */
  readonly folder: string;
  /** The name of the one that is ours. */
  readonly ours: string;
  readonly openBudget: (log: IntentLog) => Budget;
  /** Told how that has ended which was open. */
  readonly onEnded: (ended: readonly Ended[]) => void;
  readonly report: Log;
};

export type Orphans = {
  /** Ends what is left now. @throws unprocessable when what an earlier release has left in the folder itself is damaged */
  endAll(): Promise<void>;
  /** Looks from now on for those that are left later, and for what could not be ended yet. */
  watch(): void;
  /** Leaves to others what is not ended yet. */
  stop(): Promise<void>;
};

export function createOrphans(handles: OrphansHandles): Orphans {
  const { db, folder, ours, presence, report } = handles;
  const stopping = new AbortController();
  let watching: Repeating | undefined;
  let ending: Budget | undefined;

  async function endFolders(): Promise<void> {
    for (const name of await findGone(db, await foldersIn(folder, ours))) {
      if (!stopping.signal.aborted) await Promise.race([end(name), aborted(stopping.signal)]);
    }
  }

  async function end(name: string): Promise<void> {
    const path = join(folder, name);
    const letGo = await presence.standInFor(name);
    if (!letGo) return;
    try {
      const isEnded = await endIn(path);
      await db.transaction((tx) => voidOf(tx, [name])); // nothing was forwarded of these
      if (isEnded) await rm(path, { recursive: true, force: true });
    } catch (error) {
      if (!isDamage(error)) return report.warn('gateway.intents_left', { name, error }); // for now
      await rename(path, `${path}${DAMAGED}`);
      report.error('gateway.intents_damaged', { name, error });
    } finally {
      await letGo();
    }
  }

  /** As its own process would have: draws, and gives the rest back. @returns whether nothing is left */
  async function endIn(path: string): Promise<boolean> {
    const budget = handles.openBudget(await openIntentLog(path));
    ending = budget;
    try {
      handles.onEnded(await budget.start());
    } finally {
      await budget.stop();
      ending = undefined;
    }
    return budget.isEmpty();
  }

  /** Where intents were before each gateway had a folder of its own. */
  async function endEarlier(): Promise<void> {
    if ((await segmentsIn(folder)).length === 0) return;
    if (!(await endIn(folder).catch(unlessTaken))) return;
    for (const name of await segmentsIn(folder)) await rm(join(folder, name), { force: true });
  }

  return {
    async endAll() {
      await endEarlier();
      await endFolders();
    },
    watch() {
      watching = repeat('gateway.orphans', { everyMs: LOOK_MS, log: report }, endFolders);
    },
    async stop() {
      stopping.abort();
      await watching?.stop();
      await ending?.stop();
    },
  };
}

/** For somebody to look at: what is in it could not be read, and is the gateway's loss. */
const DAMAGED = '.damaged';

const isDamage = (error: unknown): boolean =>
  error instanceof OpenLedgerError && error.code === 'unprocessable';

async function foldersIn(folder: string, ours: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .filter((name) => name !== ours && !name.endsWith(DAMAGED));
}

const segmentsIn = async (folder: string): Promise<readonly string[]> =>
  (await readdir(folder)).filter((name) => name.endsWith('.log'));

/** Another gateway that starts is at it. */
function unlessTaken(error: unknown): boolean {
  if (error instanceof OpenLedgerError && error.code === 'unavailable') return false;
  throw error;
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
