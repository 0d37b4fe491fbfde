/**
 * Datanets: contributed, checked, refined and sealed text, and who is entitled to it.
 *
 * It promises that
 * - a text is in a datanet once; each offered record is accepted, or rejected with a reason, and lines of an import are
 *   taken exactly once however often it is interrupted;
 * - a record's contributors are fixed when it is accepted, its entitlement vector (integers summing to 2^64) when it is
 *   sealed; a snapshot never changes, and the same records have the same root;
 * - refinements keep their lineage and give their refiner the policy's share, and nothing is gained by copying: each run of
 *   eight tokens belongs to those who brought it first, those of one import share it, and what many brought is nobody's;
 * - a quote says beforehand what contributing would: refused for what, and how much of a text would be its own;
 * - a text that is nearly an earlier one, or that somebody proves to be his, earns into escrow until a person has decided;
 * - a branch begins with the snapshot that it came from, and loses what is withdrawn there;
 * - what is withdrawn is never retrieved or paid again, nobody inherits it, and each snapshot's pool says from which
 *   version on;
 * - a datanet that refuses or redacts personal data takes no text or metadata in which some can be told by its form;
 * - licences and what contributors allow are kept: nothing is retrieved for a purpose it does not permit, and a use is
 *   refused by the names of the licences and records that stand against it.
 *
 * `createBounties` is its second door: refinement as paid work. A bounty's reward is taken when it is opened, paid by the delta
 * that reviewed work is measured to make, and what is left goes back; what was planned is posted however often it is
 * interrupted. Nobody is paid twice for one improvement.
 *
 * `createAccess` is its third door: who may read the texts. It promises that a datanet that is not open shows them only to those
 * whom its owner has let in, its reviewers, whoever contributed them, and for pay where it has a price; that a record is paid
 * for once a day, whatever is lost or interrupted; and that what is paid goes to those who own the records.
 *
 * It does not trace, train or pay for calls: those stages read snapshots through this door. It does not read anybody's disk or
 * network either: importers run where the files are and upload lines. An import is no proof of authorship.
 *
 * Tables: datanets.datanets, imports, records, contributions, refinements, lineage, snapshots, entitlements, leaves,
 * pools, disputes, embeddings; readers, reads; bounties, submissions, bounty_payments; reviewers, review_rules, votes.
 */
import type {
  Draft,
  EntitlementVector,
  ExportedRecord,
  Id,
  Intake,
  OwnedWords,
  PersonalDataCounts,
  RejectionReason,
  SnapshotExport,
  UnigramTable,
} from '@openledger/protocol';
import { type ErrorCode, OpenLedgerError } from '@openledger/protocol';
import type { Governance } from '../governance/index.ts';
import type { Identity } from '../identity/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db.ts';
import type { Embedder } from '../platform/embeddings.ts';
import type { Line } from '../platform/lines.ts';
import { type BranchOrder, branchSnapshot } from './branch-snapshot.ts';
import { addToIntake, contribute, emptyIntake, readDrafts, type Sender } from './contribute.ts';
import {
  createDatanet,
  type Datanet,
  findDatanet,
  listDatanets,
  type NewDatanet,
} from './datanets.ts';
import { diffSnapshots, type SnapshotDiff } from './diff-snapshots.ts';
import {
  closeDispute,
  type Decision,
  type Dispute,
  type DisputeState,
  findDispute,
  listDisputes,
  openDispute,
  type ProofOrder,
} from './disputes/disputes.ts';
import { heirsOf } from './disputes/heirs.ts';
import { describeSnapshot, listExportedRecords } from './export-croissant.ts';
import { exportSnapshot } from './export-snapshot.ts';
import {
  findImport,
  finishImport,
  type Import,
  openImport,
  restartImport,
  uploadImport,
} from './imports.ts';
import { type PassagePlace, type PassageSource, passageSources } from './passage-sources.ts';
import { findPool, type Pool } from './pools.ts';
import { createProver, type Prover } from './prove-records.ts';
import { createQuoter, type Quoter } from './quotes/quote-drafts.ts';
import { findRecord, listRecords, type RecordDetail, type RecordSummary } from './records.ts';
import { type RefineOrder, type RefineReport, refine } from './refine.ts';
import { type QualityReport, reportQuality } from './report-quality.ts';
import type { ContextPacker } from './retrieval/context.ts';
import { openRetrieval } from './retrieval/open-retrieval.ts';
import type { Retriever } from './retrieval/retrieve.ts';
import type { RightsGroup } from './rights/rights.ts';
import { createSnapshotRights, type SnapshotUse } from './rights/snapshot-rights.ts';
import { seal } from './seal.ts';
import {
  findAllOwnerMaps,
  findSnapshot,
  findSnapshotRecords,
  findUnigramTable,
  listSnapshots,
  type Snapshot,
  type SnapshotRecord,
  snapshotRecords,
} from './snapshots.ts';
import {
  type ConsentWithdrawal,
  type Withdrawal,
  type WithdrawalOrder,
  withdraw,
  withdrawContributor,
} from './withdraw.ts';

