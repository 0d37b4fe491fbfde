/** Operations on attribution: the evidence for an inference's shares, and counting passages in snapshots. */
import { z } from 'zod';
import { ChannelEvidence } from '../channel-evidence.ts';
import { Evidence } from '../evidence.ts';
import { Sha256Hex } from '../hash.ts';
import { idSchema } from '../ids.ts';
import type { Operations } from '../operations.ts';
import { Ppm } from '../policy.ts';
import { ReceiptSnapshot } from '../receipt.ts';
import { ShareList } from '../shares.ts';
import { RecordSource } from '../snapshot.ts';
import { TRACE_VERSION } from '../trace.ts';
import { WORDS_VERSION } from '../words.ts';

const Count = z.number().int().min(0);

/** The longest text that is traced, in UTF-16 units: a book's chapter, not the book. */
export const MAX_TRACE_LENGTH = 250_000;

/** The most texts of one request, and what they may come to together: it fits a body however JSON spells it. */
export const MAX_TRACE_TEXTS = 64;
export const MAX_TRACE_LENGTH_TOGETHER = 1_000_000;

/** `end` is excluded. */
const range = { start: Count, end: Count };

/** Somebody's part of a text, in 1/65,536 bits, rounded down. A party's id, or the treasury of the commons. */
const OwnedPart = z.object({ owner: z.string(), information: Count });

/** A place in a record. Offsets are UTF-16, into the record's text. */
const TracedRecord = z.object({
  record: Sha256Hex,
  snapshot: idSchema('snapshot'),
  ...range,
  /** Identities, the largest owner first. */
  contributors: z.array(z.string()),
  licence: z.string(),
  /** With the line of the file that the passage begins on, where the file has lines. */
  source: RecordSource,
});

/** A passage that stands in records, word for word. Offsets are UTF-16, into the text asked about. */
const TracedSpan = z.object({
  ...range,
  /** The same passage, counted in code points. */
  codePoints: z.object(range),
  words: z.number().int().min(1),
  information: Count,
  /** Stands in more records than `maxRecords`: it belongs to nobody, and names none. */
  commons: z.boolean(),
  owners: z.array(OwnedPart),
  /** How many records hold it; the first `mostRecords` of them follow. */
  recordCount: Count,
  records: z.array(TracedRecord),
});

const TracedText = z.object({
  /** Of all words, of those that spans cover, and of those that only commons cover; in 1/65,536 bits. */
  information: z.object({ total: Count, covered: Count, commons: Count }),
  groundedPpm: Ppm,
  /** Of the covered part, the largest first. */
  owners: z.array(OwnedPart),
  /** In the order of the text. They may overlap; none lies inside another. */
  spans: z.array(TracedSpan),
});

export const attributionOperations = {
  get: {
    summary: "Show who has what part in one of the caller's inferences, and the evidence",
    method: 'GET',
    path: '/api/attribution/inferences/:inferenceId',
    scope: 'read',
    input: z.object({ inferenceId: idSchema('inference') }),
    output: z.object({
      id: idSchema('attribution'),
      inferenceId: idSchema('inference'),
      policyHash: Sha256Hex,
      /** Empty, as are the shares: no registered data stands behind the inference. */
      snapshots: z.array(ReceiptSnapshot),
      shares: z.union([ShareList, z.tuple([])]),
      evidence: Evidence.optional(),
      channels: ChannelEvidence.optional(),
      attributedAt: z.iso.datetime(),
    }),
  },
  count: {
    summary: 'Count how often a text stands in a snapshot, word token by word token',
    method: 'POST',
    path: '/api/attribution/count',
    scope: 'read',
    input: z.object({ snapshotId: idSchema('snapshot'), text: z.string().min(1).max(20_000) }),
    output: z.object({
      /** Not a count of raw substrings: tokens are compared, the white space between them is not. */
      basis: z.literal('word-tokens'),
      words: z.literal(WORDS_VERSION),
      occurrences: Count,
      records: Count,
    }),
  },
  trace: {
    summary:
      'Show which passages of texts stand word for word in snapshots, whose they are, and where they come from',
    method: 'POST',
    path: '/api/attribution/trace',
    scope: 'read',
    input: z.object({
      /** Of records that several hold, the first named says whose they are. */
      snapshotIds: z.array(idSchema('snapshot')).min(1).max(16),
      texts: z
        .array(z.string().min(1).max(MAX_TRACE_LENGTH))
        .min(1)
        .max(MAX_TRACE_TEXTS)
        .refine(
          (texts) =>
            texts.reduce((sum, { length }) => sum + length, 0) <= MAX_TRACE_LENGTH_TOGETHER,
          `The texts of one request come to at most ${MAX_TRACE_LENGTH_TOGETHER} UTF-16 units.`,
        ),
      /** Absent: as the policy in force says. */
      minWords: z.number().int().min(4).max(1000).optional(),
      maxRecords: z.number().int().min(1).max(64).optional(),
      /** Characters that no passage goes across, such as a full stop and a line feed. */
      delimiters: z.string().max(16).optional(),
      /** Records named for each passage. */
      mostRecords: z.number().int().min(1).max(64).default(8),
    }),
    output: z.object({
      algorithm: z.literal(TRACE_VERSION),
      words: z.literal(WORDS_VERSION),
      minWords: z.number().int().min(1),
      maxRecords: z.number().int().min(1),
      delimiters: z.string().optional(),
      /** One a text, in their order. */
      items: z.array(TracedText),
      /** Those owners that are parties, by name. */
      parties: z.array(z.object({ id: idSchema('party'), identity: z.string() })),
    }),
  },
  summary: {
    summary: 'Show attribution in numbers',
    method: 'GET',
    path: '/api/attribution/summary',
    scope: 'public',
    input: z.object({}),
    output: z.object({
      inferences: Count,
      /** Inferences with at least one word that a record covers. */
      grounded: Count,
      /** Covered information of all that is not echo, over all inferences together. */
      groundedPpm: Ppm,
    }),
  },
} as const satisfies Operations;
