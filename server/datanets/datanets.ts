/** Datanets themselves: create, find, list. */
import { randomBytes } from 'node:crypto';
import {
  type DatanetAccess,
  type Id,
  OpenLedgerError,
  type PersonalDataPolicy,
} from '@openledger/protocol';
import { type Caller, isAdmin } from '../identity/index.ts';
import type { Clock } from '../platform/clock.ts';
import { isUniqueViolation, type Reader, type Tx } from '../platform/db.ts';
import { newId } from '../platform/new-id.ts';
import { sql } from '../platform/sql.ts';
import { assertPriced } from './access/priced.ts';
import { allowedBy, OPEN_LICENCES } from './checks/licence.ts';

export type Datanet = {
  readonly id: Id<'datanet'>;
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly ownerId: Id<'party'>;
  /** SPDX ids that are accepted. */
  readonly licences: readonly string[];
  readonly personalData: PersonalDataPolicy;
  readonly access: DatanetAccess;
  /** Units for one record; 0 but for `paid`. */
  readonly readUnits: bigint;
  /** Contributions ever accepted, withdrawn ones included. */
  readonly records: number;
  readonly createdAt: Date;
};

export type NewDatanet = {
  readonly name: string;
  readonly ownerId: Id<'party'>;
  readonly title?: string;
  readonly description?: string;
  readonly licences?: readonly string[];
  readonly personalData?: PersonalDataPolicy;
  readonly access?: DatanetAccess;
  readonly readUnits?: bigint;
};

/** @throws conflict when the name is taken, invalid_input when a licence is not an SPDX id */
export async function createDatanet(
  tx: Tx,
  clock: Clock,
  {
    name,
    ownerId,
    title = name,
    description = '',
    licences = OPEN_LICENCES,
    personalData = 'keep',
    access = 'open',
    readUnits = 0n,
  }: NewDatanet,
): Promise<Id<'datanet'>> {
  const nonsense = licences.find((licence) => allowedBy(licence, new Set([licence])) !== true);
  if (nonsense !== undefined) {
    throw new OpenLedgerError('invalid_input', `"${nonsense}" is not an SPDX licence id.`);
  }
  assertPriced(access, readUnits);
  const id = newId('datanet', clock);
  await namedAlone(name, () =>
    tx.query(sql`
      insert into datanets.datanets
        (id, name, title, description, owner_id, licences, personal_data, access, read_units, identity_key, created_at)
      values
        (${id}, ${name}, ${title}, ${description}, ${ownerId}, ${[...licences]}, ${personalData}, ${access}, ${readUnits},
         ${randomBytes(32)}, ${clock.now()})`),
  );
  return id;
}

/** @throws conflict when the name is taken */
export async function namedAlone(name: string, insert: () => Promise<unknown>): Promise<void> {
  try {
    await insert();
  } catch (cause) {
    if (!isUniqueViolation(cause)) throw cause;
    throw new OpenLedgerError(
      'conflict',
      `There is a datanet called ${name} already.`,
      { name },
      { cause },
    );
  }
}

/** @throws not_found */
export async function findDatanet(reader: Reader, datanetId: string): Promise<Datanet> {
  const [row] = await reader.query<Row>(sql`${columns} where id = ${datanetId}`);
  if (!row) throw noDatanet(datanetId);
  return fromRow(row);
}

/** @throws forbidden unless the datanet is the caller's, or he is an admin */
export function assertOwnedBy(
  { id: datanetId, ownerId }: Pick<Datanet, 'id' | 'ownerId'>,
  caller: Pick<Caller, 'partyId' | 'scopes'>,
): void {
  if (ownerId === caller.partyId || isAdmin(caller)) return;
  throw new OpenLedgerError('forbidden', 'This datanet is not yours.', { datanetId });
}

/** @param query `name` finds one; else a page, oldest first */
export async function listDatanets(
  reader: Reader,
  query: { readonly name?: string; readonly limit: number; readonly after?: string },
): Promise<readonly Datanet[]> {
  const rows = await reader.query<Row>(sql`
    ${columns}
    where (${query.name ?? null}::text is null or name = ${query.name ?? null})
      and id > ${query.after ?? ''}
    order by id
    limit ${query.limit}`);
  return rows.map(fromRow);
}

/** What taking in or changing a datanet's records needs to know. Locked, others are held off until the transaction ends. */
export type LockedDatanet = {
  readonly id: Id<'datanet'>;
  readonly ownerId: string;
  readonly licences: readonly string[];
  readonly personalData: PersonalDataPolicy;
  readonly identityKey: Uint8Array;
  readonly lastSequence: bigint;
};

/** @throws not_found */
export async function lockDatanet(tx: Tx, datanetId: string): Promise<LockedDatanet> {
  const [row] = await tx.query<DoorRow>(sql`${doorColumns} where id = ${datanetId} for update`);
  if (!row) throw noDatanet(datanetId);
  return fromDoorRow(row);
}

/** The same, as it stands now: nobody is held off. @throws not_found */
export async function readDoor(reader: Reader, datanetId: string): Promise<LockedDatanet> {
  const [row] = await reader.query<DoorRow>(sql`${doorColumns} where id = ${datanetId}`);
  if (!row) throw noDatanet(datanetId);
  return fromDoorRow(row);
}

type DoorRow = {
  id: Id<'datanet'>;
  owner_id: string;
  licences: string[];
  personal_data: PersonalDataPolicy;
  identity_key: Uint8Array;
  records: string;
};

const doorColumns = sql`
  select id, owner_id, licences, personal_data, identity_key, records
  from datanets.datanets`;

function fromDoorRow(row: DoorRow): LockedDatanet {
  return {
    id: row.id,
    ownerId: row.owner_id,
    licences: row.licences,
    personalData: row.personal_data,
    identityKey: row.identity_key,
    lastSequence: BigInt(row.records),
  };
}

type Row = {
  id: Id<'datanet'>;
  name: string;
  title: string;
  description: string;
  owner_id: Id<'party'>;
  licences: string[];
  personal_data: PersonalDataPolicy;
  access: DatanetAccess;
  read_units: string;
  records: string;
  created_at: Date;
};

const columns = sql`
  select id, name, title, description, owner_id, licences, personal_data, access, read_units, records, created_at
  from datanets.datanets`;

const fromRow = (row: Row): Datanet => ({
  id: row.id,
  name: row.name,
  title: row.title,
  description: row.description,
  ownerId: row.owner_id,
  licences: row.licences,
  personalData: row.personal_data,
  access: row.access,
  readUnits: BigInt(row.read_units),
  records: Number(row.records),
  createdAt: row.created_at,
});

const noDatanet = (datanetId: string) =>
  new OpenLedgerError('not_found', `There is no datanet ${datanetId}.`, { datanetId });
