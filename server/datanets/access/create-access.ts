/** The door to who may read a datanet's texts, and to what is read for pay. */
import { type DatanetAccess, type Id, OpenLedgerError } from '@openledger/protocol';
import type { Caller, Identity } from '../../identity/index.ts';
import { sql } from '../../platform/sql.ts';
import { assertOwnedBy, type Datanet, findDatanet } from '../datanets.ts';
import { findSnapshot } from '../snapshots.ts';
import { assertPriced } from './priced.ts';
import {
  decideReader,
  findReader,
  listReaders,
  type Reader,
  type ReaderState,
  recordsOfParty,
  requestReading,
  type Standing,
  standingOf,
} from './readers.ts';
import { everPaid, findRead, listReads, payForReading, type Read, settleReads } from './reads.ts';
import type { AccessHandles } from './stage.ts';

type Page = { readonly limit: number; readonly after?: string };
type Asking = Pick<Caller, 'partyId' | 'scopes'>;

export type Access = {
  /** @throws forbidden but for the datanet's owner, invalid_input for a price that does not go with the mode */
  set(order: {
    readonly datanetId: string;
    readonly access: DatanetAccess;
    readonly readUnits: bigint;
    readonly caller: Asking;
  }): Promise<Datanet>;
  /** What reading costs the caller, and what has become of his request. */
  standing(
    datanetId: string,
    caller: Asking,
  ): Promise<{ readonly datanet: Datanet; readonly standing: Standing; readonly asked?: Reader }>;
  /** @throws conflict when there is nothing to ask for */
  request(order: {
    readonly datanetId: string;
    readonly reason: string;
    readonly caller: Asking;
  }): Promise<Reader>;
  /** @throws forbidden but for the datanet's owner */
  decide(order: {
    readonly datanetId: string;
    readonly partyId: Id<'party'>;
    readonly state: 'granted' | 'refused';
    readonly reason: string;
    readonly caller: Asking;
  }): Promise<Reader>;
  /** @throws forbidden but for the datanet's owner */
  readers(
    query: Page & { readonly datanetId: string; readonly state?: ReaderState },
    caller: Asking,
  ): Promise<readonly Reader[]>;

  /** For what shows all of it, or lets one find out what is in it. @throws forbidden */
  assertReadsAll(datanetId: string, caller: Asking): Promise<void>;
  assertReadsSnapshot(snapshotId: string, caller: Asking): Promise<void>;
  /** Before searching. @throws forbidden for who could not read what is found */
  assertMayAsk(datanetId: string, caller: Asking): Promise<void>;
  /** Of a snapshot's records, those whose texts the caller may see without paying now. */
  readable(
    snapshotId: string,
    recordHashes: readonly string[],
    caller: Asking,
  ): Promise<ReadonlySet<string>>;
  /**
   * Lets the caller have the texts of records, for their price where they have one.
   *
   * @returns what was paid now
   * @throws forbidden, payment_required, insufficient_funds
   */
  read(order: {
    readonly datanetId: string;
    readonly recordHashes: readonly string[];
    /** The one that they were found in. Absent: the newest. */
    readonly snapshotId?: string;
    readonly caller: Caller;
    readonly payUpTo: bigint;
  }): Promise<Read | undefined>;
  reads: {
    find(readId: string): Promise<Read>;
    /** A party's, newest first. */
    list(query: Page & { readonly readerId: string }): Promise<readonly Read[]>;
    /** Posts what was interrupted. */
    settle(): Promise<void>;
  };
};

/** A payer who has not heard from the ledger for so long is gone. */
const PAYING_MS = 10_000;

