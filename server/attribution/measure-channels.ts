/** Decides whether an inference is measured beside the trace, and has its engine measure it. */
import {
  CHANNELS_VERSION,
  type ChannelEvidence,
  type Draw,
  type FeePolicy,
  type Id,
  isDrawn,
  OpenLedgerError,
  PPM_ONE,
  passesFor,
  samplingPpm,
} from '@openledger/protocol';
import type { Inference } from '../gateway/index.ts';
import { influenceEvidence } from './influence-evidence.ts';
import { type CreditableText, scoreChannels, scoredAnswer } from './score-channels.ts';
import type { AttributionHandles } from './stage.ts';

type Measurable = Pick<
  Inference,
  'inferenceId' | 'route' | 'clientTexts' | 'output' | 'retrieved' | 'usage' | 'priceUnits'
>;

/**
 * @param creditable records in the prompt, best first, each once
 * @param snapshotOf the snapshot through which a record takes part that the model learned from; undefined for a withdrawn one
 * @returns undefined where there is nothing to tell apart, or nobody here who can measure it
 */
export async function measureChannels(
  handles: Pick<AttributionHandles, 'models' | 'logHead' | 'log'>,
  {
    inference,
    creditable,
    snapshotOf,
    policy,
  }: {
    readonly inference: Measurable;
    readonly creditable: readonly CreditableText[];
    readonly snapshotOf: (recordHash: string) => Id<'snapshot'> | undefined;
    readonly policy: FeePolicy;
  },
): Promise<ChannelEvidence | undefined> {
  const { inferenceId, route, retrieved } = inference;
  if (!route.scoring) return undefined;
  const hasAdapter = route.adapterHash !== undefined;
  const { adapters } = route.scoring;
  const passes = passesFor({ hasAdapter, records: retrieved.length, adapters });
  if (passes === 0) return undefined;
  const draw = await drawFor(handles, { inference, policy, passes, adapters });
  if (!isDrawn(draw, inferenceId)) return { version: CHANNELS_VERSION, draw, scores: null };
  const answer = scoredAnswer(inference, route.scoring, creditable);
  try {
    const scores = await twice(() => scoreChannels(handles.models, answer));
    const found = adapters > 0 ? await twice(() => handles.models.influence(answer)) : undefined;
    const influence = found ? influenceEvidence(found, snapshotOf) : null;
    return { version: CHANNELS_VERSION, draw, scores: { ...scores, influence } };
  } catch (error) {
    if (!(error instanceof OpenLedgerError)) throw error;
    // Whoever is owed by this answer is paid by the trace and the prior, rather than never.
    handles.log.warn('attribution.not_measured', { inferenceId, error });
    return undefined;
  }
}

async function drawFor(
  { logHead }: Pick<AttributionHandles, 'logHead'>,
  {
    inference: { usage, priceUnits },
    policy,
    ...cost
  }: {
    readonly inference: Measurable;
    readonly policy: FeePolicy;
    readonly passes: number;
    readonly adapters: number;
  },
): Promise<Draw> {
  const tokens = usage.promptTokens + usage.completionTokens;
  const ppm = samplingPpm(policy, { priceUnits, tokens, passes: cost.passes });
  if (ppm === PPM_ONE) return { ...cost, ppm, checkpoint: null };
  const { treeSize, rootHash } = await logHead();
  return { ...cost, ppm, checkpoint: { size: treeSize, root: rootHash } };
}

/** An engine that stopped is started by the next question. */
const twice = <T>(ask: () => Promise<T>): Promise<T> =>
  ask().catch((error: unknown) => {
    if (error instanceof OpenLedgerError && error.code === 'operator_failed') return ask();
    throw error;
  });
