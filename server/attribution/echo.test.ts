/** What does not count: texts that the client supplied, whatever their role, and what was never delivered. */
import {
  canonicalize,
  clientTextsOf,
  type Id,
  RequestDocument,
  sha256Hex,
  unigramTable,
  WEIGHT_ONE,
  wordCount,
} from '@openledger/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/harness/postgres.ts';
import { unmeasured } from '../../test/harness/unmeasured.ts';
import type { Inference } from '../gateway/index.ts';
import { createGovernance } from '../governance/index.ts';
import { systemClock as clock } from '../platform/clock.ts';
import { newId } from '../platform/new-id.ts';
import { type Attributions, createAttributions } from './index.ts';

const TIDES = 'The tide comes in twice a day because the earth turns under two bulges of water.';
const MOON =
  'Nobody at the harbour doubts that the moon pulls the nearer water harder than the far side.';

const snapshotId: Id<'snapshot'> = `snp_${'1'.repeat(32)}`;
const parties = { tides: `pty_${'a'.repeat(32)}`, moon: `pty_${'b'.repeat(32)}` };
const sealed = {
  hash: sha256Hex('sealed'),
  records: [
    { text: TIDES, party: parties.tides },
    { text: MOON, party: parties.moon },
  ].map(({ text, party }) => ({
    ...{ hash: sha256Hex(text), text },
    owners: [{ party, weight: WEIGHT_ONE }],
    map: [{ words: wordCount(text), owners: [{ party, weight: WEIGHT_ONE }] }],
  })),
  information: unigramTable([TIDES, MOON]),
};

const inferences = new Map<string, Inference>();
let database: TestDatabase;
let attributions: Attributions;

beforeAll(async () => {
  database = await createTestDatabase();
  const { db } = database;
  attributions = createAttributions({
    ...{ db, clock, ...unmeasured, governance: await createGovernance({ db, clock }) },
    gateway: { find: async (id) => inferences.get(id) as Inference },
    snapshots: {
      load: async () => sealed,
      standing: async () => ({ withdrawn: new Set(), pool: `pool:${snapshotId}:1` }),
    },
  });
});
afterAll(() => database.drop());

type Message = { readonly role: string; readonly content: string };

/** A served call of a model that learned both texts: what was asked, as the receipt commits to it, and what was delivered. */
async function attributed(
  output: string,
  messages: readonly Message[],
  facts: Partial<Pick<Inference, 'retrieved' | 'cachedFrom' | 'finishReason'>> = {},
) {
  const inferenceId = newId('inference', clock);
  const request = canonicalize({ kind: 'chat', model: 'm', messages: [...messages] });
  inferences.set(inferenceId, {
    ...{ inferenceId, status: 'served', output, request, retrieved: [], ...facts },
    clientTexts: clientTextsOf(RequestDocument.parse(JSON.parse(request))),
    route: { snapshots: [{ snapshotId, hash: 'x', role: 'base' }] },
  } as unknown as Inference);
  await attributions.attribute(inferenceId);
  const { shares, evidence } = await attributions.find(inferenceId);
  const paid = shares.map(({ to }) => to).filter((to) => to.startsWith('pty_'));
  return { inferenceId, shares, paid, groundedPpm: evidence?.groundedPpm, evidence };
}

const user = (content: string): Message => ({ role: 'user', content });

test.each([
  'system',
  'developer',
  'user',
  'assistant',
  'tool',
])('a text that the client supplied as %s is echo: it pays nobody and grounds nothing', async (role) => {
  const { paid, groundedPpm } = await attributed(TIDES, [{ role, content: TIDES }, user('Why?')]);
  expect([paid, groundedPpm]).toEqual([[], 0]);
});

test('over several turns a passage is paid when it is first made, and not when it comes back', async () => {
  const first = await attributed(TIDES, [user('Why tides?')]);
  expect(first.paid).toEqual([parties.tides]);
  const turns = [user('Why tides?'), { role: 'assistant', content: TIDES }, user('And the moon?')];
  const second = await attributed(`${TIDES} ${MOON}`, turns);
  expect(second.paid).toEqual([parties.moon]);
  expect(second.groundedPpm).toBe(1_000_000); // of what is new
});

test('a tool that was answered by a paid call is paid by its own receipt, and not again by who quotes it', async () => {
  const tool = await attributed(MOON, [user('Look up the moon.')]);
  expect(tool.paid).toEqual([parties.moon]);
  const receipt = tool.inferenceId.replace('inf_', 'rct_');
  const content = JSON.stringify({ receipt, text: MOON });
  const quoting = await attributed(`It says: ${MOON}`, [user('?'), { role: 'tool', content }]);
  expect([quoting.paid, quoting.groundedPpm]).toEqual([[], 0]);
});

test('what the gateway put into the prompt counts, and what the client put there too does not', async () => {
  const retrieved = [{ recordHash: sha256Hex(MOON), snapshotId }];
  const inserted = await attributed(MOON, [user('The moon?')], { retrieved });
  expect([inserted.paid, inserted.groundedPpm]).toEqual([[parties.moon], 1_000_000]);
  const both = await attributed(MOON, [user(`Say: ${MOON}`)], { retrieved });
  expect([both.paid, both.groundedPpm]).toEqual([[], 0]);
});

test('an answer given again pays whom the first pays, by the same evidence', async () => {
  const question = [user('Why tides?')];
  const made = await attributed(TIDES, question);
  const again = await attributed(TIDES, question, { cachedFrom: made.inferenceId });
  expect(again.shares).toEqual(made.shares);
  expect(again.evidence).toEqual(made.evidence);
});

test('of an answer that was broken off only what was delivered is attributed', async () => {
  const whole = `${TIDES} ${MOON}`;
  const delivered = whole.slice(0, TIDES.length + 20); // three words of the moon: too few
  const { paid, evidence } = await attributed(delivered, [user('?')], {
    finishReason: 'disconnected',
  });
  expect(paid).toEqual([parties.tides]);
  expect(evidence?.spans.map(({ end }) => end <= delivered.length)).toEqual([true]);
});
