/**
 * Many generations on one model at once: each has a row of the decoder's batch, and every step moves all of them on.
 *
 * A request waits until a row is free; rows come and go independently (continuous batching; Yu et al., "Orca", 2022).
 */
import { createRandom, type Random } from '../../compute/random.ts';
import type { StreamDecoder, Tokenizer } from '../../compute/tokenizer/tokenizer.ts';
import type { EngineEvent, EngineGeneration, EngineLogprob } from '../engine-messages.ts';
import type { Continue, Datastore } from './datastore.ts';
import type { Decoder } from './decoder.ts';
import { promptTokens } from './prompt-tokens.ts';
import {
  type Choice,
  defaultSampling,
  repeating,
  type SamplingSettings,
  sample,
} from './sample.ts';
import { createStopper, type Stopper } from './stopper.ts';

/** No run of this many tokens is written twice in one answer. */
const REPETITION_TOKENS = 8;

export type Generator = {
  /** @param emit receives text events and then one end */
  generate(
    generation: EngineGeneration,
    emit: (event: EngineEvent) => void,
    signal: AbortSignal,
  ): Promise<void>;
  countPrompt(generation: EngineGeneration): number;
};

type Row = {
  readonly row: number;
  readonly tokens: number[];
  readonly promptLength: number;
  /** What was asked for, or what the context still holds. */
  readonly maxTokens: number;
  readonly generation: EngineGeneration;
  readonly settings: SamplingSettings;
  readonly random: Random;
  readonly next: Continue | undefined;
  readonly stream: StreamDecoder;
  readonly stopper: Stopper;
  readonly emit: (event: EngineEvent) => void;
  readonly signal: AbortSignal;
  readonly done: () => void;
  readonly fail: (error: unknown) => void;
  logits: Float32Array;
  pendingTokens: number;
  pendingLogprobs: EngineLogprob[];
};

export function createGenerator(
  decoder: Decoder,
  {
    tokenizer,
    datastore,
  }: { readonly tokenizer: Tokenizer; readonly datastore: Pick<Datastore, 'near'> },
): Generator {
  const free = Array.from({ length: decoder.batch }, (_, row) => row);
  const waiting: ((row: number) => void)[] = [];
  const active = new Set<Row>();
  let running = false;

  const promptOf = (generation: EngineGeneration) =>
    promptTokens(tokenizer, generation, decoder.maxLength);

  const takeRow = async (): Promise<number> =>
    free.pop() ?? new Promise<number>((resolve) => waiting.push(resolve));

  /** The next in line gets the row itself, so that nobody can come between. */
  const giveBack = (row: number): void => {
    decoder.reset(row);
    const next = waiting.shift();
    if (next) next(row);
    else free.push(row);
  };

  const leave = (row: Row, settle: () => void): void => {
    active.delete(row);
    settle();
  };

  /** Runs while anybody has a row; one pass over all of them a turn. */
  const run = async (): Promise<void> => {
    if (running) return;
    running = true;
    while (active.size > 0) {
      for (const row of active) {
        try {
          if (row.signal.aborted || !advance(row, tokenizer)) leave(row, row.done);
        } catch (error) {
          leave(row, () => row.fail(error));
        }
      }
      const rows = [...active];
      if (rows.length > 0) {
        try {
          const logits = await decoder.step(
            rows.map(({ row, tokens }) => ({ row, token: tokens[tokens.length - 1] })),
          );
          for (const [i, row] of rows.entries()) row.logits = logits[i];
        } catch (error) {
          for (const row of rows) leave(row, () => row.fail(error));
        }
      }
      await new Promise(setImmediate); // let messages in: an abort, a new request
    }
    running = false;
  };

  return {
    countPrompt: (generation) => promptOf(generation).length,
    async generate(generation, emit, signal) {
      const row = await takeRow();
      try {
        if (signal.aborted) return;
        const tokens = promptOf(generation);
        const logits = await decoder.prefill(row, tokens);
        await new Promise<void>((done, fail) => {
          active.add({
            ...{ row, tokens, generation, emit, signal, done, fail, logits },
            promptLength: tokens.length,
            maxTokens: Math.min(generation.maxTokens, decoder.maxLength - tokens.length),
            settings: settingsOf(generation),
            random: createRandom(generation.seed ?? Math.floor(Math.random() * 2 ** 32)),
            next: generation.interpolate
              ? datastore.near({
                  prompt: generation.prompt,
                  retrieved: generation.retrieved,
                  texts: generation.context,
                })
              : undefined,
            stream: tokenizer.streamDecoder(),
            stopper: createStopper(generation.stop),
            pendingTokens: 0,
            pendingLogprobs: [],
          });
          void run();
        });
      } finally {
        giveBack(row);
      }
    },
  };
}

const settingsOf = ({ temperature, topK, topP }: EngineGeneration): SamplingSettings => ({
  temperature: temperature ?? defaultSampling.temperature,
  topK: topK ?? defaultSampling.topK,
  topP: topP ?? defaultSampling.topP,
});

/** Chooses and emits one token. @returns false when the generation has ended */
function advance(row: Row, tokenizer: Tokenizer): boolean {
  const { tokens, promptLength, generation } = row;
  if (tokens.length - promptLength >= row.maxTokens) return end(row, 'length');
  const choice = sample(row.logits, {
    settings: row.settings,
    continuation: row.next?.(tokens),
    banned: repeating(tokens, { from: promptLength, size: REPETITION_TOKENS }),
    alternatives: generation.logprobs ?? 0,
    random: row.random,
  });
  if (
    choice.token === tokenizer.bosId ||
    choice.token === tokenizer.eosId ||
    choice.token === tokenizer.padId
  ) {
    return end(row, 'stop');
  }
  tokens.push(choice.token);
  row.pendingTokens++;
  if (generation.logprobs !== undefined) row.pendingLogprobs.push(describe(choice, tokenizer));
  const { text, stopped } = row.stopper.push(row.stream.push(choice.token));
  flush(row, text);
  return stopped ? end(row, 'stop') : true;
}

function end(row: Row, finishReason: 'stop' | 'length'): false {
  flush(row, row.stopper.end(row.stream.end()));
  row.emit({
    kind: 'end',
    finishReason,
    usage: {
      promptTokens: row.promptLength,
      completionTokens: row.tokens.length - row.promptLength,
    },
  });
  return false;
}

/** Text goes out with the tokens that made it; characters still incomplete wait. */
function flush(row: Row, text: string): void {
  if (text === '') return;
  row.emit({ kind: 'text', text, tokens: row.pendingTokens, logprobs: row.pendingLogprobs });
  row.pendingTokens = 0;
  row.pendingLogprobs = [];
}

const describe = ({ token, logprob, top }: Choice, tokenizer: Tokenizer): EngineLogprob => ({
  token: tokenizer.decode([token]),
  logprob,
  top: top.map((other) => ({ token: tokenizer.decode([other.token]), logprob: other.logprob })),
});
