/** Datanets over HTTP. */
import {
  api,
  formatEntitlement,
  type Id,
  OpenLedgerError,
  type OutputOf,
} from '@openledger/protocol';
import type { Datanet, Datanets, Import, RecordSummary, Snapshot } from '../datanets/index.ts';
import { type Caller, isAdmin } from '../identity/index.ts';
import { implement, type Route } from './implement.ts';
import { pageFrom } from './page.ts';

export const datanetsRoutes = ({ datanets }: { readonly datanets: Datanets }): readonly Route[] =>
  implement(api.datanets, {
    create: async (order, { caller }) =>
      wireDatanet(await datanets.create({ ...order, ownerId: caller.partyId })),
    list: async (query) => pageFrom(await datanets.list(query), query, wireDatanet),
    get: async ({ datanetId }) => wireDatanet(await datanets.find(datanetId)),

    contribute: ({ datanetId, ...draft }, { caller }) =>
      datanets.contribute({ datanetId, draft, partyId: caller.partyId }),
    contributeMany: ({ datanetId }, { caller, body }) =>
      datanets.contributeMany({ datanetId, lines: body, partyId: caller.partyId }),

    openImport: async (order, { caller }) =>
      wireImport(await datanets.openImport({ ...order, partyId: caller.partyId })),
    getImport: async (query, { caller }) => {
      const found = await datanets.findImport(query);
      assertOwnImport(found, caller);
      return wireImport(found);
    },
    uploadImport: async (upload, { caller, body }) => {
      const taken = await datanets.uploadImport({
        ...upload,
        lines: body,
        partyId: caller.partyId,
      });
      return { import: wireImport(taken.import), intake: taken.intake };
    },
    restartImport: async (which, { caller }) =>
      wireImport(await datanets.restartImport({ ...which, partyId: caller.partyId })),

    listRecords: async (query) => pageFrom(await datanets.listRecords(query), query, wireRecord),
    getRecord: async ({ datanetId, recordHash }) => {
      const record = await datanets.recordByHash(datanetId, recordHash);
      return {
        ...wireRecord(record),
        text: record.text,
        metadata: record.metadata,
        contributors: record.contributors.map(({ party, ...owner }) => ({
          partyId: party,
          ...owner,
        })),
        parents: record.parents.map((parent) => ({ ...parent, lines: [...parent.lines] })),
      };
    },

    refine: async (order, { caller }) => {
      await assertOwner(datanets, order.datanetId, caller);
      return datanets.refine({ ...order, refinerId: caller.partyId });
    },
    seal: async ({ datanetId }, { caller }) => {
      await assertOwner(datanets, datanetId, caller);
      return wireSnapshot(await datanets.seal(datanetId));
    },
    listSnapshots: async (query) =>
      pageFrom(await datanets.listSnapshots(query), query, wireSnapshot),
    getSnapshot: async ({ snapshotId }) => wireSnapshot(await datanets.findSnapshot(snapshotId)),
    exportSnapshot: ({ snapshotId }) => datanets.snapshotExport(snapshotId),
    proveRecord: async ({ snapshotId, recordHash }) => {
      const [{ owners, proof, ...proved }] = await datanets.proveRecords(snapshotId, [recordHash]);
      return { ...proved, owners: formatEntitlement(owners), proof: [...proof] };
    },
    withdraw: async (order, { caller }) => {
      const { withdrawn, snapshots } = await datanets.withdraw({ ...order, caller });
      return { withdrawn: [...withdrawn], snapshots: [...snapshots] };
    },
    retrieve: async ({ datanetId, query, licence, ...retrieval }) => {
      const licences = licence === undefined ? undefined : [licence];
      const found = await datanets.retrieve(datanetId, query, { ...retrieval, licences });
      return {
        items: found.map((record) => ({ ...record, contributors: [...record.contributors] })),
      };
    },
  });

/** Refining takes a share of what a record earns and sealing fixes it: its owner's to do, until there are curators. */
async function assertOwner(
  datanets: Pick<Datanets, 'find'>,
  datanetId: Id<'datanet'>,
  caller: Caller,
): Promise<void> {
  const { ownerId } = await datanets.find(datanetId);
  if (ownerId === caller.partyId || isAdmin(caller)) return;
  throw new OpenLedgerError('forbidden', 'This datanet is not yours.', { datanetId });
}

/** Somebody else's import is answered as one that is not there. */
function assertOwnImport({ id, partyId }: Import, caller: Caller): void {
  if (partyId === caller.partyId || isAdmin(caller)) return;
  throw new OpenLedgerError('not_found', `There is no import ${id}.`, { importId: id });
}

const wireDatanet = ({
  createdAt,
  licences,
  ...datanet
}: Datanet): OutputOf<typeof api.datanets.get> => ({
  ...datanet,
  licences: [...licences],
  createdAt: createdAt.toISOString(),
});

const wireImport = ({
  updatedAt,
  rejected,
  ...one
}: Import): OutputOf<typeof api.datanets.getImport> => ({
  ...one,
  rejected: { ...rejected },
  updatedAt: updatedAt.toISOString(),
});

const wireRecord = ({ withdrawnAt, createdAt, ...record }: RecordSummary) => ({
  ...record,
  withdrawnAt: withdrawnAt?.toISOString(),
  createdAt: createdAt.toISOString(),
});

const wireSnapshot = (snapshot: Snapshot): OutputOf<typeof api.datanets.getSnapshot> => ({
  ...snapshot,
});
