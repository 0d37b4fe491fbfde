/** Datanets over HTTP. */
import {
  api,
  formatEntitlement,
  formatOwnerMap,
  OpenLedgerError,
  type OutputOf,
} from '@openledger/protocol';
import type { Attributions } from '../attribution/index.ts';
import {
  type Access,
  assertOwnedBy,
  conflictOf,
  type Datanet,
  type Datanets,
  type Dispute,
  describeGroup,
  type Import,
  type QualityReport,
  type Quote,
  type Snapshot,
  type Withdrawal,
} from '../datanets/index.ts';
import { type Caller, isAdmin } from '../identity/index.ts';
import type { Models } from '../models/index.ts';
import { implement, type Route } from './implement.ts';
import { pageFrom } from './page.ts';
import { readingHandlers, wireRecord } from './read-datanets.ts';

export const datanetsRoutes = ({
  datanets,
  access,
  attributions,
  models,
}: {
  readonly datanets: Datanets;
  readonly access: Access;
  readonly attributions: Pick<Attributions, 'countCiting'>;
  readonly models: Pick<Models, 'madeFrom'>;
}): readonly Route[] =>
  implement(api.datanets, {
    ...readingHandlers({ datanets, access }),
    create: async ({ readUnits, ...order }, { caller }) =>
      wireDatanet(
        await datanets.create({
          ...{ ...order, ownerId: caller.partyId },
          readUnits: BigInt(readUnits),
        }),
      ),
    list: async (query) => pageFrom(await datanets.list(query), query, wireDatanet),
    get: async ({ datanetId }) => wireDatanet(await datanets.find(datanetId)),

    contribute: ({ datanetId, ...draft }, { caller }) =>
      datanets.contribute({ datanetId, draft, partyId: caller.partyId }),
    contributeMany: ({ datanetId }, { caller, body }) =>
      datanets.contributeMany({ datanetId, lines: body, partyId: caller.partyId }),

    quote: async (order) => {
      const items = [];
      for (const quote of await datanets.quote(order)) {
        items.push(wireQuote(quote, await citingCalls(attributions, quote)));
      }
      return { items };
    },

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
    finishImport: async (end, { caller }) =>
      wireImport(await datanets.finishImport({ ...end, partyId: caller.partyId })),

    listRecords: async (query) => pageFrom(await datanets.listRecords(query), query, wireRecord),
    // Refining takes a share of what a record earns and sealing fixes it: the owner's to do.
    refine: async (order, { caller }) => {
      assertOwnedBy(await datanets.find(order.datanetId), caller);
      return datanets.refine({ ...order, refinerId: caller.partyId });
    },
    seal: async ({ datanetId }, { caller }) => {
      assertOwnedBy(await datanets.find(datanetId), caller);
      return wireSnapshot(await datanets.seal(datanetId));
    },
    branchSnapshot: async (order, { caller }) => {
      await access.assertReadsSnapshot(order.snapshotId, caller);
      return wireDatanet(await datanets.branchSnapshot({ ...order, ownerId: caller.partyId }));
    },
    openDispute: async (order, { caller }) =>
      wireDispute(await datanets.openDispute({ ...order, claimantId: caller.partyId })),
    listDisputes: async (query) => pageFrom(await datanets.listDisputes(query), query, wireDispute),
    closeDispute: async (decision, { caller }) =>
      wireDispute(await datanets.closeDispute({ ...decision, caller })),
    listSnapshots: async (query) =>
      pageFrom(await datanets.listSnapshots(query), query, wireSnapshot),
    getSnapshot: async ({ snapshotId }) => wireSnapshot(await datanets.findSnapshot(snapshotId)),
    diffSnapshots: async (query) => {
      const { counts, added, removed, changed } = await datanets.diffSnapshots(query);
      return { counts, added: [...added], removed: [...removed], changed: [...changed] };
    },
    snapshotLicences: async ({ snapshotId }) => {
      const groups = await datanets.rightsOf(snapshotId);
      const conflict = conflictOf(groups);
      return {
        items: groups.map(describeGroup).map(({ purposes, permits, urls, ...group }) => ({
          ...{ ...group, permits: [...permits], urls: [...urls] },
          purposes: purposes && [...purposes],
        })),
        conflict: conflict && {
          licences: [...conflict.licences],
          records: conflict.records.map((records) => [...records]),
          message: conflict.message,
        },
      };
    },
    snapshotQuality: async ({ snapshotId }) =>
      wireQuality(await datanets.reportQuality(snapshotId)),
    describeSnapshot: async ({ snapshotId }) =>
      (await datanets.describeSnapshot(snapshotId)) as OutputOf<
        typeof api.datanets.describeSnapshot
      >,
    proveRecord: async ({ snapshotId, recordHash }) => {
      const [{ owners, map, proof, ...proved }] = await datanets.proveRecords(snapshotId, [
        recordHash,
      ]);
      return {
        ...{ ...proved, proof: [...proof] },
        ...{ owners: formatEntitlement(owners), map: formatOwnerMap(map) },
      };
    },
    withdraw: async (order, { caller }) => {
      return wireWithdrawal(models, await datanets.withdraw({ ...order, caller }));
    },
    withdrawContributor: async ({ partyId, ...order }, { caller }) => {
      const ended = { ...order, contributorId: partyId, caller };
      return wireWithdrawal(models, await datanets.withdrawContributor(ended));
    },
  });

