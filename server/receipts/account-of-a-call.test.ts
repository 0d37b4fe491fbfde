/** From contributed texts to a verified receipt, through the real stages; only the call itself is told, not made. */
import { randomBytes } from 'node:crypto';
import {
  attributableIn,
  type Bundle,
  canonicalize,
  type Id,
  nameTerms,
  partsOf,
  pricedBy,
  recompute,
  type SnapshotExport,
  sha256Hex,
  TERMS_VERSION,
  type Terms,
  verifyBundle,
  wordCount,
} from '@openledger/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freeAccess } from '../../test/harness/access.ts';
import { createTestDatabase, type TestDatabase } from '../../test/harness/postgres.ts';
import { type Attributions, createAttributions } from '../attribution/index.ts';
import { snapshotsFrom } from '../attribution/snapshots-from.ts';
import { createDatanets, type Datanets } from '../datanets/index.ts';
import { createFees } from '../fees/index.ts';
import { poolMembersFrom } from '../fees/pool-members-from.ts';
import { accountFor } from '../flow.ts';
import type { Inference } from '../gateway/index.ts';
import { createGovernance } from '../governance/index.ts';
import { createIdentity } from '../identity/index.ts';
import { createLedger, type Ledger, transactionIdFor } from '../ledger/index.ts';
import type { Models } from '../models/index.ts';
import { systemClock as clock } from '../platform/clock.ts';
import { silentLog as log } from '../platform/log.ts';
import { createReceipts, openSigners, type Receipts } from './index.ts';
import { proofsFrom } from './proofs-from.ts';

const TIDES = 'The tide comes in twice a day because the earth turns under two bulges of water.';
const MOON =
  'Nobody at the harbour doubts that the moon pulls the nearer water harder than the earth itself.';
const TABLE = 'The harbour master keeps a tide table of his own beside the office door.';
const ANSWER =
  'As they say, the tide comes in twice a day because the earth turns under two bulges, ' +
  'and the moon pulls the nearer water harder than the earth itself. Who would have thought?';

let database: TestDatabase;
let ledger: Ledger;
let datanets: Datanets;
let receipts: Receipts;
let attributions: Attributions;
let account: (inference: Inference) => Promise<string>;
let parties: Record<'ann' | 'bob' | 'payer' | 'operator' | 'builder' | 'base', Id<'party'>>;
let learned: {
  readonly datanetId: Id<'datanet'>;
  readonly snapshotId: string;
  readonly hash: string;
};
let context: typeof learned;

beforeAll(async () => {
  database = await createTestDatabase();
  const { db } = database;
  const identity = createIdentity({ db, clock });
  ledger = createLedger({ db, clock, log });
  await ledger.start();
  const governance = await createGovernance({ db, clock });
  datanets = createDatanets({ db, clock, identity, governance });
  const names = ['ann', 'bob', 'payer', 'operator', 'builder', 'base'] as const;
  const mentions = names.map((name) => ({ identity: `handle:${name}` }));
  const ids = await db.transaction((tx) => identity.resolveParties(tx, mentions));
  parties = Object.fromEntries(
    names.map((name) => [name, ids.get(`handle:${name}`)]),
  ) as typeof parties;
  learned = await sealed('tides', [[parties.ann, TIDES]]);
  context = await sealed('harbour', [
    [parties.bob, MOON],
    [parties.ann, TABLE],
  ]);

  const inferences = new Map<string, Inference>();
  const gateway = { find: async (id: string) => inferences.get(id) as Inference };
  attributions = createAttributions({
    ...{ db, clock, log, gateway, governance, snapshots: snapshotsFrom(datanets) },
    models: {
      likelihoods: async (answer) => likelihoodsOf(answer),
      influence: async () => ({
        ...{ method: 'subset-ridge-1', adapters: 16 },
        groups: [
          { score: 3 * 2 ** 20, records: [{ hash: sha256Hex(TIDES), score: 3 * 2 ** 20 }] },
          { score: -5, records: [] },
        ],
      }),
    },
    logHead: () => receipts.checkpoint(),
  });
  const fees = createFees({
    ...{ db, clock, log, ledger, gateway, attributions, governance },
    reads: freeAccess({ db, clock, log, identity, governance }).reads,
    poolMembers: poolMembersFrom(datanets),
  });
  receipts = createReceipts({
    ...{ db, clock, log, governance, snapshots: proofsFrom(datanets) },
    signers: await openSigners({ secret: async (name) => new Uint8Array(32).fill(name.length) }),
    textsOf: gateway.find,
    termsOf: async () => termsOfCalls(),
  });
  account = async (inference) => {
    const id = inference.inferenceId;
    inferences.set(id, inference);
    if (inference.priceUnits > 0n) {
      await ledger.post({
        transactionId: transactionIdFor(id, 'capture'),
        reason: 'inference',
        postings: [{ from: 'external:payer', to: 'clearing:fees', amount: inference.priceUnits }],
      });
    }
    await attributions.attribute(id);
    await fees.route(id);
    const issued = await receipts.issue(await accountFor({ gateway, attributions, fees }, id));
    return issued.id;
  };
});