export { type Access, createAccess } from './access/create-access.ts';
export type { Reader } from './access/readers.ts';
export type { Read } from './access/reads.ts';
export type { Bounty } from './bounties/bounties.ts';
export { type Bounties, createBounties } from './bounties/create-bounties.ts';
export type { Complete } from './bounties/run-model.ts';
export type { Submission } from './bounties/submissions.ts';
export { assertOwnedBy, type Datanet, type NewDatanet } from './datanets.ts';
export type { Dispute } from './disputes/disputes.ts';
export type { Import } from './imports.ts';
export type { PassageSource } from './passage-sources.ts';
export type { Pool } from './pools.ts';
export type { RecordProof } from './prove-records.ts';
export type { Quote } from './quotes/quote-drafts.ts';
export type { RecordDetail, RecordSummary } from './records.ts';
export type { RefineReport } from './refine.ts';
export type { QualityReport } from './report-quality.ts';
export type { Retrieved, RetrievedRecord } from './retrieval/retrieve.ts';
export type { Reviewer } from './reviews/reviewers.ts';
export { conflictOf, describeGroup } from './rights/rights.ts';
export type { Snapshot, SnapshotRecord } from './snapshots.ts';
export type { Withdrawal } from './withdraw.ts';

type Page = { readonly limit: number; readonly after?: string };
type ImportOfParty = Pick<Import, 'datanetId' | 'partyId'> & { readonly importId: Id<'import'> };

export type Datanets = {
  create(order: NewDatanet): Promise<Datanet>;
  find(datanetId: string): Promise<Datanet>;
  list(query: Page & { readonly name?: string }): Promise<readonly Datanet[]>;

  /** @throws unprocessable (the reason is in the details), conflict for a duplicate */
  contribute(order: {
    readonly datanetId: string;
    readonly partyId: Id<'party'>;
    readonly draft: Draft;
  }): Promise<{
    readonly contributionId: Id<'contribution'>;
    readonly recordHash: string;
    /** undefined where there is none. */
    readonly personalDataFound: PersonalDataCounts | undefined;
  }>;
  /** Lines of JSON, as they come. What was taken before a broken connection stays. */
  contributeMany(order: {
    readonly datanetId: string;
    readonly partyId: Id<'party'>;
    readonly lines: AsyncIterable<Line>;
  }): Promise<Intake>;

  /** What would become of drafts, in their order; stores nothing. @throws not_found */
  quote: Quoter;

  /** Where the import of this name is finished: its next round. */
  openImport(order: Pick<Import, 'datanetId' | 'partyId' | 'name'>): Promise<Import>;
  findImport(query: { readonly datanetId: string; readonly importId: string }): Promise<Import>;
  /** The lines are taken together or not at all. @throws conflict when the import stands elsewhere than at `from` */
  uploadImport(
    upload: ImportOfParty & { readonly from: number; readonly lines: AsyncIterable<Line> },
  ): Promise<{ readonly import: Import; readonly intake: Intake }>;
  restartImport(which: ImportOfParty): Promise<Import>;
  /** The next round begins at `reached`. @throws conflict unless the digest is that of all lines taken */
  finishImport(
    end: ImportOfParty & { readonly digest: string; readonly reached: string },
  ): Promise<Import>;

  listRecords(query: Page & { readonly datanetId: string }): Promise<readonly RecordSummary[]>;
  recordByHash(datanetId: string, recordHash: string): Promise<RecordDetail>;

  refine(order: RefineOrder): Promise<RefineReport>;
  /** With the refiner shares of the policy in force. @throws unprocessable when there is nothing to seal */
  seal(datanetId: Id<'datanet'>): Promise<Snapshot>;
  withdraw(order: WithdrawalOrder): Promise<Withdrawal>;
  /** Every contribution that a party owns, alone or with others. @throws forbidden */
  withdrawContributor(order: ConsentWithdrawal): Promise<Withdrawal>;

  /** A new datanet that goes on from there. @throws not_found, conflict when the name is taken */
  branchSnapshot(order: BranchOrder): Promise<Datanet>;
  /** Says that a record is the claimant's. @throws not_found, conflict, unprocessable after the challenge window */
  openDispute(order: ProofOrder): Promise<Dispute>;
  /** @throws not_found, forbidden, conflict */
  closeDispute(decision: Decision): Promise<Dispute>;
  listDisputes(
    query: Page & { readonly datanetId: string; readonly state?: DisputeState | undefined },
  ): Promise<readonly Dispute[]>;
  /** Who gets what the escrow parties of closed disputes have. */
  heirsOf(partyIds: readonly string[]): Promise<ReadonlyMap<string, EntitlementVector>>;

  findSnapshot(snapshotId: string): Promise<Snapshot>;
  listSnapshots(query: Page & { readonly datanetId: string }): Promise<readonly Snapshot[]>;
  /** In order, withdrawn records included and marked. */
  snapshotRecords(snapshotId: string): AsyncIterable<SnapshotRecord>;
  /** Of these records those that the snapshot holds and nobody has withdrawn, in no order. */
  recordsOf(
    snapshotId: string,
    recordHashes: readonly string[],
  ): Promise<readonly SnapshotRecord[]>;
  /** Whose the words of each record are, by its hash. Equal vectors are one list. @throws not_found */
  ownerMapsOf(snapshotId: string): Promise<ReadonlyMap<string, readonly OwnedWords[]>>;
  /** Who wrote passages of its records, and where. One a place; undefined for what is withdrawn. */
  passageSources(
    snapshotId: string,
    places: readonly PassagePlace[],
  ): Promise<readonly (PassageSource | undefined)[]>;
  unigramTableOf(snapshotId: string): Promise<UnigramTable>;
  snapshotExport(snapshotId: string): Promise<SnapshotExport>;
  /** Croissant 1.1, with the digest of the JSON lines that `exportedRecords` gives. */
  describeSnapshot(snapshotId: string): Promise<Readonly<Record<string, unknown>>>;
  /** In order, without withdrawn ones. */
  exportedRecords(
    query: Page & { readonly snapshotId: string },
  ): Promise<readonly (ExportedRecord & { readonly id: string })[]>;
  diffSnapshots(query: {
    readonly snapshotId: string;
    readonly beforeId: string;
    readonly limit: number;
  }): Promise<SnapshotDiff>;
  /** @throws not_found */
  reportQuality(snapshotId: string): Promise<QualityReport>;
  /** Of what is not withdrawn. @throws not_found */
  rightsOf(snapshotId: string): Promise<readonly RightsGroup[]>;
  /** In no order. */
  proveRecords: Prover;
  /** The newest pool, or an earlier version. */
  poolOf(snapshotId: string, version?: number): Promise<Pool>;

  retrieve: Retriever;
  /** Passages for a model to read, in so many tokens, with their provenance. */
  packContext: ContextPacker;
  /**
   * Whether a model of these snapshots may be used, with this context beside it.
   *
   * @throws purpose_not_licensed, licences_conflict: licences and records are in the details
   */
  assertRights(use: SnapshotUse): Promise<void>;
  /** Ends the process of the indexes; whoever is asking it hears `unavailable`. */
  stop(): void;
};

