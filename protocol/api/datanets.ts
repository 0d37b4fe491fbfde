/** Operations of datanets: contribute, import, refine, seal, withdraw, retrieve. */
import { z } from 'zod';
import { Sha256Hex } from '../hash.ts';
import { idSchema } from '../ids.ts';
import { Units } from '../money.ts';
import type { Operations } from '../operations.ts';
import { OwnerMap } from '../owner-map.ts';
import { Ppm } from '../policy.ts';
import { EntitlementList, RecordSource, SnapshotExport, SnapshotManifest } from '../snapshot.ts';
import { WORDS_VERSION } from '../words.ts';
import { pageOf, paging } from './paging.ts';

const datanetId = idSchema('datanet');
const importId = idSchema('import');
const snapshotId = idSchema('snapshot');
const Time = z.iso.datetime();
const Count = z.number().int().min(0);

/** Who wrote a text, before the datanet has turned it into a party. */
export const ContributorIdentity = z.union([
  /** `<kind>:<name>`, for example `npm-package:zod` or `handle:ada`. */
  z.string().min(3).max(300),
  /** An author of a commit. The datanet keeps only a keyed hash of the address. */
  z.strictObject({ kind: z.literal('git'), email: z.string().min(1).max(320) }),
]);
export type ContributorIdentity = z.output<typeof ContributorIdentity>;

export const DraftContributor = z.strictObject({
  identity: ContributorIdentity,
  /** Relative to the other contributors of the record. */
  weight: z.number().int().min(1),
  /** What the importer saw beside the name: a help for a later claim, not proof. */
  hint: z.record(z.string().max(100), z.string().max(1000)).optional(),
});

/** Lines in a row with the same writers, who share each of them alike. */
export const AuthoredLines = z.strictObject({
  lines: z.number().int().min(1),
  /** Their places in `contributors`, from 0. Empty: all of them, by their weights. */
  by: z.array(z.number().int().min(0)).max(1000),
});
export type AuthoredLines = z.output<typeof AuthoredLines>;

/** What a record may be used for. `commercial` goes with one of the others: for pay. */
export const Purpose = z.enum(['train', 'retrieve', 'commercial']);
export type Purpose = z.output<typeof Purpose>;

/** A record as it is offered: one line of an import, or one contribution. */
export const Draft = z.strictObject({
  text: z.string(),
  /** An SPDX id. Absent or `unknown` is refused: nobody may guess for the author. */
  licence: z.string().max(200).optional(),
  /** What its contributors allow of what the licence permits. Absent: all of it. */
  purposes: z.array(Purpose).min(1).max(3).optional(),
  /** Absent: whoever contributes it. */
  contributors: z.array(DraftContributor).min(1).max(1000).optional(),
  /** Who wrote which lines, in order: together all of the text's, a last line feed beginning none. Absent: all wrote all. */
  authorship: z.array(AuthoredLines).min(1).max(100_000).optional(),
  source: RecordSource.optional(),
  metadata: z.record(z.string().max(100), z.json()).optional(),
});
export type Draft = z.output<typeof Draft>;

/** Why a record was not taken. */
export const rejectionReasons = [
  'malformed',
  'size',
  'encoding',
  'licence',
  'secret',
  'personal_data',
  'quality',
  'duplicate',
  'withdrawn',
] as const;
export const RejectionReason = z.enum(rejectionReasons);
export type RejectionReason = z.output<typeof RejectionReason>;

export const Rejection = z.object({
  /** From 1, in what was sent. */
  line: z.number().int().min(1),
  reason: RejectionReason,
  message: z.string(),
});

/** What a datanet does with personal data in what is contributed. */
export const PersonalDataPolicy = z.enum(['refuse', 'redact', 'keep']);
export type PersonalDataPolicy = z.output<typeof PersonalDataPolicy>;

/** Personal data that can be told by its form. */
export const PersonalDataKind = z.enum(['email', 'phone', 'iban', 'card', 'national_id']);
export type PersonalDataKind = z.output<typeof PersonalDataKind>;

export const PersonalDataCounts = z.partialRecord(PersonalDataKind, Count);
export type PersonalDataCounts = z.output<typeof PersonalDataCounts>;