afterAll(async () => {
  await ledger.stop();
  await database.drop();
});

const verdicts = (text: string, snapshots: readonly SnapshotExport[]) => {
  const { logKeys, signers } = receipts.trusted();
  return [
    ...verifyBundle(text, { logKeys: [...logKeys], signers: [...signers] }),
    ...recompute(JSON.parse(text) as Bundle, snapshots),
  ];
};
const exports = () =>
  Promise.all([learned, context].map(({ snapshotId }) => datanets.snapshotExport(snapshotId)));

test('what the stages account for verifies offline and recomputes from the exported texts', async () => {
  const receiptId = await account(callWith({ retrieved: [sha256Hex(MOON)] }));
  const text = await receipts.bundle(receiptId, { disclose: true });
  const results = verdicts(text, await exports());
  expect(results.filter(({ ok }) => !ok)).toEqual([]);
  const { receipt } = JSON.parse(text) as Bundle;
  expect(receipt.attribution?.spans.map(({ words }) => words)).toEqual([13, 11]);
  const payees = receipt.shares.map(({ to }) => to);
  expect(payees).toEqual(expect.arrayContaining([parties.ann, parties.bob]));
});

/** As an engine would answer: the adapter is worth three nats to the answer, each text of the context one a word. */
const likelihoodsOf: Models['likelihoods'] = async ({ model, contexts }) => ({
  ...{ tokens: 40, unigram: -200 },
  likelihoods: contexts.map((texts) => {
    const words = texts.reduce((sum, text) => sum + wordCount(text), 0);
    return -150 + words + (model === 'tiny' ? 0 : 3);
  }),
});

const measurable = (call: Inference): Inference => ({
  ...call,
  route: { ...call.route, scoring: { base: 'tiny', interpolate: false, adapters: 0 } },
});

test('what an engine measured of a call stands in its receipt, verifies, and pays whose records were in the prompt', async () => {
  const call = measurable(callWith({ retrieved: [sha256Hex(MOON), sha256Hex(TABLE)] }));
  const receiptId = await account({ ...call, priceUnits: 10n ** 18n });
  const text = await receipts.bundle(receiptId, { disclose: true });
  expect(verdicts(text, await exports()).filter(({ ok }) => !ok)).toEqual([]);
  const { receipt } = JSON.parse(text) as Bundle;
  expect(receipt.channels).toMatchObject({
    draw: { passes: 6, ppm: 1_000_000, checkpoint: null },
    scores: { tokens: 40, context: { algorithm: 'context-shapley-1' } },
  });
  expect(receipt.channels?.scores?.context?.owners).toHaveLength(2);

  const { scores } = await attributions.replay(call.inferenceId);
  expect(scores.map(({ of }) => of)).toEqual([
    ...['unigram', 'none', 'adapter', 'context', 'both'].map((name) => `game ${name}`),
    ...[0, 1, 2, 3].map((coalition) => `context ${coalition}`),
  ]);
  for (const { committed, again } of scores) expect(again).toBe(committed);
});

test('an adapter with an ensemble pays by influence whose records it learned from', async () => {
  const call = measurable(callWith({ retrieved: [] }));
  const scoring = { base: 'tiny', interpolate: false, adapters: 16 };
  const receiptId = await account({
    ...{ ...call, priceUnits: 10n ** 18n },
    route: { ...call.route, scoring },
  });
  const text = await receipts.bundle(receiptId, { disclose: true });
  expect(verdicts(text, await exports()).filter(({ ok }) => !ok)).toEqual([]);
  const bundle = JSON.parse(text) as Bundle;
  expect(bundle.receipt.channels?.draw).toMatchObject({ passes: 18, adapters: 16 });
  const [part] = partsOf(attributableIn(bundle)!);
  expect(part).toMatchObject({ role: 'adapter', channel: 'influence', confidencePpm: 336_000 });
  expect(part.measurement.parties.map(({ to }) => to)).toEqual([parties.ann]);
});

