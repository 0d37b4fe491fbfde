/** Log-likelihoods of given tokens: the forward pass only, for evaluation and for attribution's channels. */
import { OpenLedgerError } from '@openledger/protocol';
import { createGraph, input, output, type Value } from '../../compute/tensor/graph.ts';
import { crossEntropy } from '../../compute/tensor/layers.ts';
import { linear } from '../../compute/tensor/operators.ts';
import { openSession } from '../../compute/tensor/session.ts';
import { causalAttention, llamaHidden, llamaLogits, llamaShapes } from './llama.ts';
import type { LlamaConfig } from './llama-config.ts';
import { type BatchSize, lookup, weightInputs } from './training-graph.ts';
import type { Model, Weights } from './weights.ts';
import { toBatch, type Window } from './windows.ts';

export type Scorer = {
  /**
   * Log-probabilities, in nats, of each token after the first given all tokens before it: one array a sequence, one
   * shorter than the sequence.
   *
   * Sequences longer than the context are read in windows that overlap by half, and a token is scored in the
   * first window that holds it: every token sees at least half a context, or everything before it.
   *
   * @param weights of any model with the scorer's config: the base, or the base with an adapter merged in
   * @throws invalid_input when a token is outside the vocabulary
   */
  readonly logLikelihoods: (
    weights: Weights,
    sequences: readonly ArrayLike<number>[],
  ) => Promise<readonly Float32Array[]>;
  readonly release: () => Promise<void>;
};

export type ScorerSettings = BatchSize & { readonly threads: number };

/** Compiles the scoring pass once; weights are inputs, so one scorer serves every adapter of a base. */
export async function createScorer(config: LlamaConfig, settings: ScorerSettings): Promise<Scorer> {
  const { batch, context } = settings;
  const session = await openSession(scoringGraph(config, settings), settings);

  const scoreBatch = async (
    weights: Weights,
    windows: readonly Window[],
  ): Promise<Float32Array> => {
    const arrays = Object.fromEntries([...weights].map(([name, { data }]) => [name, data]));
    const { losses } = await session.run({ ...arrays, ...toBatch(windows) });
    return losses;
  };

  return {
    logLikelihoods: async (weights, sequences) => {
      for (const sequence of sequences) assertInVocabulary(sequence, config.vocab_size);
      const results = sequences.map(({ length }) => new Float32Array(Math.max(0, length - 1)));
      const pieces = sequences.flatMap((sequence, index) => cutWindows(sequence, index, context));
      for (let at = 0; at < pieces.length; at += batch) {
        const chosen = pieces.slice(at, at + batch);
        const padding = Array<Window>(batch - chosen.length).fill(new Int32Array(context + 1));
        const losses = await scoreBatch(weights, [
          ...chosen.map(({ window }) => window),
          ...padding,
        ]);
        for (const [row, { sequence, start, from, to }] of chosen.entries()) {
          for (let target = from; target < to; target++) {
            results[sequence][target - 1] = -losses[row * context + (target - 1 - start)];
          }
        }
      }
      return results;
    },
    release: session.release,
  };
}

/**
 * The mean loss of a model on fixed windows, in nats a token.
 *
 * @param windows all of one length
 */
export async function evaluateLoss(
  { config, weights }: Model,
  windows: readonly Window[],
  { threads }: { readonly threads: number },
): Promise<number> {
  const context = windows[0].length - 1;
  const scorer = await createScorer(config, {
    batch: Math.min(8, windows.length),
    context,
    threads,
  });
  try {
    const scores = await scorer.logLikelihoods(weights, windows);
    const total = scores.reduce((sum, row) => sum + row.reduce((a, b) => a + b, 0), 0);
    return -total / (windows.length * context);
  } finally {
    await scorer.release();
  }
}

function scoringGraph(config: LlamaConfig, { batch, context }: BatchSize) {
  const graph = createGraph();
  const tokens = input(graph, 'tokens', 'int32', [batch * context]);
  const targets = input(graph, 'targets', 'int32', [batch * context]);
  const parameter = lookup(weightInputs(graph, llamaShapes(config)));
  const parts = {
    config,
    parameter,
    dense: (x: Value, name: string) => linear(x, parameter(`${name}.weight`)),
    attend: causalAttention(graph, config, { batch, length: context }),
  };
  const logits = llamaLogits(parts, llamaHidden(parts, tokens)); // [batch context, vocabulary]
  output(crossEntropy(logits, targets), 'losses');
  return graph;
}

type Piece = {
  readonly window: Window;
  readonly sequence: number;
  /** Where the window begins in its sequence. */
  readonly start: number;
  /** The tokens it scores: [from, to) in the sequence. */
  readonly from: number;
  readonly to: number;
};

function cutWindows(
  tokens: ArrayLike<number>,
  sequence: number,
  context: number,
): readonly Piece[] {
  const pieces: Piece[] = [];
  const stride = Math.ceil(context / 2);
  let from = 1;
  for (let start = 0; from < tokens.length; start += stride) {
    const to = Math.min(tokens.length, start + context + 1);
    // Short windows are filled with token 0 behind the text, where causal attention never looks.
    const window = new Int32Array(context + 1);
    for (let i = start; i < to; i++) window[i - start] = tokens[i];
    pieces.push({ window, sequence, start, from, to });
    from = to;
  }
  return pieces;
}

function assertInVocabulary(sequence: ArrayLike<number>, vocabularySize: number): void {
  for (let i = 0; i < sequence.length; i++) {
    if (Number.isInteger(sequence[i]) && sequence[i] >= 0 && sequence[i] < vocabularySize) continue;
    const token = sequence[i];
    throw new OpenLedgerError('invalid_input', 'A token is outside the vocabulary.', { token });
  }
}
