/** Whether the channels beside the trace say what they may: that the draw was fair, and the scores are of what took part. */
import { equalBytes, fromHex } from '../bytes.ts';
import { canonicalize } from '../canonical.ts';
import type { ChannelScores, Draw } from '../channel-evidence.ts';
import { emptyRoot, verifyConsistency } from '../merkle.ts';
import type { InferenceReceipt } from '../receipt.ts';
import { isDrawn, passesFor, samplingPpm } from '../sampling.ts';
import { PPM_ONE } from '../split.ts';
import type { Bundle } from './bundle.ts';
import { must } from './check.ts';
import { checkpointOf } from './check-log.ts';

export function checkChannels(bundle: Bundle): string {
  const { channels } = bundle.receipt;
  if (!channels) {
    must(bundle.draw === undefined, 'Nothing was drawn, and yet the bundle shows a draw.');
    return 'Nothing was measured beside the trace.';
  }
  must(bundle.receipt.attribution !== null, 'Channels were measured, but nothing was traced.');
  checkDraw(bundle, channels.draw);
  const { scores } = channels;
  const isDue = isDrawn(channels.draw, bundle.receipt.inference);
  must(isDue || !scores, 'It was measured, though the draw fell on another inference.');
  must(!isDue || scores !== null, 'The draw fell on this inference, and it was not measured.');
  if (!scores) return `Not drawn, at ${channels.draw.ppm} ppm.`;
  checkGame(bundle.receipt, scores);
  checkContextScores(bundle, scores);
  const { adapters } = channels.draw;
  must((scores.influence?.adapters ?? 0) === adapters, 'Influence is by another ensemble.');
  checkInfluence(bundle.receipt, scores);
  const owners = scores.context?.owners.length ?? 0;
  return `${channels.draw.passes} passes over ${scores.tokens} tokens; owners of context: ${owners}.`;
}

/** How likely it was, from price and tokens; and that the log's head which decided is older than the receipt. */
function checkDraw(bundle: Bundle, draw: Draw): void {
  const { receipt, policy, inclusion, draw: shown } = bundle;
  const passes = passesFor({
    hasAdapter: receipt.model.adapter !== null,
    records: receipt.retrieved.length,
    adapters: draw.adapters,
  });
  const isOfAdapter = draw.adapters === 0 || receipt.model.adapter !== null;
  must(isOfAdapter, 'Only an adapter has an ensemble.');
  must(draw.passes === passes, `Measuring takes ${passes} passes, not ${draw.passes}.`);
  const { promptTokens, completionTokens } = receipt.usage;
  const ppm = samplingPpm(policy, {
    ...{ priceUnits: BigInt(receipt.price.units), passes },
    tokens: promptTokens + completionTokens,
  });
  must(draw.ppm === ppm, `It is measured at ${ppm} ppm, not ${draw.ppm}.`);
  must((draw.checkpoint === null) === (ppm === PPM_ONE), 'What is certain is not drawn.');
  must((draw.checkpoint === null) === (shown === undefined), 'The draw is not proved.');
  if (!draw.checkpoint || !shown) return;
  const { size, root } = draw.checkpoint;
  must(size <= inclusion.index, 'The head that decided is younger than the receipt.');
  const head = checkpointOf(bundle);
  const first = fromHex(root);
  const grew =
    size === 0
      ? equalBytes(first, emptyRoot())
      : verifyConsistency({
          ...{ first: size, firstRoot: first, second: head.size, secondRoot: head.root },
          proof: shown.consistency.map(fromHex),
        });
  must(grew, 'The head that decided is not of this log.');
}

/** What took part has a score, and what did not has none. */
function checkGame({ model, retrieved }: InferenceReceipt, { game, context }: ChannelScores): void {
  const hasAdapter = model.adapter !== null;
  must((game.adapter !== null) === hasAdapter, 'The game has an adapter, or lacks it, wrongly.');
  must(
    (game.context !== null) === (context !== null),
    'The game has context, or lacks it, wrongly.',
  );
  const hasBoth = game.adapter !== null && game.context !== null;
  must((game.both !== null) === hasBoth, 'The game has both, or lacks them, wrongly.');
  must(context === null || retrieved.length > 0, 'Context was measured, but nothing retrieved.');
}

/** Its owners are those of the records in the prompt, each once; its ends are those of the game. */
function checkContextScores({ receipt, records }: Bundle, { game, context }: ChannelScores): void {
  if (!context) return;
  const inPrompt = new Set(receipt.retrieved.map(({ record }) => record));
  const vectors = new Map(records.map((one) => [one.record, canonicalize(one.owners)]));
  const seenRecords = new Set<string>();
  const seenOwners = new Set<string | undefined>();
  for (const { records } of context.owners) {
    const [first] = records;
    const vector = vectors.get(first.record);
    must(!seenOwners.has(vector), 'An owner of context is counted as two.');
    seenOwners.add(vector);
    for (const { record } of records) {
      must(inPrompt.has(record), `Record ${record} was not in the prompt.`);
      must(!seenRecords.has(record), `Record ${record} is measured twice.`);
      must(vectors.get(record) === vector, `Record ${record} is of another owner.`);
      seenRecords.add(record);
    }
  }
  const isExact = context.algorithm === 'context-shapley-1';
  const [none, second] = context.scores;
  const whole = isExact ? context.scores[context.scores.length - 1] : second;
  must(none === (game.adapter ?? game.none), 'Without context it is scored in two ways.');
  must(whole === (game.both ?? game.context), 'With all its context it is scored in two ways.');
}

/** Only what the adapter learned can have moved it. */
function checkInfluence({ snapshots }: InferenceReceipt, { influence }: ChannelScores): void {
  const learned = new Set<string>(
    snapshots.filter(({ role }) => role === 'adapter').map(({ snapshot }) => snapshot),
  );
  const seen = new Set<string>();
  for (const { record, snapshot } of influence?.groups.flatMap(({ records }) => records) ?? []) {
    must(learned.has(snapshot), `The adapter did not learn from record ${record}.`);
    must(!seen.has(record), `Record ${record} is measured twice.`);
    seen.add(record);
  }
}
