import {
  attributableIn,
  type Bundle,
  type CheckResult,
  firstFailure,
  fromHex,
  leafHash,
  merkleRoot,
  parseCheckpoint,
  parseEntitlement,
  parseNote,
  parseOwnerMap,
  receiptLeaf,
  recompute,
  shareByChannels,
  type Terms,
  toHex,
  verifyBundle,
  verifyConsistency,
} from '@openledger/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { exampleReceipt, logSeed, signerKey } from '../../test/harness/example-receipt.ts';
import { createTestDatabase, type TestDatabase } from '../../test/harness/postgres.ts';
import { silentLog } from '../platform/log.ts';
import { type Accounted, createReceipts, openSigners, type Receipts } from './index.ts';

const { bundle: example, snapshots } = exampleReceipt();
const { request, output } = example.disclosures;
const attributable = attributableIn(example);
if (!attributable) throw new Error('The example has evidence.');

const accounted = (n: number): Accounted => {
  const { receipt } = example;
  return {
    inferenceId: `inf_${n.toString(16).padStart(32, '0')}`,
    servedAt: new Date(receipt.servedAt),
    parties: { ...receipt.parties, base: receipt.parties.base ?? undefined },
    model: {
      name: receipt.model.name,
      hash: undefined,
      adapterHash: receipt.model.adapter ?? undefined,
      engine: undefined,
    },
    request: request?.text ?? '',
    output: output?.text ?? '',
    snapshots: receipt.snapshots,
    retrieved: receipt.retrieved.map(({ record, snapshot }) => ({
      recordHash: record,
      snapshotId: snapshot,
    })),
    usage: receipt.usage,
    priceUnits: BigInt(receipt.price.units),
    terms: receipt.price.terms,
    policyHash: receipt.policy,
    // The example's draw is of another inference.
    ...{ evidence: receipt.attribution ?? undefined, channels: undefined },
    shares: shareByChannels({ ...attributable, channels: undefined }),
    legs: receipt.legs.map(({ role, account, units }) => ({
      role,
      account,
      amount: BigInt(units),
    })),
    transactionId: receipt.ledger.transaction ?? undefined,
    epoch: receipt.ledger.epoch,
    parent: undefined,
    cachedFrom: undefined,
  };
};

let database: TestDatabase;
let receipts: Receipts;

beforeAll(async () => {
  database = await createTestDatabase();
  receipts = createReceipts({
    db: database.db,
    clock: { now: () => new Date('2026-02-01T00:00:00Z') },
    log: silentLog,
    signers: await openSigners({
      secret: async (name) => (name === 'log' ? logSeed : signerKey),
    }),
    governance: {
      findPolicy: async (hash) => ({ hash, policy: example.policy, inForceSince: new Date(0) }),
    },
    snapshots: {
      manifest: async (id) => manifestOf(id),
      prove: async (_, hashes) =>
        example.records
          .filter(({ record }) => hashes.includes(record))
          .map((one) => ({
            ...one,
            owners: parseEntitlement(one.owners),
            map: parseOwnerMap(one.map),
            text: one.text ?? undefined,
          })),
    },
    termsOf: async () => example.terms as Terms,
    textsOf: async () => ({ request: request?.text ?? '', output: output?.text ?? '' }),
  });
});

afterAll(() => database.drop());

const trust = () => {
  const { logKeys, signers } = receipts.trusted();
  return { logKeys: [...logKeys], signers: [...signers] };
};
const failures = (results: readonly CheckResult[]) => results.filter(({ ok }) => !ok);

test('an inference has one receipt and one leaf, however often and at once it is asked for', async () => {
  const issued = await Promise.all(Array.from({ length: 8 }, () => receipts.issue(accounted(1))));
  expect(new Set(issued.map(({ hash }) => hash)).size).toBe(1);
  expect(await receipts.size()).toBe(1);
  expect(await receipts.find(issued[0].id)).toEqual(issued[0]);
  expect(issued[0].id).toBe('rct_00000000000000000000000000000001');
});

test('the log is the RFC 6962 tree over the signed receipts, in order', async () => {
  await Promise.all(Array.from({ length: 12 }, (_, n) => receipts.issue(accounted(2 + n))));
  const all = await receipts.list({ payerId: example.receipt.parties.payer, limit: 500 });
  const leaves = [...all].sort((a, b) => a.leafIndex - b.leafIndex);
  expect(leaves.map(({ leafIndex }) => leafIndex)).toEqual(leaves.map((_, i) => i));
  const { treeSize, rootHash, note } = await receipts.checkpoint();
  expect(treeSize).toBe(leaves.length);
  expect(rootHash).toBe(toHex(merkleRoot(leaves.map(receiptLeaf))));
  expect(toHex(parseCheckpoint(parseNote(note).text).root)).toBe(rootHash);
});

