/**
 * Attribution: who has what part in a served inference, with the evidence for it.
 *
 * It promises that
 * - an inference is attributed once, by the policy that is in force then, from what was delivered to the client;
 * - shares are whole numbers that sum to exactly 2^64, and follow from the stored evidence, the entitlement vectors
 *   sealed in the snapshots, and the policy, by the functions that verifiers use;
 * - what the client itself supplied is echo: unpaid, and no part of the grounded fraction;
 * - a record withdrawn before the attribution is neither found nor paid;
 * - an inference without registered data has no shares and no evidence, and says so.
 *
 * - what an engine of ours measured stands in the evidence, whether it was due to be measured can be recomputed, and it can be
 *   measured again.
 *
 * Channels: `trace` (verbatim passages of the model's snapshots and of retrieved records), `context` (what records in the prompt
 * did to the answer's likelihood), `influence`, and the prior (pools of those snapshots); what base, adapter and context weigh is
 * told by a game on likelihoods. What is verbatim is not thereby causal: each is trusted as far as the policy's confidence says.
 *
 * It does not split money (fees), and knows nothing of what came before the inference's record (gateway).
 *
 * Tables: attribution.attributions. Snapshots are kept in memory, their trace indexes in files; both can be made again from datanets.
 */
import { attribute } from './attribute.ts';
import {
  type Attribution,
  type AttributionSummary,
  countCiting,
  findAttribution,
  summarizeAttributions,
} from './attributions.ts';
import { type Replay, replay } from './replay.ts';
import { createSnapshotShelf } from './snapshot-shelf.ts';
import type { AttributionHandles } from './stage.ts';
import { countWordTokens, type WordCount } from './trace/trace-index.ts';
import { type TracedTexts, traceTexts } from './trace-text.ts';

export type { Attribution, AttributionSummary } from './attributions.ts';
export { snapshotsFrom } from './snapshots-from.ts';
export type { AttributionHandles } from './stage.ts';
export type { WordCount } from './trace/trace-index.ts';
export type { TracedSpan, TracedText, TracedTexts } from './trace-text.ts';

export type Attributions = {
  /** Attributes a served inference, and announces `inference.attributed`. Repeatable. */
  attribute(inferenceId: string): Promise<void>;
  /** @throws not_found when the inference is not, or not yet, attributed */
  find(inferenceId: string): Promise<Attribution>;
  /** How often a text's word tokens stand in a snapshot, in order and together. Withdrawn records are left out. */
  count(snapshotId: string, text: string): Promise<WordCount>;
  /**
   * Which passages of texts, anybody's, stand in records of snapshots, by the policy's rules or the caller's. Nothing of it is
   * stored or paid. Withdrawn records are left out.
   *
   * @throws not_found
   */
  trace(order: Parameters<typeof traceTexts>[1]): Promise<TracedTexts>;
  /** Inferences of the last days in which a passage of one of the records was found that is no echo, up to a most. */
  countCiting(query: {
    readonly recordHashes: readonly string[];
    readonly days: number;
    readonly most: number;
  }): Promise<number>;
  /**
   * Measures an answer again, on the same engine, beside what its receipt committed to.
   *
   * @throws not_found, or unprocessable where nothing was measured or a record in the prompt has gone since
   */
  replay(inferenceId: string): Promise<Replay>;
  /** Loads a snapshot and builds its index, so that the first inference need not wait for it. */
  prepare(snapshotId: string): Promise<void>;
  summary(): Promise<AttributionSummary>;
};

const DAY_MS = 86_400_000;

export function createAttributions(handles: AttributionHandles): Attributions {
  const shelf = createSnapshotShelf(handles.snapshots, handles.folder);
  return {
    attribute: (inferenceId) => attribute({ ...handles, shelf }, inferenceId),
    find: (inferenceId) => findAttribution(handles.db, inferenceId),
    async count(snapshotId, text) {
      const snapshot = await shelf.find(snapshotId);
      const { withdrawn } = await handles.snapshots.standing(snapshotId);
      return countWordTokens(text, { indexes: [await snapshot.index()], withdrawn });
    },
    trace: (order) => traceTexts({ ...handles, shelf }, order),
    countCiting({ days, ...query }) {
      const since = new Date(handles.clock.now().getTime() - days * DAY_MS);
      return countCiting(handles.db, { ...query, since });
    },
    replay: (inferenceId) => replay({ ...handles, shelf }, inferenceId),
    async prepare(snapshotId) {
      await (await shelf.find(snapshotId)).index();
    },
    summary: () => summarizeAttributions(handles.db),
  };
}