/** Lines in one transaction of a stream that may be taken in parts. */
const BATCH_LINES = 200;
const BATCH_CHARACTERS = 4_000_000;

/** Lines in one upload of an import, which is taken whole. */
const UPLOAD_LINES = 5000;
const UPLOAD_CHARACTERS = 32_000_000;

export function createDatanets(handles: {
  readonly db: Db;
  readonly identity: Identity;
  readonly governance: Governance;
  readonly clock: Clock;
  /** Makes the vectors of passages and queries. Absent: the indexes do, by projected terms. */
  readonly embedder?: Embedder;
}): Datanets {
  const { db, governance, clock, embedder } = handles;
  const rights = createSnapshotRights(db);
  const { retrieve, packContext, stop } = openRetrieval({ db, embedder });
  return {
    async create(order) {
      return findDatanet(db, await db.transaction((tx) => createDatanet(tx, clock, order)));
    },
    find: (datanetId) => findDatanet(db, datanetId),
    list: (query) => listDatanets(db, query),

    async contribute({ datanetId, partyId, draft }) {
      const drafts = [{ line: 1, draft }];
      const { accepted, rejected } = await db.transaction((tx) =>
        contribute(tx, handles, { datanetId, sender: { partyId }, drafts }),
      );
      if (rejected.length > 0) throw rejection(rejected[0]);
      const [{ contributionId, recordHash, personalData }] = accepted;
      const found = Object.keys(personalData).length > 0;
      return { contributionId, recordHash, personalDataFound: found ? personalData : undefined };
    },
    async contributeMany({ datanetId, partyId, lines }) {
      await findDatanet(db, datanetId);
      const sender: Sender = { partyId };
      let intake = emptyIntake();
      for await (const batch of batches(lines)) {
        const { drafts, rejected } = readDrafts(batch);
        const outcome = await db.transaction((tx) =>
          contribute(tx, handles, { datanetId, sender, drafts }),
        );
        intake = addToIntake(addToIntake(intake, { accepted: [], rejected }), outcome);
      }
      return intake;
    },

    quote: createQuoter({ reader: db, retrieve }),

    async openImport(order) {
      await findDatanet(db, order.datanetId);
      return db.transaction((tx) => openImport(tx, clock, order));
    },
    findImport: (query) => findImport(db, query),
    async uploadImport(upload) {
      const lines = await wholeUpload(upload.lines);
      return db.transaction((tx) => uploadImport(tx, handles, { ...upload, lines }));
    },
    restartImport: (which) => db.transaction((tx) => restartImport(tx, clock, which)),
    finishImport: (end) => db.transaction((tx) => finishImport(tx, clock, end)),

    async listRecords(query) {
      await findDatanet(db, query.datanetId);
      return listRecords(db, query);
    },
    recordByHash: (datanetId, recordHash) => findRecord(db, datanetId, recordHash),

    refine: (order) => refine(db, clock, order),
    async seal(datanetId) {
      const { policy } = await governance.policyInForce();
      const shares = policy.refinerShares;
      const id = await db.transaction((tx) => seal(tx, handles, { datanetId, shares }));
      return findSnapshot(db, id);
    },
    withdraw: (order) => db.transaction((tx) => withdraw(tx, clock, order)),
    withdrawContributor: (order) => db.transaction((tx) => withdrawContributor(tx, clock, order)),

    async branchSnapshot(order) {
      return findDatanet(db, await db.transaction((tx) => branchSnapshot(tx, clock, order)));
    },
    async openDispute(order) {
      const id = await db.transaction((tx) => openDispute(tx, handles, order));
      return findDispute(db, id);
    },
    async closeDispute(decision) {
      await db.transaction((tx) => closeDispute(tx, clock, decision));
      return findDispute(db, decision.disputeId);
    },
    async listDisputes(query) {
      await findDatanet(db, query.datanetId);
      return listDisputes(db, query);
    },
    heirsOf: (partyIds) => heirsOf(db, partyIds),

    findSnapshot: (snapshotId) => findSnapshot(db, snapshotId),
    async listSnapshots(query) {
      await findDatanet(db, query.datanetId);
      return listSnapshots(db, query);
    },
    snapshotRecords: (snapshotId) => snapshotRecords(db, snapshotId),
    recordsOf: async (snapshotId, recordHashes) =>
      (await findSnapshotRecords(db, snapshotId, recordHashes)).filter((one) => !one.withdrawn),
    ownerMapsOf: (snapshotId) => findAllOwnerMaps(db, snapshotId),
    passageSources: (snapshotId, places) => passageSources(db, snapshotId, places),
    unigramTableOf: (snapshotId) => findUnigramTable(db, snapshotId),
    snapshotExport: (snapshotId) => exportSnapshot(db, snapshotId),
    describeSnapshot: (snapshotId) => describeSnapshot(db, snapshotId),
    exportedRecords: (query) => listExportedRecords(db, query),
    diffSnapshots: (query) => diffSnapshots(db, query),
    reportQuality: (snapshotId) => reportQuality(db, snapshotId),
    async rightsOf(snapshotId) {
      await findSnapshot(db, snapshotId);
      return rights.live(snapshotId);
    },
    proveRecords: createProver(db),
    poolOf: (snapshotId, version) => findPool(db, snapshotId, version),

    ...{ retrieve, packContext, stop },
    assertRights: (use) => rights.assertUse(use),
  };
}