export const Intake = z.object({
  accepted: Count,
  rejected: z.partialRecord(RejectionReason, Count),
  /** In what was accepted: kept or redacted, as the datanet does. */
  personalDataFound: PersonalDataCounts,
  /** The first rejections, at most 1,000. */
  rejections: z.array(Rejection),
});
export type Intake = z.output<typeof Intake>;

/** What would become of a draft, if nothing changes before it is contributed. */
const Quote = z.object({
  /** Why it would not be taken. Absent: it would be accepted. */
  refusal: Rejection.omit({ line: true }).optional(),
  /** ppm. */
  quality: Count,
  /**
   * How much of it would be its own: tokens of `words-1` that lie in no window of 8 tokens (of a shorter text: not in the same
   * text) accepted before, withdrawn texts included. Absent where it is refused for itself, or there is nothing to compare it with.
   */
  owned: z
    .object({
      ppm: Ppm,
      tokens: Count,
      /**
       * `all`: compared with all that the datanet has accepted. `nearest`: the datanet is too large for that; compared with
       * the first 20,000 characters of the 50 nearest records, so that it is rather too much.
       */
      basis: z.enum(['all', 'nearest']),
    })
    .optional(),
  /** The most similar of the nearest records, where it would be disputed at the seal unless both have the same owners. */
  nearDuplicate: z.object({ recordHash: Sha256Hex, similarityPpm: Ppm }).optional(),
  /** What paid calls have made of the records nearest to it, which it would stand beside. */
  demand: z.object({
    /** At most ten records of the newest snapshot, the nearest first. */
    nearest: z.array(Sha256Hex),
    days: Count,
    /** Paid answers of these days in which a passage of one of those records was found that its client had not sent; 1,000: so many or more. */
    citingCalls: Count,
  }),
});

/** Who may read the texts: anybody, those whom the owner lets in, or whoever pays for each record. */
export const DatanetAccess = z.enum(['open', 'request', 'paid']);
export type DatanetAccess = z.output<typeof DatanetAccess>;

export const Datanet = z.object({
  id: datanetId,
  name: z.string(),
  title: z.string(),
  description: z.string(),
  ownerId: idSchema('party'),
  /** SPDX ids that are accepted. */
  licences: z.array(z.string()),
  personalData: PersonalDataPolicy,
  access: DatanetAccess,
  /** The price of one record; 0 but for `paid`. */
  readUnits: Units,
  /** Records contributed, withdrawn ones included. */
  records: Count,
  createdAt: Time,
});

export const Import = z.object({
  id: importId,
  datanetId,
  name: z.string(),
  /** From 1. A source that grows is imported in rounds of one name, each an import of its own. */
  round: z.number().int().min(1),
  /** What the round before had reached: only what came after it has to be sent. */
  since: z.string().optional(),
  /** What this round has reached. Absent: it is not finished. */
  reached: z.string().optional(),
  /** Lines that the datanet has dealt with. */
  taken: Count,
  /**
   * Digest of those lines: d(0) = 64 zeros, d(n) = SHA-256 of d(n-1) followed by the hex SHA-256 of line n's bytes.
   * Whoever resumes compares it with his own first `taken` lines.
   */
  digest: Sha256Hex,
  accepted: Count,
  rejected: z.partialRecord(RejectionReason, Count),
  /** In what was accepted: kept or redacted, as the datanet does. */
  personalDataFound: PersonalDataCounts,
  updatedAt: Time,
});
export type Import = z.output<typeof Import>;

export const RecordSummary = z.object({
  hash: Sha256Hex,
  contributionId: idSchema('contribution').optional(),
  licence: z.string(),
  /** Absent: all that the licence permits. */
  purposes: z.array(Purpose).optional(),
  source: RecordSource,
  /** ppm, by the formula `qualityVersion`. */
  quality: z.number().int(),
  qualityVersion: z.string(),
  sizeBytes: Count,
  withdrawnAt: Time.optional(),
  createdAt: Time,
});

/** What a record's quality is computed from; docs/concepts/quality.md has the formula. */
const QualityParts = z.object({
  language: Ppm,
  structure: Ppm,
  compression: Ppm,
  repetition: Ppm,
});