test('what was not measured cannot be replayed', async () => {
  const call = callWith({ retrieved: [] });
  await account(call);
  await expect(attributions.replay(call.inferenceId)).rejects.toMatchObject({
    code: 'unprocessable',
  });
});

test('where measuring is left to a draw, the head of the log that drew is proved to be of the same log', async () => {
  const seen = new Set<boolean>();
  while (seen.size < 2) {
    const call = measurable(callWith({ retrieved: [sha256Hex(MOON)] }));
    const receiptId = await account({ ...call, priceUnits: 5n * 10n ** 14n });
    const text = await receipts.bundle(receiptId, { disclose: true });
    expect(verdicts(text, await exports()).filter(({ ok }) => !ok)).toEqual([]);
    const { receipt, draw } = JSON.parse(text) as Bundle;
    expect(receipt.channels?.draw).toMatchObject({ passes: 4, ppm: 510_204 });
    expect(draw).toBeDefined();
    seen.add(receipt.channels?.scores !== null);
  }
});

test('a call without registered data has a receipt that says so', async () => {
  const call = callWith({ retrieved: [] });
  const receiptId = await account({ ...call, route: { ...call.route, snapshots: [] } });
  const text = await receipts.bundle(receiptId, { disclose: true });
  expect(verdicts(text, []).filter(({ ok }) => !ok)).toEqual([]);
  expect(JSON.parse(text).receipt).toMatchObject({ attribution: null, shares: [], snapshots: [] });
});

test('a call that cost nothing has a receipt too', async () => {
  const receiptId = await account({ ...callWith({ retrieved: [] }), priceUnits: 0n });
  const text = await receipts.bundle(receiptId, { disclose: true });
  expect(verdicts(text, await exports()).filter(({ ok }) => !ok)).toEqual([]);
});

test('a cached answer has a receipt of its own, which cites the first and pays the same people of a smaller price', async () => {
  const made = callWith({ retrieved: [sha256Hex(MOON)] });
  const first = await account(made);
  const given = await account({
    ...{ ...made, ...callWith({ retrieved: [sha256Hex(MOON)] }) },
    ...{ priceUnits: 100_000n, cachedFrom: made.inferenceId },
  });
  const [text, again] = await Promise.all(
    [first, given].map((id) => receipts.bundle(id, { disclose: true })),
  );
  expect(verdicts(again, await exports()).filter(({ ok }) => !ok)).toEqual([]);
  const [original, cached] = [text, again].map((one) => (JSON.parse(one) as Bundle).receipt);
  expect(original.cachedFrom).toBeUndefined();
  expect(cached).toMatchObject({ cachedFrom: first, price: { units: '100000' } });
  expect(cached.shares).toEqual(original.shares);
  expect(cached.legs.map(({ role, account }) => [role, account])).toEqual(
    original.legs.map(({ role, account }) => [role, account]),
  );
});

test('a call names the terms that make its price, and given again the part of them; its bundle shows the terms', async () => {
  const { route, ...call } = callWith({ retrieved: [] });
  const terms = pricedBy(nameTerms(termsOfCalls()));
  const first = await account({ ...call, route: { ...route, terms } });
  const again = await account({
    ...{ ...callWith({ retrieved: [] }), cachedFrom: call.inferenceId },
    route: { ...route, terms: { ...terms, ppm: 100_000 } },
    priceUnits: 9n * 3n + 40n * 2500n, // 2.7 and 2499.4, rounded up
  });
  for (const receiptId of [first, again]) {
    const text = await receipts.bundle(receiptId, { disclose: true });
    expect(verdicts(text, await exports()).filter(({ ok }) => !ok)).toEqual([]);
    const bundle = JSON.parse(text) as Bundle;
    expect(bundle.terms).toEqual(termsOfCalls());
    expect(bundle.receipt.price.terms).toMatchObject(terms);
  }
});

