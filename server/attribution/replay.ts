/** Measures an answer once more, and lays what is found beside what its receipt committed to. */
import {
  type ChannelScores,
  OpenLedgerError,
  REPLAY_TOLERANCE_PER_TOKEN,
} from '@openledger/protocol';
import { findAttribution } from './attributions.ts';
import { type CreditableText, scoreChannels, scoredAnswer } from './score-channels.ts';
import type { SnapshotShelf } from './snapshot-shelf.ts';
import type { AttributionHandles } from './stage.ts';

export type Replay = {
  /** How far two scores of one thing may lie apart, in 2^-20 nats. */
  readonly tolerance: number;
  /** Of game and context, in 2^-20 nats. */
  readonly scores: readonly ReplayedScore[];
};

export type ReplayedScore = {
  readonly of: string;
  readonly committed: number;
  readonly again: number;
};

/**
 * @throws not_found when it is not, or not yet, attributed; unprocessable when it was not measured, or a record in its prompt
 * has gone since
 */
export async function replay(
  handles: Pick<AttributionHandles, 'db' | 'gateway' | 'models'> & {
    readonly shelf: SnapshotShelf;
  },
  inferenceId: string,
): Promise<Replay> {
  const { channels } = await findAttribution(handles.db, inferenceId);
  const inference = await handles.gateway.find(inferenceId);
  const { scoring } = inference.route;
  if (!channels?.scores || !scoring) {
    throw new OpenLedgerError('unprocessable', `Nothing was measured of ${inferenceId}.`);
  }
  const texts = await textsMeasured(handles.shelf, channels.scores, inference.retrieved);
  const again = await scoreChannels(handles.models, scoredAnswer(inference, scoring, texts));
  const committed = scoresIn(channels.scores);
  return {
    tolerance: REPLAY_TOLERANCE_PER_TOKEN * channels.scores.tokens,
    scores: scoresIn(again).map(({ of, score }, i) => ({
      of,
      committed: committed[i].score,
      again: score,
    })),
  };
}

/** The records of the context as they were measured: in the order in which they stood in the prompt. */
async function textsMeasured(
  shelf: SnapshotShelf,
  { context }: Pick<ChannelScores, 'context'>,
  retrieved: readonly { readonly recordHash: string }[],
): Promise<readonly CreditableText[]> {
  const named = new Map(
    context?.owners.flatMap(({ records }) => records.map((one) => [one.record, one.snapshot])),
  );
  const texts: CreditableText[] = [];
  for (const record of new Set(retrieved.map(({ recordHash }) => recordHash))) {
    const snapshot = named.get(record);
    if (!snapshot) continue;
    const shelved = await shelf.find(snapshot);
    const [text, owners] = [shelved.textOf(record), shelved.ownersOf(record)];
    if (!text || !owners) {
      throw new OpenLedgerError('unprocessable', `The text of record ${record} has gone since.`);
    }
    texts.push({ record, snapshot, text, owners });
  }
  return texts;
}

function scoresIn({ game, context }: Pick<ChannelScores, 'game' | 'context'>) {
  const { unigram, none, adapter, context: withContext, both } = game;
  const ofGame = { unigram, none, adapter, context: withContext, both };
  return [
    ...Object.entries(ofGame).flatMap(([name, score]) =>
      score === null ? [] : [{ of: `game ${name}`, score }],
    ),
    ...(context?.scores ?? []).map((score, i) => ({ of: `context ${i}`, score })),
  ];
}