export const RecordDetail = RecordSummary.extend({
  /** What stands behind the contributors: their own word, an importer's, or a proof that was upheld in a dispute. */
  assurance: z.enum(['self_declared', 'imported', 'proved']),
  text: z.string(),
  /** Absent: the record is withdrawn, or `qualityVersion` is not the current formula. */
  qualityParts: QualityParts.optional(),
  metadata: z.record(z.string(), z.json()),
  /** Identity and weight of each contributor; of derived records, those of their parents. */
  contributors: z.array(
    z.object({ partyId: z.string(), identity: z.string(), weight: z.string() }),
  ),
  /** The refinements it came from: parent, refiner, and for each of its lines the parent's line. */
  parents: z.array(
    z.object({
      hash: Sha256Hex,
      refinement: z.string(),
      refinerId: idSchema('party'),
      lines: z.array(z.number().int()),
    }),
  ),
});

export const Snapshot = z.object({
  id: snapshotId,
  datanetId,
  hash: Sha256Hex,
  manifest: SnapshotManifest,
  /** The newest pool version; each withdrawal adds one. */
  poolVersion: z.number().int().min(1),
});

/** How many records there are of each, the most frequent first. */
const Counted = z.array(z.object({ name: z.string(), records: Count }));

/** How good a snapshot is, of the records that are not withdrawn; docs/concepts/quality.md says how it is counted. */
const QualityReport = z.object({
  snapshotId,
  /** What was withdrawn up to this version is not counted. */
  poolVersion: z.number().int().min(1),
  records: Count,
  withdrawn: Count,
  /** In 1/65,536 bits. */
  information: z.string(),
  /** Of the information: what stands first in its record, and is paid. */
  ownedPpm: Ppm,
  /** Of the information: what is nobody's, since many brought it or nobody may inherit it. */
  unpaidPpm: Ppm,
  /** Records that own none of their information. */
  repeating: Count,
  /** Absent: no record is left. The deciles are eleven, from the lowest quality to the highest. */
  quality: z.object({ mean: Ppm, deciles: z.array(Ppm) }).optional(),
  /** Records by the formula that scored them. */
  versions: Counted,
  /** Means over every n-th record, as many as could be scored again. */
  parts: z
    .object({ every: z.number().int().min(1), records: Count, means: QualityParts })
    .optional(),
  /** SPDX expressions. */
  licences: Counted,
  /** As the records' `metadata.language` names them, in lower case; at most 50. Records that name none are not counted. */
  languages: Counted,
  openDisputes: Count,
  /** The ten of the lowest quality. */
  lowest: z.array(
    z.object({ recordHash: Sha256Hex, quality: Ppm, parts: QualityParts.optional() }),
  ),
});

/** By words alone (BM25), or by words and vectors together. */
export const RetrievalMode = z.enum(['words', 'hybrid']);
export type RetrievalMode = z.output<typeof RetrievalMode>;

export const RetrievedRecord = z.object({
  recordHash: Sha256Hex,
  snapshotId,
  /** The contribution that it was cut from. */
  documentHash: Sha256Hex,
  text: z.string(),
  /** Larger is nearer; comparable within one datanet and one mode. */
  score: z.number(),
  source: RecordSource,
  /** SPDX. */
  licence: z.string(),
  /** Absent: all that the licence permits. */
  purposes: z.array(Purpose).optional(),
  /** Identities, the largest owner first. */
  contributors: z.array(z.string()),
});

/** One line of a labelled set: a question, and what ought to be found for it. */
export const RetrievalLabel = z.strictObject({
  query: z.string().min(1).max(4000),
  /** Hashes of records or documents, or paths of their sources. */
  relevant: z.array(z.string().min(1)).min(1),
});
export type RetrievalLabel = z.output<typeof RetrievalLabel>;

export const Withdrawal = z.object({
  /** Hashes of the records and of their refinements. */
  withdrawn: z.array(Sha256Hex),
  /** Those that hold any of them, and the version of their pools from which it no longer counts. */
  snapshots: z.array(z.object({ snapshotId, poolVersion: z.number().int() })),
  /** Those that learned from such a snapshot: their files keep what they learned until they are trained again. */
  models: z.array(z.object({ id: idSchema('model'), name: z.string() })),
});

/** A record as an exported snapshot holds it: one line of `records.jsonl`, in canonical JSON. */
export const ExportedRecord = z.strictObject({
  hash: Sha256Hex,
  text: z.string(),
  /** SPDX. */
  licence: z.string(),
  /** Whom to name, as identities, the largest owner first. */
  contributors: z.array(z.string()),
  /** The contribution that it was cut from: records of one document follow each other. */
  document: Sha256Hex,
  /** ppm. */
  quality: z.number().int(),
  /** Where it was found, as far as its importer knew. */
  url: z.string().nullable(),
  path: z.string().nullable(),
});
export type ExportedRecord = z.output<typeof ExportedRecord>;

