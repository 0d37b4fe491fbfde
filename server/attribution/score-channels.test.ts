import {
  ContextEvidence,
  GameEvidence,
  type Id,
  ownerValues,
  WEIGHT_ONE,
} from '@openledger/protocol';
import { expect, test } from 'vitest';
import { scoreChannels } from './score-channels.ts';

const snapshot: Id<'snapshot'> = `snp_${'1'.repeat(32)}`;
const retrieved = (n: number, party = n) => ({
  ...{ record: n.toString(16).padStart(64, '0'), snapshot, text: String(2 ** n) },
  owners: [{ to: `pty_${party}`, weight: WEIGHT_ONE }],
});

/** Each text adds as many nats as it says, the adapter a hundred. */
const additive: Parameters<typeof scoreChannels>[0] = {
  likelihoods: async ({ model, contexts }) => ({
    ...{ tokens: 7, unigram: -2000 },
    likelihoods: contexts.map(
      (texts) =>
        -1000 + (model === 'tuned' ? 100 : 0) + texts.reduce((sum, text) => sum + Number(text), 0),
    ),
  }),
};
const answer = { prompt: 'p', output: 'o', interpolate: true };
const nat = 2 ** 20;

test('scores a model without adapter and context only as far as there is something to tell apart', async () => {
  const tuned = { ...answer, model: 'tuned', base: 'bare', retrieved: [] };
  expect(await scoreChannels(additive, tuned)).toEqual({
    tokens: 7,
    game: {
      ...{ algorithm: 'likelihood-game-1', kind: 'contributive' },
      ...{
        unigram: -2000 * nat,
        none: -1000 * nat,
        adapter: -900 * nat,
        context: null,
        both: null,
      },
    },
    context: null,
  });
});

test.each([1, 2, 5, 6, 9])('each of %i owners is worth what his records add', async (count) => {
  const records = Array.from({ length: count }, (_, i) => retrieved(i + 1));
  const asked = { ...answer, model: 'tuned', base: 'bare', retrieved: records };
  const { game, context } = await scoreChannels(additive, asked);
  const all = records.reduce((sum, { text }) => sum + Number(text), 0);
  expect(GameEvidence.parse(game)).toMatchObject({
    ...{ none: -1000 * nat, adapter: -900 * nat },
    ...{ context: (-1000 + all) * nat, both: (-900 + all) * nat },
  });
  const evidence = ContextEvidence.parse(context);
  expect(evidence.algorithm).toBe(count <= 5 ? 'context-shapley-1' : 'context-ends-1');
  const { values, scale } = ownerValues(evidence);
  expect(values).toEqual(records.map(({ text }) => BigInt(text) * BigInt(nat) * scale));
});

test('records of one owner come and go together', async () => {
  const records = [retrieved(3, 1), retrieved(1, 1), retrieved(2)];
  const asked = { ...answer, model: 'bare', base: undefined, retrieved: records };
  const { game, context } = await scoreChannels(additive, asked);
  expect(game).toMatchObject({ none: -1000 * nat, context: -986 * nat, adapter: null, both: null });
  expect(context?.owners.map((owner) => owner.records.length)).toEqual([2, 1]);
  expect(context?.scores).toEqual([-1000, -990, -996, -986].map((nats) => nats * nat));
});
