/** Decides whether an inference is measured beside the trace, and has its engine measure it. */
import {
  CHANNELS_VERSION,
  type ChannelEvidence,
  type Draw,
  type FeePolicy,
  isDrawn,
  OpenLedgerError,
  PPM_ONE,
  passesFor,
  samplingPpm,
} from '@openledger/protocol';
import { type Inference, plainPrompt } from '../gateway/index.ts';
import { type CreditableText, scoreChannels } from './score-channels.ts';
import type { AttributionHandles } from './stage.ts';

type Measurable = Pick<
  Inference,
  'inferenceId' | 'route' | 'clientTexts' | 'output' | 'retrieved' | 'usage' | 'priceUnits'
>;

/**
 * @param creditable records in the prompt, best first, each once
 * @returns undefined where there is nothing to tell apart, or nobody here who can measure it
 */
export async function measureChannels(
  handles: Pick<AttributionHandles, 'models' | 'logHead' | 'log'>,
  {
    inference,
    creditable,
    policy,
  }: {
    readonly inference: Measurable;
    readonly creditable: readonly CreditableText[];
    readonly policy: FeePolicy;
  },
): Promise<ChannelEvidence | undefined> {
  const { inferenceId, route, retrieved } = inference;
  if (!route.scoring) return undefined;
  const hasAdapter = route.adapterHash !== undefined;
  const passes = passesFor({ hasAdapter, records: retrieved.length });
  if (passes === 0) return undefined;
  const draw = await drawFor(handles, { inference, policy, passes });
  if (!isDrawn(draw, inferenceId)) return { version: CHANNELS_VERSION, draw, scores: null };
  const answer = {
    ...{ model: route.model, base: route.scoring.base, interpolate: route.scoring.interpolate },
    ...{ prompt: plainPrompt(inference.clientTexts), output: inference.output },
    retrieved: creditable,
  };
  try {
    const scores = await twice(() => scoreChannels(handles.models, answer));
    return { version: CHANNELS_VERSION, draw, scores: { ...scores, influence: null } };
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
    passes,
  }: {
    readonly inference: Measurable;
    readonly policy: FeePolicy;
    readonly passes: number;
  },
): Promise<Draw> {
  const tokens = usage.promptTokens + usage.completionTokens;
  const ppm = samplingPpm(policy, { priceUnits, tokens, passes });
  if (ppm === PPM_ONE) return { passes, ppm, checkpoint: null };
  const { treeSize, rootHash } = await logHead();
  return { passes, ppm, checkpoint: { size: treeSize, root: rootHash } };
}

/** An engine that stopped is started by the next question. */
const twice = <T>(ask: () => Promise<T>): Promise<T> =>
  ask().catch((error: unknown) => {
    if (error instanceof OpenLedgerError && error.code === 'operator_failed') return ask();
    throw error;
  });
