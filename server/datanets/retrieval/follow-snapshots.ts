/** Keeps the index of each datanet that is asked for at its newest snapshot, without what was withdrawn. */
import type { Purpose } from '@openledger/protocol';
import { orAfter } from '../../platform/clock.ts';
import type { Reader } from '../../platform/db.ts';
import type { Snapshot } from '../snapshots.ts';
import type { IndexHost } from './index-host.ts';
import { type IndexedPassage, readPassages, snapshotHashes, struckSince } from './passages.ts';

/** Passages that rights and language treat alike. */
export type PassageGroup = {
  readonly licence: string;
  readonly purposes: readonly Purpose[] | undefined;
  readonly language: string | undefined;
};

export type Followed = {
  /** By their numbers in the index. */
  readonly groups: readonly PassageGroup[];
  /** False: more is being added, or was withdrawn, than the index knows of. */
  isComplete(): boolean;
};

export type Follower = {
  /** Waits for the snapshot to be taken up, or some seconds where an earlier state can be searched. */
  follow(snapshot: Snapshot): Promise<Followed>;
};

/** Indexes held; the one not asked for longest goes first. */
const MOST_INDEXES = 8;
const PATIENCE_MS = 10_000;
const POLL_MS = 100;
/** Texts in one message. */
const BATCH = 500;

type State = {
  readonly life: number;
  readonly groups: PassageGroup[];
  readonly numbers: Map<string, number>;
  /** What has been taken up last. */
  taken: Pick<Snapshot, 'id' | 'poolVersion'> | undefined;
  /** Passages that can be found. */
  found: number;
  /** One after the other. */
  updating: Promise<void>;
};

export function createFollower(reader: Reader, host: IndexHost): Follower {
  const states = new Map<string, State>();

  function stateOf(datanetId: string): State {
    const known = states.get(datanetId);
    const state = known?.life === host.life() ? known : newState(host.life());
    states.delete(datanetId);
    states.set(datanetId, state); // the youngest is last
    for (const oldest of states.keys()) {
      if (states.size <= MOST_INDEXES) break;
      states.delete(oldest);
      host.ask('forget', oldest, {}).catch(() => {}); // with its process, then
    }
    return state;
  }

  /** Half of a snapshot cannot be gone on with: what was added to it is not known any more. */
  function discard(datanetId: string, state: State): void {
    if (states.get(datanetId) !== state) return;
    states.delete(datanetId);
    host.ask('forget', datanetId, {}).catch(() => {});
  }

  async function update(state: State, { id, datanetId, poolVersion }: Snapshot): Promise<void> {
    const { taken } = state;
    if (taken?.id !== id) await takeUp({ reader, host, state }, { id, datanetId });
    else if (taken.poolVersion < poolVersion) {
      const hashes = await struckSince(reader, id, taken.poolVersion);
      await host.ask('strike', datanetId, { hashes });
    } else return;
    state.taken = { id, poolVersion };
  }

  return {
    async follow(snapshot) {
      const state = stateOf(snapshot.datanetId);
      const isComplete = () =>
        state.taken?.id === snapshot.id && state.taken.poolVersion >= snapshot.poolVersion;
      if (!isComplete()) {
        state.updating = state.updating.then(() => update(state, snapshot));
        const done = state.updating;
        done.catch(() => discard(snapshot.datanetId, state));
        await orAfter(done, PATIENCE_MS);
        while (!isComplete() && state.found === 0) await orAfter(done, POLL_MS);
      }
      return { groups: state.groups, isComplete };
    },
  };
}

const newState = (life: number): State => ({
  ...{ life, groups: [], numbers: new Map(), taken: undefined, found: 0 },
  updating: Promise.resolve(),
});

/** Only what the index lacks is read; a snapshot shares most of its records with the one before. */
async function takeUp(
  { reader, host, state }: { reader: Reader; host: IndexHost; state: State },
  { id, datanetId }: Pick<Snapshot, 'id' | 'datanetId'>,
): Promise<void> {
  for await (const hashes of snapshotHashes(reader, id)) {
    const missing = await host.ask('keep', datanetId, { hashes });
    for (let from = 0; from < missing.length; from += BATCH) {
      const passages = await readPassages(reader, id, missing.slice(from, from + BATCH));
      state.found = await host.ask('add', datanetId, {
        passages: passages.map((passage) => ({
          ...{ hash: passage.hash, document: passage.document, text: passage.text },
          ...{ group: numberOf(state, passage), time: passage.time.getTime() },
        })),
      });
    }
  }
  await host.ask('finish', datanetId, {});
}

function numberOf({ groups, numbers }: State, group: IndexedPassage): number {
  const { licence, purposes, language } = group;
  const key = JSON.stringify([licence, purposes, language]);
  const known = numbers.get(key);
  if (known !== undefined) return known;
  numbers.set(key, groups.length);
  return groups.push({ licence, purposes, language }) - 1;
}
