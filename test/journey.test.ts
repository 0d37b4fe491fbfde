import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeCalls } from '../cli/first-loop/calls.ts';
import { checkBooks, checkReceipts, collectReceipts } from '../cli/first-loop/check.ts';
import { findPeople } from '../cli/first-loop/people.ts';
import { settleAndClaim } from '../cli/first-loop/settle.ts';
import { train } from '../cli/first-loop/train.ts';
import { startTestApp, type TestApp } from './harness/app.ts';
import { gardenBooks } from './harness/garden.ts';

let running: TestApp;
beforeAll(async () => {
  running = await startTestApp();
});
afterAll(() => running.end());

const silent = { write: () => true };

test('a contributed text earns money, with proof, from contribution to claim', async () => {
  const { admin, baseUrl } = running;
  const people = await findPeople(admin, baseUrl);
  const { curator, builder, visitor } = people;

  const { id: datanetId } = await curator.client.datanets.create({ name: 'garden' });
  const intake = await curator.client.datanets.contributeMany(
    { datanetId },
    { body: gardenBooks() },
  );
  expect(intake.rejections).toEqual([]);
  await curator.client.datanets.refine({ datanetId });
  const snapshot = await curator.client.datanets.seal({ datanetId });

  const tiny = { width: 32, layers: 1, heads: 2, contextLength: 128, vocabulary: 400, steps: 40 };
  const base = await train(builder, silent, {
    kind: 'base',
    name: 'garden',
    snapshot: snapshot.id,
    ...tiny,
  });
  const adapter = await train(builder, silent, {
    ...{
      kind: 'adapter',
      name: 'beds',
      base: base.name,
      snapshot: snapshot.id,
      steps: 20,
      rank: 4,
    },
  });

  await visitor.client.settlement.faucet({ units: (10n ** 18n).toString() });
  const calls = await makeCalls(
    {
      ...{
        visitor,
        baseUrl,
        datanetIds: [datanetId],
        count: 16,
        models: [adapter.name, base.name],
      },
      prompts: ['The tomato bed', 'Every gardener', 'Water the seedlings', 'Compost'],
    },
    silent,
  );
  const receipts = await collectReceipts(visitor.client, calls, silent);
  const quoted = receipts.flatMap(({ bundle }) => bundle.receipt.attribution?.spans ?? []);
  expect(quoted.length).toBeGreaterThan(0);

  const settlement = await settleAndClaim(admin, {
    ...{ baseUrl, identity: 'handle:Ada', privateKey: new Uint8Array(32).fill(7) },
  });
  const trust = await admin.receipts.trust();
  const exported = await curator.client.datanets.exportSnapshot({ snapshotId: snapshot.id });
  const checks = [
    ...checkReceipts(receipts, { trust, snapshots: [exported] }),
    ...(await checkBooks(admin, { calls, settlement })),
  ];
  // How fast is for the first loop to say; here it is whether.
  const failed = checks.filter(({ ok, name }) => !ok && name !== 'credits within a second');
  expect(failed).toEqual([]);
  expect(settlement.paidUnits).toBeGreaterThan(0n);
});
