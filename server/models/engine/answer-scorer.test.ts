import { expect, test } from 'vitest';
import { loadTokenizer } from '../../compute/tokenizer/tokenizer.ts';
import { trainTokenizer } from '../../compute/tokenizer/train-tokenizer.ts';
import { createAnswerScorer } from './answer-scorer.ts';
import { createDatastore } from './datastore.ts';
import { createDecoder } from './decoder.ts';
import { llamaConfig } from './llama-config.ts';
import { promptTokens } from './prompt-tokens.ts';
import { interpolationWeight } from './sample.ts';
import { tinyModel } from './tiny.ts';

const QUOTED = 'Wool is warm because the air between its fibres does not move.';
const OTHER = 'A snapshot is sealed once; whoever reads it later reads the same records.';

const tokenizer = loadTokenizer(trainTokenizer([QUOTED, OTHER], { vocabularySize: 320 }));
const model = tinyModel(
  7,
  llamaConfig({
    ...{ vocabularySize: tokenizer.vocabSize, width: 16, feedForwardWidth: 24, layers: 2 },
    ...{ heads: 4, keyValueHeads: 2, context: 64, tiedEmbeddings: false },
    separator: tokenizer.bosId,
  }),
);
const datastore = createDatastore(
  [{ documents: [{ records: [{ hash: 'a', text: QUOTED }] }] }],
  tokenizer,
);
const scorer = createAnswerScorer(model, { tokenizer, datastore });

const asked = { prompt: 'Why is wool warm?', output: QUOTED, interpolate: true };

/** One token after the other, and the ends of a text's tokens looked for by hand. */
async function slowly(context: readonly string[], interpolate: boolean): Promise<number> {
  const answer = tokenizer.encode(asked.output);
  const said = promptTokens(
    tokenizer,
    { prompt: asked.prompt, context, maxTokens: answer.length },
    model.config.max_position_embeddings,
  );
  const decoder = await createDecoder(model, { batch: 1, maxLength: 64, threads: 1 });
  let logits = await decoder.prefill(0, said);
  const texts = context.map((text) => [
    tokenizer.bosId,
    ...tokenizer.encode(text),
    tokenizer.bosId,
  ]);
  let nats = 0;
  for (const [i, token] of answer.entries()) {
    const peak = Math.max(...logits);
    const all = logits.reduce((sum, logit) => sum + Math.exp(logit - peak), 0);
    let probability = Math.exp(logits[token] - peak) / all;
    const followers = interpolate ? followersOf(texts, said) : undefined;
    if (followers) {
      const lambda = interpolationWeight(followers.length);
      const hits = followers.next.filter((next) => next === token).length;
      probability = (1 - lambda) * probability + (lambda * hits) / followers.next.length;
    }
    nats += Math.log(probability);
    said.push(token);
    if (i < answer.length - 1) [logits] = await decoder.step([{ row: 0, token }]);
  }
  await decoder.release();
  return nats;
}

/** What follows the longest end of what was said, of at most 24 tokens, wherever it stands. */
function followersOf(texts: readonly number[][], said: readonly number[]) {
  for (let length = Math.min(24, said.length); length > 0; length--) {
    const end = said.slice(-length);
    const next = texts.flatMap((text) =>
      text.flatMap((_, at) =>
        at + length < text.length && end.every((token, i) => text[at + i] === token)
          ? [text[at + length]]
          : [],
      ),
    );
    if (next.length > 0) return { length, next };
  }
  return undefined;
}

test.each([
  ['bare', [], true],
  ['with a context that is only read', [OTHER], false],
  ['with the text that it quotes', [QUOTED], true],
  ['with two texts', [OTHER, QUOTED], true],
])('scores an answer as if it was generated token by token, %s', async (_, context, interpolate) => {
  const { likelihoods } = await scorer.score({ ...asked, interpolate, contexts: [context] });
  expect(likelihoods[0]).toBeCloseTo(await slowly(context, interpolate), 2);
});

test('an answer is likelier with the text it quotes, and the same beside other contexts', async () => {
  const contexts = [[], [QUOTED], [OTHER], [OTHER, QUOTED], [QUOTED, OTHER]];
  const { tokens, likelihoods } = await scorer.score({ ...asked, contexts });
  expect(tokens).toBe(tokenizer.encode(QUOTED).length);
  expect(likelihoods[1]).toBeGreaterThan(likelihoods[0] + tokens);
  expect(likelihoods[1]).toBeGreaterThan(likelihoods[2] + tokens);
  const [alone] = (await scorer.score({ ...asked, contexts: [[QUOTED]] })).likelihoods;
  expect(alone).toBeCloseTo(likelihoods[1], 4);
});

test('the same question has the same scores, bit for bit', async () => {
  const contexts = [[], [QUOTED], [OTHER]];
  expect(await scorer.score({ ...asked, contexts })).toEqual(
    await scorer.score({ ...asked, contexts }),
  );
});

test('unigrams are counted in the learned texts, and an unknown token has a probability too', async () => {
  const { unigram } = await scorer.score({ ...asked, output: QUOTED.slice(0, 4), contexts: [] });
  const answer = tokenizer.encode(QUOTED.slice(0, 4));
  const all = tokenizer.encode(QUOTED);
  const expected = answer.reduce((sum, token) => {
    const count = all.filter((one) => one === token).length;
    return sum + Math.log((count + 1) / (all.length + tokenizer.vocabSize));
  }, 0);
  expect(unigram).toBeCloseTo(expected, 9);
  const strange = await scorer.score({ ...asked, output: 'ß→', contexts: [] });
  expect(Number.isFinite(strange.unigram)).toBe(true);
});

test('an answer longer than the model can read is scored as far as it can', async () => {
  const { tokens } = await scorer.score({ ...asked, output: OTHER.repeat(9), contexts: [[]] });
  expect(tokens).toBe(62);
});

test('refuses an answer of nothing', async () => {
  await expect(scorer.score({ ...asked, output: '', contexts: [[]] })).rejects.toMatchObject({
    code: 'invalid_input',
  });
});