test('a bundle passes every check offline, and recomputes', async () => {
  const { id, receipt, signature, leafIndex } = await receipts.issue(accounted(5));
  const text = await receipts.bundle(id, { disclose: true });
  expect(failures(verifyBundle(text, trust()))).toEqual([]);
  const bundle = JSON.parse(text) as Bundle;
  expect(failures(recompute(bundle, snapshots))).toEqual([]);
  expect(bundle.inclusion.index).toBe(leafIndex);
  expect(leafHash(receiptLeaf(bundle))).toEqual(leafHash(receiptLeaf({ receipt, signature })));
});

test('an older anchor and a newer head are shown to be one history', async () => {
  const { id } = await receipts.issue(accounted(1));
  const head = await receipts.checkpoint();
  const anchor = { epoch: 1, size: head.treeSize, root: head.rootHash };
  const [, later] = [await receipts.issue(accounted(30)), await receipts.issue(accounted(31))];
  const text = await receipts.bundle(id, { disclose: false, anchor });
  const results = verifyBundle(text, { ...trust(), anchors: [anchor] });
  expect(failures(results)).toEqual([]);
  expect(results.map(({ check }) => check)).toContain('anchor');
  expect(firstFailure(verifyBundle(text, trust()))?.check).toBe('anchor');
  await expect(receipts.bundle(later.id, { disclose: false, anchor })).rejects.toMatchObject({
    code: 'invalid_input',
  });
});

test('any two heads are proved to be one history', async () => {
  const first = await receipts.checkpoint();
  await receipts.issue(accounted(40));
  const second = await receipts.checkpoint();
  const proof = await receipts.consistency({ first: first.treeSize, second: second.treeSize });
  const claim = {
    first: first.treeSize,
    firstRoot: fromHex(first.rootHash),
    second: second.treeSize,
    secondRoot: fromHex(second.rootHash),
    proof: proof.map(fromHex),
  };
  expect(verifyConsistency(claim)).toBe(true);
  for (const sizes of [
    { first: 9, second: 3 },
    { first: 1, second: 10_000 },
  ]) {
    await expect(receipts.consistency(sizes)).rejects.toMatchObject({ code: 'invalid_input' });
  }
});

test('once the salts are erased nothing is disclosed, and the receipt still verifies', async () => {
  const { id, inferenceId } = await receipts.issue(accounted(50));
  await receipts.erase(inferenceId);
  const text = await receipts.bundle(id, { disclose: true });
  expect((JSON.parse(text) as Bundle).disclosures).toEqual({});
  expect(failures(verifyBundle(text, trust()))).toEqual([]);
});

test('two receipts of the same words commit to them differently', async () => {
  const [one, two] = [await receipts.issue(accounted(60)), await receipts.issue(accounted(61))];
  const commitmentOf = ({ receipt }: typeof one) => receipt.kind === 'receipt' && receipt.output;
  expect(commitmentOf(one)).not.toBe(commitmentOf(two));
});

test('a reversal is a leaf of its own that names the receipt, once a transaction', async () => {
  const { id, hash } = await receipts.issue(accounted(70));
  const reversed = {
    receiptId: id,
    reason: 'refund' as const,
    units: 5n,
    transactionId: `txn_${'7'.repeat(32)}`,
    reversedAt: new Date('2026-02-02T00:00:00Z'),
  };
  const before = await receipts.size();
  const reversal = await receipts.issueReversal(reversed);
  expect(reversal.receipt).toMatchObject({ kind: 'reversal', of: hash, units: '5' });
  expect(await receipts.issueReversal(reversed)).toEqual(reversal);
  expect(await receipts.size()).toBe(before + 1);
  await expect(receipts.bundle(reversal.id, { disclose: false })).rejects.toMatchObject({
    code: 'invalid_input',
  });
});

test('lists a payer newest first, page by page, and nobody else', async () => {
  const payerId = example.receipt.parties.payer;
  const [page, all] = [
    await receipts.list({ payerId, limit: 3 }),
    await receipts.list({ payerId, limit: 500 }),
  ];
  const rest = await receipts.list({ payerId, limit: 500, after: page[2].id });
  expect([...page, ...rest]).toEqual(all);
  expect(await receipts.list({ payerId: `pty_${'0'.repeat(32)}`, limit: 9 })).toEqual([]);
  await expect(receipts.find('rct_none')).rejects.toMatchObject({ code: 'not_found' });
});

function manifestOf(snapshotId: string) {
  const found = snapshots.find(({ manifest }) => manifest.snapshot === snapshotId);
  if (!found) throw new Error(`The example has no ${snapshotId}.`);
  return found.manifest;
}