export function createAccess(
  handles: AccessHandles & { readonly identity: Pick<Identity, 'findParty'> },
): Access {
  const { db, clock } = handles;
  const standing = async (datanetId: string, caller: Asking) => {
    const datanet = await findDatanet(db, datanetId);
    return { datanet, standing: await standingOf(db, datanet, caller) };
  };
  const assertReadsAll = async (datanetId: string, caller: Asking) => {
    const found = await standing(datanetId, caller);
    if (found.standing !== 'free') throw closed(found.datanet);
  };
  return {
    set: (order) => setAccess(handles, order),
    async standing(datanetId, caller) {
      const of = { datanetId, partyId: caller.partyId };
      return { ...(await standing(datanetId, caller)), asked: await findReader(db, of) };
    },
    request: (order) => request(handles, order),
    decide: (order) => decide(handles, order),
    async readers(query, caller) {
      assertOwnedBy(await findDatanet(db, query.datanetId), caller);
      return listReaders(db, query);
    },
    assertReadsAll,
    async assertReadsSnapshot(snapshotId, caller) {
      await assertReadsAll((await findSnapshot(db, snapshotId)).datanetId, caller);
    },
    async assertMayAsk(datanetId, caller) {
      const found = await standing(datanetId, caller);
      if (found.standing === 'closed') throw closed(found.datanet);
    },
    async readable(snapshotId, recordHashes, caller) {
      const { datanetId } = await findSnapshot(db, snapshotId);
      const found = await standing(datanetId, caller);
      if (found.standing === 'free') return new Set(recordHashes);
      const of = { datanetId, partyId: caller.partyId };
      const own = await recordsOfParty(db, of, recordHashes);
      return new Set([...own, ...(await everPaid(db, of, recordHashes))]);
    },
    async read({ datanetId, recordHashes, ...order }) {
      const found = await standing(datanetId, order.caller);
      if (found.standing === 'free') return undefined;
      const of = { datanetId, partyId: order.caller.partyId };
      const own = await recordsOfParty(db, of, recordHashes);
      const others = recordHashes.filter((hash) => !own.has(hash));
      if (others.length === 0) return undefined;
      if (found.standing === 'closed') throw closed(found.datanet);
      return payForReading(handles, { ...order, ...found, recordHashes: others });
    },
    reads: {
      find: (readId) => findRead(db, readId),
      list: (query) => listReads(db, query),
      settle: () => settleReads(handles, new Date(clock.now().getTime() - PAYING_MS)),
    },
  };
}

async function setAccess(
  { db }: AccessHandles,
  { datanetId, access, readUnits, caller }: Parameters<Access['set']>[0],
): Promise<Datanet> {
  assertOwnedBy(await findDatanet(db, datanetId), caller);
  assertPriced(access, readUnits);
  await db.transaction((tx) =>
    tx.query(sql`
      update datanets.datanets
      set access = ${access}, read_units = ${readUnits}
      where id = ${datanetId}`),
  );
  return findDatanet(db, datanetId);
}

async function request(
  { db, clock }: AccessHandles,
  { datanetId, reason, caller }: Parameters<Access['request']>[0],
): Promise<Reader> {
  const { partyId } = caller;
  const datanet = await findDatanet(db, datanetId);
  if ((await standingOf(db, datanet, caller)) === 'free') {
    throw new OpenLedgerError('conflict', 'You may read this datanet already.', { datanetId });
  }
  await db.transaction((tx) => requestReading(tx, { datanetId, partyId, reason, at: clock.now() }));
  return found(await findReader(db, { datanetId, partyId }));
}

async function decide(
  { db, clock, identity }: AccessHandles & { readonly identity: Pick<Identity, 'findParty'> },
  { caller, ...order }: Parameters<Access['decide']>[0],
): Promise<Reader> {
  assertOwnedBy(await findDatanet(db, order.datanetId), caller);
  await identity.findParty(order.partyId);
  await db.transaction((tx) =>
    decideReader(tx, { ...order, decidedBy: caller.partyId, at: clock.now() }),
  );
  return found(await findReader(db, order));
}

function found(reader: Reader | undefined): Reader {
  if (!reader) throw new Error('A reader that was just written is not there.');
  return reader;
}

const closed = ({ id: datanetId, access }: Datanet): OpenLedgerError =>
  new OpenLedgerError(
    'forbidden',
    access === 'paid'
      ? 'This datanet is read for pay, record by record; for the whole of it ask its owner (access.request).'
      : 'This datanet is read by those whom its owner lets in: ask him (access.request).',
    { datanetId, access },
  );
