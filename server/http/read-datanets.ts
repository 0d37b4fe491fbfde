/** Reading a datanet's texts over HTTP: who may not, or has to pay first, hears of it here. */
import {
  type api,
  type InputOf,
  type OutputOf,
  type Purpose,
  WORDS_VERSION,
} from '@openledger/protocol';
import type { Access, Datanets, Read, RecordSummary, RetrievedRecord } from '../datanets/index.ts';
import type { Handlers } from './implement.ts';
import { pageFrom } from './page.ts';

type Reading = Pick<
  Handlers<typeof api.datanets>,
  'getRecord' | 'exportSnapshot' | 'listSnapshotRecords' | 'retrieve' | 'context'
>;

export const readingHandlers = ({
  datanets,
  access,
}: {
  readonly datanets: Datanets;
  readonly access: Access;
}): Reading => ({
  getRecord: async ({ datanetId, recordHash, payUpTo }, { caller }) => {
    const record = await datanets.recordByHash(datanetId, recordHash);
    const reading = { datanetId, caller, payUpTo: BigInt(payUpTo) };
    await access.read({ ...reading, recordHashes: [recordHash] });
    return {
      ...wireRecord(record),
      assurance: record.assurance,
      text: record.text,
      qualityParts: record.qualityParts,
      metadata: record.metadata,
      contributors: record.contributors.map(({ party, ...owner }) => ({
        partyId: party,
        ...owner,
      })),
      parents: record.parents.map((parent) => ({ ...parent, lines: [...parent.lines] })),
    };
  },

  exportSnapshot: async ({ snapshotId }, { caller }) => {
    await access.assertReadsSnapshot(snapshotId, caller);
    return datanets.snapshotExport(snapshotId);
  },
  listSnapshotRecords: async (query, { caller }) => {
    await access.assertReadsSnapshot(query.snapshotId, caller);
    const records = await datanets.exportedRecords(query);
    return pageFrom(records, query, ({ id: _, ...record }) => record);
  },
  retrieve: async ({ datanetId, query, purpose, limit, payUpTo, ...search }, { caller }) => {
    await access.assertMayAsk(datanetId, caller);
    const order = { ...searchOf(search), limit, purposes: ['retrieve', purpose] as const };
    const { records, mode, isComplete } = await datanets.retrieve(datanetId, query, order);
    const reading = { datanetId, caller, payUpTo: BigInt(payUpTo) };
    const read = await access.read({ ...reading, ...found(records) });
    return {
      ...{ items: records.map((record) => wirePassage(record)), mode, isComplete },
      read: read && wireRead(read),
    };
  },
  context: async ({ datanetId, query, purposes, tokenBudget, payUpTo, ...search }, { caller }) => {
    await access.assertMayAsk(datanetId, caller);
    const order = { ...searchOf(search), tokenBudget, purposes: withRetrieving(purposes) };
    const { passages, leftOut, ...pack } = await datanets.packContext(datanetId, query, order);
    const reading = { datanetId, caller, payUpTo: BigInt(payUpTo) };
    const read = await access.read({ ...reading, ...found(passages) });
    return {
      ...pack,
      read: read && wireRead(read),
      tokenizer: WORDS_VERSION as typeof WORDS_VERSION,
      leftOut: [...leftOut],
      passages: passages.map(({ text: _, ...passage }) => wirePassage(passage)),
    };
  },
});

/** What was found, for whoever may have to pay for it. All of it is of one snapshot. */
const found = (
  passages: readonly { readonly recordHash: string; readonly snapshotId: string }[],
) => ({
  recordHashes: passages.map(({ recordHash }) => recordHash),
  snapshotId: passages[0]?.snapshotId,
});

export const wireRead = ({
  readerId: _,
  ownerId: __,
  shares: ___,
  ...read
}: Read): OutputOf<typeof api.access.reads>['items'][number] => ({
  ...read,
  records: [...read.records],
  units: read.units.toString(),
  readAt: read.readAt.toISOString(),
});

export const wireRecord = ({ withdrawnAt, createdAt, purposes, ...record }: RecordSummary) => ({
  ...record,
  purposes: purposes && [...purposes],
  withdrawnAt: withdrawnAt?.toISOString(),
  createdAt: createdAt.toISOString(),
});

const dateOf = (time: string | undefined): Date | undefined =>
  time === undefined ? undefined : new Date(time);

type Searching = Pick<
  InputOf<typeof api.datanets.retrieve>,
  'mode' | 'licence' | 'language' | 'since' | 'before' | 'diversity'
>;

const searchOf = ({ licence, since, before, ...search }: Searching) => ({
  ...{ ...search, since: dateOf(since), before: dateOf(before) },
  licences: licence === undefined ? undefined : [licence],
});

const withRetrieving = (purposes: readonly Purpose[]): readonly Purpose[] => [
  ...new Set<Purpose>(['retrieve', ...purposes]),
];

const wirePassage = <T extends Pick<RetrievedRecord, 'contributors' | 'purposes'>>({
  contributors,
  purposes,
  ...record
}: T) => ({
  ...{ ...record, contributors: [...contributors], purposes: purposes && [...purposes] },
});