/** Records of a snapshot under the same rights. */
const RightsGroup = z.object({
  licence: z.string(),
  /** What their contributors allow of what the licence permits. Absent: all of it. */
  purposes: z.array(Purpose).optional(),
  records: Count,
  /** What both permit, each purpose by itself. */
  permits: z.array(Purpose),
  /** True: the authors' names go with every copy. */
  attribution: z.boolean(),
  /** True: what is made of it is bound to licences like this one. */
  shareAlike: z.boolean(),
  urls: z.array(z.string()),
});

const hashes = z.array(Sha256Hex);

const DatanetName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'Expected lower-case letters, digits and dashes.');

/** What the caller agrees to pay where texts are read for pay. */
const paying = {
  /** Units for those records that he has not paid for in the last day. */
  payUpTo: Units.default('0'),
};

/** Records that were read for pay. Whoever has paid reads them again for a day. */
export const PaidRead = z.object({
  id: idSchema('read'),
  datanetId,
  records: z.array(Sha256Hex),
  units: Units,
  /** The fee policy that divides it. */
  policyHash: Sha256Hex,
  readAt: Time,
});

/** How records are searched for. */
const searching = {
  ...paying,
  mode: RetrievalMode.default('words'),
  /** An SPDX expression, as the records name it. Absent: any licence. */
  licence: z.string().max(200).optional(),
  /** As the records' `metadata.language` names it. Absent: any, and records that name none. */
  language: z.string().min(1).max(100).optional(),
  /** Contributed at or after, and before. */
  since: Time.optional(),
  before: Time.optional(),
  /** 0 to 1: how much being unlike the results before counts against being near; `hybrid` only. */
  diversity: z.coerce.number<number>().min(0).max(1).default(0),
};

const searched = {
  /** What was searched by: `words` where no vectors could be had. */
  mode: RetrievalMode,
  /** False: the index had not yet taken up all of the snapshot. */
  isComplete: z.boolean(),
  /** What was paid now for reading. Absent: nothing. */
  read: PaidRead.optional(),
};

/** Whether a record is somebody else's than its owners'. */
export const Dispute = z.object({
  id: idSchema('dispute'),
  datanetId,
  recordHash: Sha256Hex,
  /** Found at a seal, or claimed by a party. */
  kind: z.enum(['near_duplicate', 'earlier_proof']),
  /** The earlier record whose owners would own it. */
  earlierHash: Sha256Hex.optional(),
  claimantId: idSchema('party').optional(),
  /** Disputed words and symbols by their places in the record, from 0: from the first up to the second. Absent: all. */
  spans: z.array(z.tuple([Count, Count])).optional(),
  /** How much of the record is disputed and in no other way known to be a copy. */
  similarityPpm: Count.optional(),
  evidence: z.string(),
  /** The party that the disputed text's earnings wait with while the dispute is open. */
  escrowId: idSchema('party'),
  state: z.enum(['open', 'upheld', 'dismissed']),
  openedAt: Time,
  closedAt: Time.optional(),
  closedBy: idSchema('party').optional(),
  reason: z.string().optional(),
});

/** Refiners that need no model. */
export const refinements = ['clean-1', 'chunk-1', 'deduplicate-1', 'annotate-1', 'tag-1'] as const;
export const Refinement = z.enum(refinements);
export type Refinement = z.output<typeof Refinement>;

