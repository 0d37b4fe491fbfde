/** Operations on attribution: the evidence for an inference's shares, and counting passages in snapshots. */
import { z } from 'zod';
import { Evidence } from '../evidence.ts';
import { Sha256Hex } from '../hash.ts';
import { idSchema } from '../ids.ts';
import type { Operations } from '../operations.ts';
import { Ppm } from '../policy.ts';
import { ReceiptSnapshot } from '../receipt.ts';
import { ShareList } from '../shares.ts';
import { WORDS_VERSION } from '../words.ts';

const Count = z.number().int().min(0);

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
