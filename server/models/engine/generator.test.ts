import { expect, test } from 'vitest';
import { loadTokenizer } from '../../compute/tokenizer/tokenizer.ts';
import { trainTokenizer } from '../../compute/tokenizer/train-tokenizer.ts';
import type { EngineEvent, EngineGeneration } from '../engine-messages.ts';
import type { Datastore } from './datastore.ts';
import type { Decoder } from './decoder.ts';
import { createGenerator } from './generator.ts';

const tokenizer = loadTokenizer(trainTokenizer(['ab ba'], { vocabularySize: 300 }));

const letters = [...'abcdefghijklmnopqrstuvwxyz'].map((letter) => tokenizer.encode(letter)[0]);

/** Likes the letter of its row's length, a turn of the event loop later. */
function fakeDecoder({ batch = 2, maxLength = 32 } = {}) {
  const lengths = new Array<number>(batch).fill(0);
  const scores = (length: number) => {
    const logits = new Float32Array(tokenizer.vocabSize);
    logits[letters[length % letters.length]] = 50;
    return logits;
  };
  const grow = async (row: number, count: number) => {
    if (!(row in lengths)) throw new Error(`There is no row ${row}.`);
    if (lengths[row] + count > maxLength) throw new Error('The row is full.');
    lengths[row] += count;
    const logits = scores(lengths[row]);
    await new Promise(setImmediate);
    return logits;
  };
  return {
    ...{ batch, maxLength, length: (row: number) => lengths[row] },
    prefill: (row: number, tokens: ArrayLike<number>) => grow(row, tokens.length),
    step: (entries: readonly { row: number }[]) =>
      Promise.all(entries.map(({ row }) => grow(row, 1))),
    reset: (row: number) => {
      lengths[row] = 0;
    },
    release: async () => {},
  } satisfies Decoder;
}

const noTexts: Pick<Datastore, 'near'> = { near: () => () => undefined };

const ask = (members: Partial<EngineGeneration> = {}): EngineGeneration => ({
  ...{ prompt: 'ab', context: [], retrieved: [], maxTokens: 4, temperature: 0 },
  ...{ topP: undefined, topK: undefined, seed: 1, stop: [], logprobs: undefined },
  interpolate: true,
  ...members,
});

type Started = ReturnType<typeof createGenerator>;

async function answerOf(generator: Started, generation: EngineGeneration, signal?: AbortSignal) {
  const events: EngineEvent[] = [];
  const stop = signal ?? new AbortController().signal;
  await generator.generate(generation, (event) => events.push(event), stop);
  const text = events.map((event) => (event.kind === 'text' ? event.text : '')).join('');
  return { text, end: events.find((event) => event.kind === 'end') };
}

test('an answer that would not fit into the context ends there, and its neighbour goes on', async () => {
  const generator = createGenerator(fakeDecoder({ maxLength: 16 }), {
    tokenizer,
    datastore: noTexts,
  });
  const [long, short] = await Promise.all([
    answerOf(generator, ask({ maxTokens: 500 })),
    answerOf(generator, ask({ maxTokens: 12 })),
  ]);
  expect(long.end).toMatchObject({ finishReason: 'length', usage: { completionTokens: 14 } });
  expect(short.end).toMatchObject({ finishReason: 'length', usage: { completionTokens: 12 } });
});

test('a request that fails before its first token gives its row back', async () => {
  const decoder = fakeDecoder({ batch: 1 });
  let failures = 3;
  const prefill: Decoder['prefill'] = async (row, tokens) => {
    if (failures-- > 0) throw new Error('no memory');
    return decoder.prefill(row, tokens);
  };
  const generator = createGenerator({ ...decoder, prefill }, { tokenizer, datastore: noTexts });
  const asked = [1, 2, 3, 4].map(() => answerOf(generator, ask()));
  const outcomes = await Promise.allSettled(asked);
  expect(outcomes.map(({ status }) => status)).toEqual([
    ...['rejected', 'rejected', 'rejected'],
    'fulfilled',
  ]);
});

test('a request that fails on its way fails alone', async () => {
  const datastore: Pick<Datastore, 'near'> = {
    near: ({ prompt }) =>
      prompt === 'ab'
        ? () => undefined
        : () => {
            throw new Error('no such document');
          },
  };
  const generator = createGenerator(fakeDecoder(), { tokenizer, datastore });
  const broken = answerOf(generator, ask({ prompt: 'ba' }));
  const whole = answerOf(generator, ask());
  await expect(broken).rejects.toThrow('no such document');
  expect((await whole).text).toHaveLength(4);
});

test('many more requests than rows are all answered, also when some leave while they wait', async () => {
  const generator = createGenerator(fakeDecoder(), { tokenizer, datastore: noTexts });
  const asked = Array.from({ length: 60 }, async (_, i) => {
    for (let turn = 0; turn < i % 7; turn++) await new Promise(setImmediate);
    const leaving = new AbortController();
    if (i % 5 === 0) setTimeout(() => leaving.abort(), i % 3);
    const { text } = await answerOf(generator, ask({ maxTokens: 1 + (i % 4) }), leaving.signal);
    return i % 5 === 0 || text.length === 1 + (i % 4);
  });
  expect(await Promise.all(asked)).toEqual(asked.map(() => true));
});

test('an empty prompt is answered, and one of a million characters is read from its end', async () => {
  const generator = createGenerator(fakeDecoder(), { tokenizer, datastore: noTexts });
  expect((await answerOf(generator, ask({ prompt: '' }))).text).toHaveLength(4);
  const startedAt = performance.now();
  const long = ask({ prompt: 'ab '.repeat(400_000) });
  expect(generator.countPrompt(long)).toBe(
    generator.countPrompt(ask({ prompt: 'ab '.repeat(500) })),
  );
  expect(performance.now() - startedAt).toBeLessThan(200);
});