export const datanetsOperations = {
  create: {
    summary: 'Create a datanet owned by the caller',
    method: 'POST',
    path: '/api/datanets',
    scope: 'contribute',
    input: z.object({
      name: DatanetName,
      title: z.string().min(1).max(200).optional(),
      description: z.string().max(5000).optional(),
      /** Absent: the common open licences. */
      licences: z.array(z.string().min(1).max(100)).min(1).max(200).optional(),
      /** What is done with e-mail addresses, phone numbers and the like in texts and metadata. For good. */
      personalData: PersonalDataPolicy.default('keep'),
      access: DatanetAccess.default('open'),
      /** Units for one record; `paid` alone has a price. */
      readUnits: Units.default('0'),
    }),
    output: Datanet,
    status: 201,
  },
  list: {
    summary: 'List datanets, oldest first, or find one by its name',
    method: 'GET',
    path: '/api/datanets',
    scope: 'read',
    input: z.object({ name: z.string().max(63).optional(), ...paging }),
    output: pageOf(Datanet),
  },
  get: {
    summary: 'Show a datanet',
    method: 'GET',
    path: '/api/datanets/:datanetId',
    scope: 'read',
    input: z.object({ datanetId }),
    output: Datanet,
  },
  contribute: {
    summary: 'Contribute one record',
    method: 'POST',
    path: '/api/datanets/:datanetId/contributions',
    scope: 'contribute',
    input: z.object({ datanetId, ...Draft.shape }),
    output: z.object({
      contributionId: idSchema('contribution'),
      recordHash: Sha256Hex,
      /** Absent: none was found. What a datanet redacts is not in the record that the hash names. */
      personalDataFound: PersonalDataCounts.optional(),
    }),
    status: 201,
  },
  contributeMany: {
    summary: 'Contribute records as lines of JSON; a broken line is reported and the rest goes in',
    method: 'POST',
    path: '/api/datanets/:datanetId/contributions/batch',
    scope: 'contribute',
    input: z.object({ datanetId }),
    output: Intake,
    body: 'ndjson',
  },
  quote: {
    summary:
      'Ask what would become of drafts before contributing them: refusals, what would be their own, what is like them. Stores nothing',
    method: 'POST',
    path: '/api/datanets/:datanetId/quotes',
    scope: 'contribute',
    input: z.object({ datanetId, drafts: z.array(Draft).min(1).max(50) }),
    /** In the order of the drafts. */
    output: z.object({ items: z.array(Quote) }),
  },
  openImport: {
    summary:
      "Open the caller's import of this name, or find it where it stopped; a finished one goes on as its next round",
    method: 'POST',
    path: '/api/datanets/:datanetId/imports',
    scope: 'contribute',
    input: z.object({ datanetId, name: z.string().min(1).max(300) }),
    output: Import,
  },
  getImport: {
    summary: 'Show an import',
    method: 'GET',
    path: '/api/datanets/:datanetId/imports/:importId',
    scope: 'read',
    input: z.object({ datanetId, importId }),
    output: Import,
  },
  uploadImport: {
    summary: 'Send the next lines of an import; they are taken together or not at all',
    method: 'POST',
    path: '/api/datanets/:datanetId/imports/:importId/lines',
    scope: 'contribute',
    input: z.object({
      datanetId,
      importId,
      /** How many lines came before: must equal `taken`, so that no line is taken twice. */
      from: z.coerce.number<number>().int().min(0),
    }),
    output: z.object({ import: Import, intake: Intake }),
    body: 'ndjson',
  },
  restartImport: {
    summary:
      'Begin an import again because its source has changed; known records count as duplicates',
    method: 'POST',
    path: '/api/datanets/:datanetId/imports/:importId/restart',
    scope: 'contribute',
    input: z.object({ datanetId, importId }),
    output: Import,
  },
  finishImport: {
    summary:
      'Finish a round of an import, all of which was sent, and say what of the source it has reached',
    method: 'POST',
    path: '/api/datanets/:datanetId/imports/:importId/finish',
    scope: 'contribute',
    input: z.object({
      datanetId,
      importId,
      /** Of all lines sent, as the import has it. */
      digest: Sha256Hex,
      /** In the importer's own words, for example a commit. */
      reached: z.string().min(1).max(200),
    }),
    output: Import,
  },
  listRecords: {
    summary: 'List contributed records in the order of their acceptance',
    method: 'GET',
    path: '/api/datanets/:datanetId/records',
    scope: 'read',
    input: z.object({ datanetId, ...paging }),
    output: pageOf(RecordSummary),
  },
  getRecord: {
    summary: 'Show a record with its text, contributors and lineage',
    method: 'GET',
    path: '/api/datanets/:datanetId/records/:recordHash',
    scope: 'read',
    input: z.object({ datanetId, recordHash: Sha256Hex, ...paying }),
    output: RecordDetail,
  },
  refine: {
    summary: 'Refine all records that are not yet refined; the caller is the refiner',
    method: 'POST',
    path: '/api/datanets/:datanetId/refinements',
    scope: 'contribute',
    input: z.object({
      datanetId,
      pipeline: z.array(Refinement).min(1).max(8).default(['clean-1', 'chunk-1']),
    }),
    output: z.object({ refined: Count, derived: Count, unchanged: Count }),
  },
  seal: {
    summary: 'Seal a snapshot; where nothing is new, the newest one is returned',
    method: 'POST',
    path: '/api/datanets/:datanetId/snapshots',
    scope: 'contribute',
    input: z.object({ datanetId }),
    output: Snapshot,
  },
  branchSnapshot: {
    summary:
      'Make a datanet of the caller that goes on from a snapshot, with its texts, people and rights',
    method: 'POST',
    path: '/api/datanets/snapshots/:snapshotId/branches',
    scope: 'contribute',
    input: z.object({ snapshotId, name: DatanetName }),
    output: Datanet,
    status: 201,
  },
  openDispute: {
    summary: 'Claim a contributed record as one of the caller by an earlier proof',
    method: 'POST',
    path: '/api/datanets/:datanetId/records/:recordHash/disputes',
    scope: 'contribute',
    input: z.object({
      datanetId,
      recordHash: Sha256Hex,
      /** Where the one who decides can see that the caller had the text before. */
      evidence: z.string().min(1).max(5000),
    }),
    output: Dispute,
    status: 201,
  },
  listDisputes: {
    summary: 'List disputes over whose records are, oldest first',
    method: 'GET',
    path: '/api/datanets/:datanetId/disputes',
    scope: 'read',
    input: z.object({ datanetId, state: Dispute.shape.state.optional(), ...paging }),
    output: pageOf(Dispute),
  },
  closeDispute: {
    summary: 'Decide a dispute for the claimant or for the owners of the record',
    method: 'POST',
    path: '/api/datanets/disputes/:disputeId/decision',
    scope: 'contribute',
    input: z.object({
      disputeId: idSchema('dispute'),
      decision: z.enum(['uphold', 'dismiss']),
      reason: z.string().min(1).max(1000),
    }),
    output: Dispute,
  },
  listSnapshots: {
    summary: "List a datanet's snapshots, oldest first",
    method: 'GET',
    path: '/api/datanets/:datanetId/snapshots',
    scope: 'read',
    input: z.object({ datanetId, ...paging }),
    output: pageOf(Snapshot),
  },
  getSnapshot: {
    summary: 'Show a snapshot',
    method: 'GET',
    path: '/api/datanets/snapshots/:snapshotId',
    scope: 'read',
    input: z.object({ snapshotId }),
    output: Snapshot,
  },
  exportSnapshot: {
    summary: 'Export all that a verifier needs to recompute an attribution, in one document',
    method: 'GET',
    path: '/api/datanets/snapshots/:snapshotId/export',
    scope: 'read',
    input: z.object({ snapshotId }),
    output: SnapshotExport,
  },
  diffSnapshots: {
    summary:
      'Compare a snapshot with an earlier one: records added, removed, and with other owners',
    method: 'GET',
    path: '/api/datanets/snapshots/:snapshotId/diff/:beforeId',
    scope: 'read',
    input: z.object({
      snapshotId,
      beforeId: snapshotId,
      limit: z.coerce.number<number>().int().min(1).max(10_000).default(1000),
    }),
    output: z.object({
      /** All of them, and the first `limit` of each kind by hash. */
      counts: z.object({ added: Count, removed: Count, changed: Count, same: Count }),
      added: hashes,
      removed: hashes,
      /** In both, entitled otherwise. */
      changed: hashes,
    }),
  },
  snapshotLicences: {
    summary: 'Sum up the licences of a snapshot, what they permit, and which two cannot be mixed',
    method: 'GET',
    path: '/api/datanets/snapshots/:snapshotId/licences',
    scope: 'read',
    input: z.object({ snapshotId }),
    output: z.object({
      items: z.array(RightsGroup),
      /** Absent: all of it may be trained on together, as far as licences go. */
      conflict: z
        .object({ licences: z.array(z.string()), records: z.array(hashes), message: z.string() })
        .optional(),
    }),
  },
  snapshotQuality: {
    summary:
      'Report how good a snapshot is: what its records own, how they score, which score lowest',
    method: 'GET',
    path: '/api/datanets/snapshots/:snapshotId/quality',
    scope: 'read',
    input: z.object({ snapshotId }),
    output: QualityReport,
  },
  describeSnapshot: {
    summary: 'Describe a snapshot in Croissant 1.1, with the digest of the file its records make',
    method: 'GET',
    path: '/api/datanets/snapshots/:snapshotId/croissant',
    scope: 'read',
    input: z.object({ snapshotId }),
    output: z.record(z.string(), z.json()),
  },
  listSnapshotRecords: {
    summary:
      'List the records of a snapshot in order, without withdrawn ones, to be written as JSONL',
    method: 'GET',
    path: '/api/datanets/snapshots/:snapshotId/records',
    scope: 'read',
    input: z.object({ snapshotId, ...paging }),
    output: pageOf(ExportedRecord),
  },
  proveRecord: {
    summary: 'Prove that a record, and who is entitled to it, is part of a snapshot',
    method: 'GET',
    path: '/api/datanets/snapshots/:snapshotId/records/:recordHash',
    scope: 'read',
    input: z.object({ snapshotId, recordHash: Sha256Hex }),
    output: z.object({
      recordHash: Sha256Hex,
      owners: EntitlementList,
      /** Whose each of its words is. */
      map: OwnerMap,
      index: Count,
      size: Count,
      /** Siblings, nearest to the leaf first. */
      proof: z.array(Sha256Hex),
      root: Sha256Hex,
      withdrawn: z.boolean(),
    }),
  },
  withdraw: {
    summary:
      'Withdraw a contribution and all that was refined from it: never traced, retrieved or paid again',
    method: 'POST',
    path: '/api/datanets/:datanetId/withdrawals',
    scope: 'contribute',
    input: z.object({
      datanetId,
      recordHash: Sha256Hex,
      reason: z.string().min(1).max(1000),
    }),
    output: Withdrawal,
  },
  withdrawContributor: {
    summary:
      "Withdraw a contributor's consent: all that he owns of a datanet, alone or with others",
    method: 'POST',
    path: '/api/datanets/:datanetId/contributors/:partyId/withdrawals',
    scope: 'contribute',
    input: z.object({
      datanetId,
      partyId: idSchema('party'),
      reason: z.string().min(1).max(1000),
    }),
    output: Withdrawal,
  },
  retrieve: {
    summary: 'Find the records of the newest snapshot that are nearest to a query',
    method: 'GET',
    path: '/api/datanets/:datanetId/retrieve',
    scope: 'read',
    input: z.object({
      datanetId,
      query: z.string().min(1).max(4000),
      limit: z.coerce.number<number>().int().min(1).max(100).default(5),
      ...searching,
      /** Beside retrieving: records that do not permit it are left out. */
      purpose: Purpose.default('retrieve'),
    }),
    output: z.object({ items: z.array(RetrievedRecord), ...searched }),
  },
  context: {
    summary:
      'Pack what a datanet knows of a question into so many tokens, with the provenance of each passage',
    method: 'POST',
    path: '/api/datanets/:datanetId/context',
    scope: 'read',
    input: z.object({
      datanetId,
      query: z.string().min(1).max(4000),
      /** Tokens of `words-1`: words, numbers and symbols. */
      tokenBudget: z.number().int().min(1).max(100_000).default(1000),
      ...searching,
      /** Beside retrieving: records that do not permit all of them are left out. */
      purposes: z.array(Purpose).max(3).default(['retrieve']),
    }),
    output: z.object({
      text: z.string(),
      tokens: Count,
      tokenizer: z.literal(WORDS_VERSION),
      /** In the order of the text; those of one document stand together. */
      passages: z.array(
        RetrievedRecord.omit({ text: true }).extend({
          /** Where it stands in the text, in UTF-16 code units. */
          start: Count,
          end: Count,
          contributionId: idSchema('contribution').optional(),
          /** Of the contributed text, both from 1. */
          lines: z.object({ from: Count, to: Count }).optional(),
        }),
      ),
      /** Near, and not in the text: said already, not to be mixed with what is there, or too long for what was left. */
      leftOut: z.array(
        z.object({
          recordHash: Sha256Hex,
          reason: z.enum(['duplicate', 'licence', 'budget']),
          /** The passage that it says again, or whose licence stands against it. */
          because: Sha256Hex.optional(),
        }),
      ),
      ...searched,
    }),
  },
} as const satisfies Operations;
