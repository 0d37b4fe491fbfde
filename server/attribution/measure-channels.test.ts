import {
  defaultPolicy,
  type FeePolicy,
  isDrawn,
  OpenLedgerError,
  WEIGHT_ONE,
} from '@openledger/protocol';
import { expect, test } from 'vitest';
import type { Models } from '../models/index.ts';
import { silentLog as log } from '../platform/log.ts';
import { measureChannels } from './measure-channels.ts';

type Measured = Parameters<typeof measureChannels>[1];

const record = 'ab'.repeat(32);
const snapshot = `snp_${'1'.repeat(32)}` as const;

/** A call of an adapter with one record in its prompt: four passes over a hundred tokens. */
const call = (facts: Partial<Measured['inference']> = {}): Measured => ({
  inference: {
    inferenceId: `inf_${'2'.repeat(32)}`,
    route: {
      model: 'tuned',
      adapterHash: 'x',
      scoring: { base: 'bare', interpolate: true, adapters: 0 },
    },
    clientTexts: ['', 'Why?'],
    output: 'Because.',
    retrieved: [{ recordHash: record, snapshotId: snapshot }],
    usage: { promptTokens: 40, completionTokens: 60 },
    priceUnits: 10n ** 18n,
    ...facts,
  } as Measured['inference'],
  creditable: [
    { record, snapshot, text: 'So it is.', owners: [{ to: 'pty_1', weight: WEIGHT_ONE }] },
  ],
  policy: defaultPolicy,
  snapshotOf: () => snapshot,
});

const scores: Models['likelihoods'] = async ({ contexts }) => ({
  ...{ tokens: 2, unigram: -9, likelihoods: contexts.map((texts) => texts.length - 5) },
});

const measure = (asked: Measured, likelihoods = scores) =>
  measureChannels(
    {
      ...{ models: { likelihoods, influence: async () => undefined }, log },
      logHead: async () => ({ treeSize: 7, rootHash: 'cd'.repeat(32) }),
    },
    asked,
  );

test('has the model that answered and its base read the prompt as it was asked, and rounds once', async () => {
  const asked: string[] = [];
  const found = await measure(call(), async (answer) => {
    asked.push(`${answer.model}: ${answer.prompt} ${answer.output}`);
    return scores(answer);
  });
  expect(asked).toEqual(['tuned: Why? Because.', 'bare: Why? Because.']);
  expect(found).toMatchObject({
    draw: { passes: 4, ppm: 1_000_000, checkpoint: null },
    scores: { tokens: 2, game: { adapter: -5 * 2 ** 20, both: -4 * 2 ** 20 }, influence: null },
  });
});

test.each<[string, Partial<Measured['inference']>]>([
  ['another operator answered', { route: { model: 'far' } as Measured['inference']['route'] }],
  [
    'there is neither adapter nor context',
    {
      retrieved: [],
      route: {
        scoring: { base: undefined, interpolate: true, adapters: 0 },
      } as Measured['inference']['route'],
    },
  ],
])('measures nothing where %s', async (_, facts) => {
  expect(await measure(call(facts))).toBeUndefined();
});

test('where the price does not pay for it, the head of the log and the id decide, and nothing is asked in vain', async () => {
  const drawn = new Map<boolean, number>([
    [true, 0],
    [false, 0],
  ]);
  for (let i = 0; i < 64; i++) {
    const inferenceId = `inf_${i.toString(16).padStart(32, '0')}` as const;
    let asked = 0;
    const found = await measure(call({ inferenceId, priceUnits: 10n ** 15n }), (answer) => {
      asked += 1;
      return scores(answer);
    });
    expect(found?.draw).toEqual({
      ...{ passes: 4, adapters: 0, ppm: 500_000, checkpoint: { size: 7, root: 'cd'.repeat(32) } },
    });
    const isMeasured = found?.scores !== null;
    expect([isMeasured, asked > 0]).toEqual(Array(2).fill(isDrawn(found!.draw, inferenceId)));
    drawn.set(isMeasured, (drawn.get(isMeasured) ?? 0) + 1);
  }
  for (const count of drawn.values()) expect(count).toBeGreaterThan(15);
});

test('an engine that stopped is asked once more; one that cannot measure holds nobody up', async () => {
  let asked = 0;
  const stopped = new OpenLedgerError('operator_failed', 'The engine stopped.');
  const failing =
    (times: number): Models['likelihoods'] =>
    async (answer) => {
      asked += 1;
      if (asked <= times) throw stopped;
      return scores(answer);
    };
  expect((await measure(call(), failing(1)))?.scores).toBeTruthy();
  asked = 0;
  expect(await measure(call(), failing(99))).toBeUndefined();
  expect(asked).toBe(2);
  const broken = () => Promise.reject(new TypeError('a fault of ours'));
  await expect(measure(call(), broken)).rejects.toThrow('a fault of ours');
});

test('a policy that gives measuring nothing has nothing measured', async () => {
  const channels: FeePolicy['channels'] = {
    ...defaultPolicy.channels,
    scoring: { ...defaultPolicy.channels.scoring, pricePpm: 0 },
  };
  const found = await measure({ ...call(), policy: { ...defaultPolicy, channels } });
  expect(found).toMatchObject({ draw: { ppm: 0 }, scores: null });
});