/** How far back a quote looks for calls, and how many it counts. */
const DEMAND_DAYS = 30;
const MOST_CALLS = 1000;

async function citingCalls(
  attributions: Pick<Attributions, 'countCiting'>,
  { nearest }: Quote,
): Promise<number> {
  if (nearest.length === 0) return 0;
  return attributions.countCiting({ recordHashes: nearest, days: DEMAND_DAYS, most: MOST_CALLS });
}

const wireQuote = (
  { refusal, nearest, ...quote }: Quote,
  citingCalls: number,
): OutputOf<typeof api.datanets.quote>['items'][number] => ({
  ...{ refusal, ...quote },
  demand: { nearest: [...nearest], days: DEMAND_DAYS, citingCalls },
});

/** Somebody else's import is answered as one that is not there. */
function assertOwnImport({ id, partyId }: Import, caller: Caller): void {
  if (partyId === caller.partyId || isAdmin(caller)) return;
  throw new OpenLedgerError('not_found', `There is no import ${id}.`, { importId: id });
}

/** With the models that learned from what was withdrawn. */
async function wireWithdrawal(
  models: Pick<Models, 'madeFrom'>,
  { withdrawn, snapshots }: Withdrawal,
): Promise<OutputOf<typeof api.datanets.withdraw>> {
  const affected = await models.madeFrom(snapshots.map(({ snapshotId }) => snapshotId));
  return {
    withdrawn: [...withdrawn],
    snapshots: [...snapshots],
    models: affected.map(({ modelId, name }) => ({ id: modelId, name })),
  };
}

export const wireDatanet = ({
  createdAt,
  licences,
  readUnits,
  ...datanet
}: Datanet): OutputOf<typeof api.datanets.get> => ({
  ...datanet,
  licences: [...licences],
  readUnits: readUnits.toString(),
  createdAt: createdAt.toISOString(),
});

const wireDispute = ({
  openedAt,
  closedAt,
  spans,
  ...dispute
}: Dispute): OutputOf<typeof api.datanets.closeDispute> => ({
  ...dispute,
  spans: spans?.map(([from, to]) => [from, to]),
  openedAt: openedAt.toISOString(),
  closedAt: closedAt?.toISOString(),
});

const wireImport = ({
  updatedAt,
  rejected,
  personalDataFound,
  ...one
}: Import): OutputOf<typeof api.datanets.getImport> => ({
  ...one,
  rejected: { ...rejected },
  personalDataFound: { ...personalDataFound },
  updatedAt: updatedAt.toISOString(),
});

const wireQuality = ({
  information,
  quality,
  versions,
  licences,
  languages,
  lowest,
  ...report
}: QualityReport): OutputOf<typeof api.datanets.snapshotQuality> => ({
  ...{ ...report, information: information.toString() },
  quality: quality && { ...quality, deciles: [...quality.deciles] },
  ...{ versions: [...versions], licences: [...licences], languages: [...languages] },
  lowest: [...lowest],
});

const wireSnapshot = (snapshot: Snapshot): OutputOf<typeof api.datanets.getSnapshot> => ({
  ...snapshot,
});