test('a call whose text died with its gateway has a receipt of its price and of no text; the prior earns', async () => {
  const left = { output: '', finishReason: 'gateway_failed', estimated: true } as const;
  const receiptId = await account({ ...callWith({ retrieved: [] }), ...left });
  const text = await receipts.bundle(receiptId, { disclose: true });
  expect(verdicts(text, await exports()).filter(({ ok }) => !ok)).toEqual([]);
  const { receipt, disclosures } = JSON.parse(text) as Bundle;
  expect(disclosures.output?.text).toBe('');
  expect(receipt).toMatchObject({ price: { units: '1000003' }, attribution: { spans: [] } });
  expect(receipt.shares.map(({ to }) => to)).toEqual(receipt.snapshots.map(({ pool }) => pool));
});

test('after a withdrawal old receipts verify, and say that the text is gone', async () => {
  const before = await account(callWith({ retrieved: [sha256Hex(MOON)] }));
  await datanets.withdraw({
    datanetId: context.datanetId,
    recordHash: sha256Hex(MOON),
    reason: 'takedown',
    caller: { partyId: parties.bob, scopes: ['contribute'] },
  });
  const old = verdicts(await receipts.bundle(before, { disclose: true }), await exports());
  expect(old.filter(({ ok }) => !ok)).toEqual([]);
  expect(old.find(({ check }) => check === 'record')?.detail).toContain('1 withdrawn');

  const after = await account(callWith({ retrieved: [sha256Hex(MOON)] }));
  const text = await receipts.bundle(after, { disclose: true });
  expect(verdicts(text, await exports()).filter(({ ok }) => !ok)).toEqual([]);
  expect((JSON.parse(text) as Bundle).receipt.attribution?.spans).toHaveLength(1);

  // Nor by any other channel: it stood in the prompt, and is not measured.
  const call = measurable(callWith({ retrieved: [sha256Hex(MOON), sha256Hex(TABLE)] }));
  const measured = await account({ ...call, priceUnits: 10n ** 18n });
  const told = await receipts.bundle(measured, { disclose: true });
  expect(verdicts(told, await exports()).filter(({ ok }) => !ok)).toEqual([]);
  const { owners } = (JSON.parse(told) as Bundle).receipt.channels?.scores?.context ?? {};
  expect(owners?.flatMap(({ records }) => records.map(({ record }) => record))).toEqual([
    sha256Hex(TABLE),
  ]);
});

async function sealed(
  name: string,
  texts: readonly (readonly [partyId: Id<'party'>, text: string])[],
): Promise<typeof learned> {
  const { id } = await datanets.create({ name, ownerId: parties.ann });
  for (const [partyId, text] of texts) {
    await datanets.contribute({ datanetId: id, partyId, draft: { text, licence: 'MIT' } });
  }
  const { id: snapshotId, hash } = await datanets.seal(id);
  return { datanetId: id, snapshotId, hash };
}

/** Which make 1000003 units of 9 tokens read and 40 written. */
const termsOfCalls = (): Terms => ({
  ...{ version: TERMS_VERSION, model: 'tiny:tides@1', asset: 'OPEN' },
  operator: { name: 'local', party: parties.operator },
  ...{ promptUnits: '27', completionUnits: '24994', since: '2026-01-01T00:00:00.000Z' },
});

function callWith({ retrieved }: { readonly retrieved: readonly string[] }): Inference {
  const { snapshotId, hash } = learned;
  const clientTexts = ['Tell me about the tide.'];
  return {
    inferenceId: `inf_${randomBytes(16).toString('hex')}`,
    payerId: parties.payer,
    status: 'served',
    route: {
      model: 'tiny:tides@1',
      operator: 'local',
      operatorPartyId: parties.operator,
      builderPartyId: parties.builder,
      basePartyId: parties.base,
      modelHash: sha256Hex('model'),
      adapterHash: sha256Hex('adapter'),
      engine: 'small model, bare',
      scoring: undefined,
      snapshots: [{ snapshotId: snapshotId as Id<'snapshot'>, hash, role: 'adapter' }],
    },
    request: canonicalize({
      kind: 'chat',
      model: 'tiny:tides@1',
      messages: clientTexts.map((content) => ({ role: 'user', content })),
    }),
    clientTexts,
    retrieved: retrieved.map((recordHash) => ({
      recordHash,
      snapshotId: context.snapshotId as Id<'snapshot'>,
    })),
    ...{ toolCalls: [], failures: [] },
    output: ANSWER,
    finishReason: 'stop',
    usage: { promptTokens: 9, completionTokens: 40 },
    estimated: false,
    priceUnits: 1_000_003n,
    createdAt: new Date(),
    servedAt: new Date(),
    cachedFrom: undefined,
  };
}
