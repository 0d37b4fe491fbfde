import { OpenLedgerError } from '@openledger/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sentenceAbout } from '../../../test/harness/datanets.ts';
import { openTestGateway, type TestGateway } from '../../../test/harness/gateway.ts';
import { spend } from '../../gateway/limits.ts';
import { createGovernance } from '../../governance/index.ts';
import type { Ledger } from '../../ledger/index.ts';
import { silentLog } from '../../platform/log.ts';
import { createAccess } from './create-access.ts';

let stage: TestGateway;
beforeAll(async () => {
  stage = await openTestGateway();
});
afterAll(() => stage.end());

const PRICE = 7n;
let named = 0;

async function shelf() {
  const { datanets, identity, database } = stage;
  named += 1;
  const owner = await identity.registerParty({ identity: `handle:owner-${named}` });
  const { id: datanetId } = await datanets.create({
    ...{ name: `shelf-${named}`, ownerId: owner.id, access: 'paid', readUnits: PRICE },
  });
  const text = sentenceAbout(`subject ${named}`);
  const draft = { text, licence: 'CC0-1.0' };
  const { recordHash } = await datanets.contribute({ datanetId, partyId: owner.id, draft });
  await datanets.seal(datanetId);
  const governance = await createGovernance({ db: database.db, clock: stage.clock });
  const accessOver = (ledger: Pick<Ledger, 'post'>) =>
    createAccess({
      ...{ db: database.db, clock: stage.clock, log: silentLog, identity, governance },
      ...{ ledger, spend },
    });
  return { datanetId, recordHashes: [recordHash], accessOver };
}

test('a payer who dies before or after the ledger has heard of him pays once, and can read', async () => {
  const died = new Error('The process died here.');
  const before = { post: async () => Promise.reject(died) };
  const after = {
    post: async (wish: Parameters<Ledger['post']>[0]) => {
      await stage.ledger.post(wish);
      throw died;
    },
  };
  for (const dying of [before, after]) {
    const { accessOver, ...what } = await shelf();
    const { caller, partyId } = await stage.payer(100n);
    const order = { ...what, caller, payUpTo: PRICE };
    await expect(accessOver(dying).read(order)).rejects.toBe(died);
    const access = accessOver(stage.ledger);
    await access.reads.settle(); // too soon: its payer may still be at it
    expect(await access.reads.list({ readerId: partyId, limit: 10 })).toEqual([]);
    stage.clock.pass(60_000);
    await Promise.all([access.reads.settle(), access.reads.settle(), access.read(order)]);
    expect(await stage.balancesOf(partyId)).toEqual([100n - PRICE, 0n]);
    const reads = await access.reads.list({ readerId: partyId, limit: 10 });
    expect(reads).toMatchObject([{ units: PRICE, records: what.recordHashes }]);
    expect(await access.read({ ...order, payUpTo: 0n })).toBeUndefined();
  }
});

test('what was paid for is read for a day, and then paid for again', async () => {
  const { accessOver, ...what } = await shelf();
  const access = accessOver(stage.ledger);
  const { caller, partyId } = await stage.payer(100n);
  const order = { ...what, caller, payUpTo: PRICE };
  expect(await access.read(order)).toMatchObject({ units: PRICE });
  stage.clock.pass(86_000_000);
  expect(await access.read(order)).toBeUndefined();
  stage.clock.pass(1_000_000);
  expect(await access.read(order)).toMatchObject({ units: PRICE });
  expect(await stage.balancesOf(partyId)).toEqual([100n - 2n * PRICE, 0n]);
});

test('only records of the snapshot are sold', async () => {
  const { accessOver, datanetId } = await shelf();
  const { caller, partyId } = await stage.payer(100n);
  const order = { datanetId, recordHashes: ['0'.repeat(64)], caller, payUpTo: 100n };
  await expect(accessOver(stage.ledger).read(order)).rejects.toThrowError(OpenLedgerError);
  expect(await stage.balancesOf(partyId)).toEqual([100n, 0n]);
});