const codeOf: Partial<Record<RejectionReason, ErrorCode>> = {
  malformed: 'invalid_input',
  duplicate: 'conflict',
  withdrawn: 'conflict',
};

const rejection = ({ reason, message }: { reason: RejectionReason; message: string }) =>
  new OpenLedgerError(codeOf[reason] ?? 'unprocessable', message, { reason });

async function* batches(lines: AsyncIterable<Line>): AsyncGenerator<readonly Line[]> {
  let batch: Line[] = [];
  let characters = 0;
  for await (const line of lines) {
    batch.push(line);
    characters += 'text' in line ? line.text.length : 0;
    if (batch.length < BATCH_LINES && characters < BATCH_CHARACTERS) continue;
    yield batch;
    batch = [];
    characters = 0;
  }
  if (batch.length > 0) yield batch;
}

/** @throws too_large */
async function wholeUpload(lines: AsyncIterable<Line>): Promise<readonly Line[]> {
  const whole: Line[] = [];
  let characters = 0;
  for await (const line of lines) {
    whole.push(line);
    characters += 'text' in line ? line.text.length : 0;
    if (whole.length > UPLOAD_LINES || characters > UPLOAD_CHARACTERS) {
      throw new OpenLedgerError(
        'too_large',
        `One upload of an import has at most ${UPLOAD_LINES} lines and ${UPLOAD_CHARACTERS} characters.`,
      );
    }
  }
  return whole;
}
