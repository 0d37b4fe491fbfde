import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openTokenAbi, settlementAbi } from '@openledger/contracts';
import { type EntitlementVector, type Id, UNITS_PER_OPEN, WEIGHT_ONE } from '@openledger/protocol';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { startTestChain, type TestChain } from '../../test/harness/chain.ts';
import { createTestDatabase } from '../../test/harness/postgres.ts';
import { createLedger, type Ledger, transactionIdFor } from '../ledger/index.ts';
import { type Address, openChain } from '../platform/chain.ts';
import { systemClock } from '../platform/clock.ts';
import { silentLog } from '../platform/log.ts';
import { newId } from '../platform/new-id.ts';
import { sql } from '../platform/sql.ts';
import { createSettlement, type Settlement } from './index.ts';

const OPEN = UNITS_PER_OPEN;
const WINDOW = 50;
const checkpoint = (treeSize: number) => ({
  treeSize,
  rootHash: treeSize.toString(16).padStart(64, '0'),
});

let local: TestChain;
beforeAll(async () => {
  local = await startTestChain();
});
afterAll(() => local.end());

/** A new ledger and a new vault on the file's chain; `wallets` is what identity knows. */
async function begin() {
  const { db, drop } = await createTestDatabase();
  const ledger = createLedger({ db, clock: systemClock, log: silentLog });
  await ledger.start();
  onTestFinished(async () => {
    await ledger.stop();
    await drop();
  });
  const wallets = new Map<string, Address>();
  const heirs = new Map<string, EntitlementVector>();
  const options = {
    db,
    ledger,
    fees: { mature: async () => {} },
    identity: { walletsOf: async () => wallets },
    datanets: { heirsOf: async () => heirs },
    chain: local.chain,
    keys: local.keys,
    clock: systemClock,
    log: silentLog,
    disputeSeconds: 0,
    rootWindowSeconds: WINDOW,
  };
  const settlement = await createSettlement(options);
  const party = () => newId('party', systemClock);
  return {
    db,
    ledger,
    wallets,
    heirs,
    settlement,
    options,
    party,
    earn: earning(ledger, settlement),
  };
}

/** A payer's deposit flows to a contributor's pending credit, as fees would route it. */
const earning =
  (ledger: Ledger, settlement: Settlement) => async (contributor: Id<'party'>, amount: bigint) => {
    const payer = newId('party', systemClock);
    await settlement.faucet(payer, amount);
    const { number } = await settlement.openEpoch();
    await ledger.post({
      transactionId: transactionIdFor(new Date(0), `earn:${payer}`),
      reason: 'fees.routed',
      postings: [{ from: `${payer}:available`, to: `${contributor}:pending:${number}`, amount }],
    });
  };

const closeOpenEpoch = async (settlement: Settlement) =>
  settlement.closeEpoch((await settlement.openEpoch()).number);

const ALICE: Address = '0x00000000000000000000000000000000000000a1';
const BOB: Address = '0x00000000000000000000000000000000000000b2';

test('a deposit is credited once, however often its event is read', async () => {
  const { settlement, ledger, db, party } = await begin();
  const payer = party();
  await settlement.faucet(payer, 5n * OPEN);
  expect(await ledger.balance(`${payer}:available`)).toBe(5n * OPEN);
  expect(await ledger.balance('external:chain')).toBe(-5n * OPEN);
  const first = await local.chain.reader.getBlock({ blockNumber: 0n });
  await db.transaction((tx) =>
    tx.query(sql`update settlement.vault set read_block = 0, read_hash = ${first.hash}`),
  );
  await Promise.all([settlement.sync(), settlement.sync()]);
  expect(await ledger.balance(`${payer}:available`)).toBe(5n * OPEN);
});

test('a deposit that names no party is owed to nobody, and counted', async () => {
  const { settlement, ledger } = await begin();
  const faucet = await local.keys.chainSigner('faucet');
  await settlement.faucet(newId('party', systemClock), 1n); // allows the vault to take
  await local.chain.write(faucet, {
    address: settlement.vault.address,
    abi: settlementAbi,
    functionName: 'deposit',
    args: [settlement.vault.token, 7n, `0x${'ff'.repeat(32)}`],
  });
  await settlement.sync();
  expect(await ledger.balance('suspense:deposits')).toBe(7n);
  expect(await settlement.solvency()).toMatchObject({
    holdings: 8n,
    liabilities: 8n,
    isCovered: true,
  });
});

test('what waited for a decision goes to those for whom it fell, to the last unit', async () => {
  const { settlement, ledger, wallets, heirs, party, earn } = await begin();
  const [disputed, alice, bob] = [party(), party(), party()];
  wallets.set(alice, ALICE);
  await earn(disputed, 101n);
  await closeOpenEpoch(settlement);
  await settlement.publishEpoch(checkpoint(9));
  expect(await ledger.balance(`${disputed}:escrow`)).toBe(101n);

  heirs.set(disputed, [
    { party: alice, weight: WEIGHT_ONE / 2n },
    { party: bob, weight: WEIGHT_ONE / 2n },
  ]);
  await closeOpenEpoch(settlement);
  await settlement.publishEpoch(checkpoint(10));
  expect(await ledger.balance(`${disputed}:escrow`)).toBe(0n);
  expect(await ledger.balance(`${bob}:escrow`)).toBe(50n);
  const alices = ['payable', 'exported'].map((purpose) => ledger.balance(`${alice}:${purpose}`));
  expect((await Promise.all(alices)).reduce((sum, one) => sum + one, 0n)).toBe(51n);
});

test('an epoch turns pending credits into a root, and a claim into OPEN in the wallet', async () => {
  const { settlement, ledger, wallets, party, earn } = await begin();
  const [alice, bob, nobody] = [party(), party(), party()];
  wallets.set(alice, ALICE).set(bob, BOB);
  await earn(alice, 3n * OPEN);
  await earn(bob, 2n * OPEN);
  await earn(nobody, OPEN);
  expect((await closeOpenEpoch(settlement)).state).toBe('closing');
  const publication = await settlement.publishEpoch(checkpoint(9));
  expect(publication).toMatchObject({
    kind: 'published',
    epoch: { number: 1n, state: 'published' },
  });
  expect(await ledger.balance(`${alice}:exported`)).toBe(3n * OPEN);
  expect(await ledger.balance(`${nobody}:escrow`)).toBe(OPEN);
  await expect(settlement.claim(alice)).rejects.toMatchObject({ code: 'conflict' });
  expect(await settlement.claimable(alice)).toEqual([]);

  await local.pass(WINDOW);
  const [claimable] = await settlement.claimable(alice);
  expect(claimable).toMatchObject({
    account: ALICE,
    cumulative: 3n * OPEN,
    owed: 3n * OPEN,
    epoch: 1n,
  });
  const [paid] = await settlement.claim(alice);
  expect(paid).toMatchObject({ account: ALICE, amount: 3n * OPEN });
  expect(await ledger.balance(`${alice}:exported`)).toBe(0n);
  expect(await ledger.balance('external:chain')).toBe(-3n * OPEN);
  expect(await settlement.payouts(alice)).toMatchObject([{ amount: 3n * OPEN, paid: 3n * OPEN }]);
  await expect(settlement.claim(alice)).rejects.toThrow('Nothing can be claimed');
  expect(await settlement.solvency()).toMatchObject({ unclaimed: 2n * OPEN, isCovered: true });
});

test('an epoch that two close at once is closed once, and the next one stays open', async () => {
  const { settlement } = await begin();
  const closed = await Promise.all([settlement.closeEpoch(1n), settlement.closeEpoch(1n)]);
  expect(closed.map(({ state }) => state)).toEqual(['closing', 'closing']);
  expect((await settlement.epochs()).map(({ state }) => state)).toEqual(['open', 'closing']);
  await expect(settlement.closeEpoch(3n)).rejects.toMatchObject({ code: 'conflict' });
  expect((await settlement.openEpoch()).number).toBe(2n);
});

test('of two claims at once one is paid, and the other told that nothing is left', async () => {
  const { settlement, wallets, party, earn } = await begin();
  const alice = party();
  wallets.set(alice, ALICE);
  await earn(alice, 10n);
  await closeOpenEpoch(settlement);
  await settlement.publishEpoch(checkpoint(1));
  await local.pass(WINDOW);
  const claims = await Promise.allSettled([settlement.claim(alice), settlement.claim(alice)]);
  claims.sort((a, b) => a.status.localeCompare(b.status)); // either may be first
  expect(claims).toMatchObject([
    { status: 'fulfilled', value: [{ account: ALICE, amount: 10n }] },
    { status: 'rejected', reason: { code: 'conflict' } },
  ]);
});

test('whoever holds a party claims what it has earned to his wallet', async () => {
  const { settlement, wallets, party, earn } = await begin();
  const [held, holder] = [party(), party()];
  wallets.set(held, ALICE).set(holder, ALICE);
  await earn(held, 10n);
  await closeOpenEpoch(settlement);
  await settlement.publishEpoch(checkpoint(1));
  await local.pass(WINDOW);
  expect(await settlement.claim(holder)).toMatchObject([{ account: ALICE, amount: 10n }]);
});

test('a deposit that comes while solvency is measured does not deny it', async () => {
  const { settlement, options, ledger, party } = await begin();
  let disturbed = false;
  const measuring = await createSettlement({
    ...options,
    ledger: {
      ...ledger,
      balances: async (filter) => {
        if (!disturbed) {
          disturbed = true;
          await settlement.faucet(party(), 5n);
        }
        return ledger.balances(filter);
      },
    },
  });
  expect(await measuring.solvency()).toMatchObject({
    ...{ holdings: 5n, liabilities: 5n, isCovered: true },
  });
});

test('what was earned before a wallet was bound is paid after it', async () => {
  const { settlement, ledger, wallets, party, earn } = await begin();
  const late = party();
  await earn(late, OPEN);
  await closeOpenEpoch(settlement);
  expect(await settlement.publishEpoch(checkpoint(1))).toEqual({ kind: 'nothing_due' });
  expect(await ledger.balance(`${late}:escrow`)).toBe(OPEN);
  wallets.set(late, ALICE);
  await closeOpenEpoch(settlement);
  expect(await settlement.publishEpoch(checkpoint(1))).toMatchObject({ kind: 'published' });
  expect((await settlement.epochs()).map(({ state }) => state)).toEqual([
    'open',
    'published',
    'skipped',
  ]);
});

test('leaves accumulate over epochs, and parties that share a wallet share its leaf', async () => {
  const { settlement, ledger, wallets, party, earn } = await begin();
  const [a, b] = [party(), party()];
  wallets.set(a, ALICE).set(b, ALICE);
  await earn(a, 10n);
  await closeOpenEpoch(settlement);
  await settlement.publishEpoch(checkpoint(1));
  await earn(b, 5n);
  await closeOpenEpoch(settlement);
  const waiting = await settlement.publishEpoch(checkpoint(2));
  expect(waiting.kind).toBe('waiting');
  await local.pass(WINDOW);
  await settlement.publishEpoch(checkpoint(2));
  await local.pass(WINDOW);
  expect(await settlement.claimable(b)).toMatchObject([{ cumulative: 15n, owed: 15n }]);
  await settlement.claim(b);
  expect([await ledger.balance(`${a}:exported`), await ledger.balance(`${b}:exported`)]).toEqual([
    0n,
    0n,
  ]);
});

test('a wallet changed later is paid what comes later; the old one keeps what it had', async () => {
  const { settlement, wallets, party, earn } = await begin();
  const alice = party();
  wallets.set(alice, ALICE);
  await earn(alice, 10n);
  await closeOpenEpoch(settlement);
  await settlement.publishEpoch(checkpoint(1));
  await local.pass(WINDOW);
  wallets.set(alice, BOB);
  await earn(alice, 4n);
  await closeOpenEpoch(settlement);
  await settlement.publishEpoch(checkpoint(2));
  await local.pass(WINDOW);
  const paid = await settlement.claim(alice);
  expect(new Map(paid.map(({ account, amount }) => [account, amount]))).toEqual(
    new Map([
      [ALICE, 10n],
      [BOB, 4n],
    ]),
  );
});

test('a root revoked by the guardian gives back what it had taken, and the next one pays it', async () => {
  const { settlement, ledger, wallets, party, earn } = await begin();
  const alice = party();
  wallets.set(alice, ALICE);
  await earn(alice, 10n);
  await closeOpenEpoch(settlement);
  await settlement.publishEpoch(checkpoint(1));
  await local.chain.write(await local.keys.chainSigner('guardian'), {
    address: settlement.vault.address,
    abi: settlementAbi,
    functionName: 'revoke',
    args: [1n],
  });
  await settlement.sync();
  expect(await ledger.balance(`${alice}:payable`)).toBe(10n);
  expect((await settlement.epochs()).map(({ state }) => state)).toEqual(['open', 'revoked']);
  await closeOpenEpoch(settlement);
  await settlement.publishEpoch(checkpoint(2));
  await local.pass(WINDOW);
  expect(await settlement.claim(alice)).toMatchObject([{ amount: 10n }]);
});

test('nothing is published while the vault does not cover what the ledger owes', async () => {
  const { settlement, ledger, wallets, party, earn } = await begin();
  const alice = party();
  wallets.set(alice, ALICE);
  await earn(alice, 10n);
  await ledger.post({
    transactionId: transactionIdFor(new Date(), 'forged'),
    reason: 'forged',
    postings: [{ from: 'external:chain', to: `${party()}:available`, amount: 1n }],
  });
  await closeOpenEpoch(settlement);
  await expect(settlement.publishEpoch(checkpoint(1))).rejects.toMatchObject({
    code: 'unavailable',
    details: { holdings: '10', liabilities: '11' },
  });
  expect(await ledger.balance(`${alice}:payable`)).toBe(10n);
});

test('a publication cut off at any step is finished by the next call, once', async () => {
  const steps = ['post', 'write', 'untilFinal'] as const;
  for (const step of steps) {
    const { options, wallets, party, settlement, earn, ledger } = await begin();
    const alice = party();
    wallets.set(alice, ALICE);
    await earn(alice, 10n);
    await closeOpenEpoch(settlement);
    const broken = async () => {
      throw new Error('power cut');
    };
    const crashing = await createSettlement({
      ...options,
      ledger: {
        ...ledger,
        post: step === 'post' ? failAt('exported', ledger.post) : ledger.post,
      },
      chain: { ...options.chain, ...(step === 'post' ? {} : { [step]: broken }) },
    });
    await expect(crashing.publishEpoch(checkpoint(1))).rejects.toThrow('power cut');
    const recovered = await createSettlement(options);
    await recovered.publishEpoch(checkpoint(1));
    expect((await recovered.epochs()).map(({ state }) => state)).toEqual(['open', 'published']);
    expect(await ledger.balance(`${alice}:exported`)).toBe(10n);
    await local.pass(WINDOW);
    expect(await recovered.claim(alice)).toMatchObject([{ amount: 10n }]);
  }
});

const failAt =
  <Command extends { readonly reason: string }, Outcome>(
    reason: string,
    post: (command: Command) => Promise<Outcome>,
  ) =>
  async (command: Command): Promise<Outcome> => {
    if (command.reason === reason) throw new Error('power cut');
    return post(command);
  };

test('a deposit read by two processes at once, one of which dies between its steps, is credited once', async () => {
  const { options, party, ledger, settlement } = await begin();
  const payer = party();
  const dying = await createSettlement({
    ...options,
    ledger: { ...ledger, post: failAt('chain.deposited', ledger.post) },
  });
  await expect(dying.faucet(payer, 5n)).rejects.toThrow('power cut');
  expect(await ledger.balance(`${payer}:available`)).toBe(0n);
  const other = await createSettlement(options);
  await Promise.all([other.sync(), settlement.sync()]);
  expect(await ledger.balance(`${payer}:available`)).toBe(5n);
});

test('a root that the ledger did not make is reported, and no proof is given against it', async () => {
  const reported: string[] = [];
  const { options, party, wallets, earn, settlement } = await begin();
  const watching = await createSettlement({
    ...options,
    log: { ...silentLog, error: (event) => reported.push(event) },
  });
  const alice = party();
  wallets.set(alice, ALICE);
  await earn(alice, 5n);
  await local.chain.write(await local.keys.chainSigner('publisher'), {
    address: settlement.vault.address,
    abi: settlementAbi,
    functionName: 'publish',
    args: [1n, `0x${'ab'.repeat(32)}`, { treeSize: 1n, root: `0x${'01'.repeat(32)}` }],
  });
  await watching.sync();
  expect(reported).toEqual(['settlement.foreign_root']);
  await local.pass(WINDOW);
  await expect(watching.claim(alice)).rejects.toMatchObject({ code: 'unavailable' });
});

test('whatever happens in whatever order, the ledger and the chain agree', async () => {
  const { settlement, ledger, wallets, party, earn } = await begin();
  const parties = Array.from({ length: 6 }, party);
  const random = seeded(7);
  let paid = 0n;
  const claim = async (one: Id<'party'>) => {
    const claims = await settlement.claim(one).catch(expectConflict);
    for (const { amount } of claims) paid += amount;
  };
  const acts = [
    async () => earn(parties[random(6)], BigInt(1 + random(1_000))),
    async () =>
      wallets.set(parties[random(6)], `0x${(1 + random(4)).toString(16).padStart(40, '0')}`),
    async () => closeOpenEpoch(settlement),
    async () => settlement.publishEpoch(checkpoint(1)),
    async () => local.pass(WINDOW),
    async () => claim(parties[random(6)]),
  ];
  for (let step = 0; step < 120; step++) await acts[random(acts.length)]();
  for (let turn = 0; turn < 2; turn++) {
    await closeOpenEpoch(settlement);
    await local.pass(WINDOW);
    await settlement.publishEpoch(checkpoint(1));
    await local.pass(WINDOW);
  }
  for (const one of parties) await claim(one);
  const { holdings, liabilities, unclaimed, isCovered } = await settlement.solvency();
  expect({ isCovered, unclaimed }).toEqual({ isCovered: true, unclaimed: 0n });
  expect(holdings).toBe(liabilities);
  expect(paid).toBeGreaterThan(1_000n);
  const unbound = parties.filter((one) => !wallets.has(one));
  const escrow = await Promise.all(unbound.map((one) => ledger.balance(`${one}:escrow`)));
  expect(liabilities).toBe(escrow.reduce((sum, balance) => sum + balance, 0n));
});

function expectConflict(error: unknown): [] {
  expect(error).toMatchObject({ code: 'conflict' });
  return [];
}

/** A small linear congruential generator: the same walk at every run. */
function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor((state / 2 ** 31) * below);
  };
}

test('the same contracts are found again at the next start, and another chain is refused', async () => {
  const { settlement, options } = await begin();
  expect((await createSettlement(options)).vault).toEqual(settlement.vault);
  const stranger = await startTestChain();
  onTestFinished(() => stranger.end());
  await expect(createSettlement({ ...options, chain: stranger.chain })).rejects.toThrow(
    'The database belongs to chain',
  );
});

test('kill -9 of the chain loses nothing that was credited, and goes on', async () => {
  const own = await startTestChain();
  const { db, drop } = await createTestDatabase();
  const ledger = createLedger({ db, clock: systemClock, log: silentLog });
  await ledger.start();
  const options = {
    ...{ db, ledger, keys: own.keys, clock: systemClock, log: silentLog },
    ...{
      fees: { mature: async () => {} },
      identity: { walletsOf: async () => new Map<string, Address>() },
      datanets: { heirsOf: async () => new Map() },
      disputeSeconds: 0,
      rootWindowSeconds: 0,
    },
  };
  const settlement = await createSettlement({ ...options, chain: own.chain });
  const payer = newId('party', systemClock);
  await settlement.faucet(payer, 5n);
  const copy = join(own.folder, 'copy'); // the folder as a power cut would leave it
  await cp(join(own.folder, 'chain', 'state.json.gz'), join(copy, 'state.json.gz'));
  const chain = await openChain({ folder: copy, confirmations: 0, log: silentLog });
  const after = await createSettlement({ ...options, chain });
  expect(await after.solvency()).toMatchObject({ holdings: 5n, liabilities: 5n, isCovered: true });
  await after.faucet(payer, 2n);
  expect(await ledger.balance(`${payer}:available`)).toBe(7n);
  await chain.stop();
  await rm(copy, { recursive: true });
  await ledger.stop();
  await drop();
  await own.end();
});

test('on a chain of somebody else a deposit is credited when it is buried, and there is no faucet', async () => {
  const { options, party } = await begin();
  const { db, drop } = await createTestDatabase();
  onTestFinished(drop);
  const chain = await openChain({
    rpcUrl: local.chain.rpcUrl,
    folder: local.folder,
    confirmations: 2,
    log: silentLog,
  });
  const ledger = createLedger({ db, clock: systemClock, log: silentLog });
  await ledger.start();
  const opening = createSettlement({ ...options, db, ledger, chain });
  const time = setInterval(() => local.pass(1), 50);
  const settlement = await opening.finally(() => clearInterval(time));
  const payer = party();
  await expect(settlement.faucet(payer, 1n)).rejects.toMatchObject({ code: 'forbidden' });

  const { token, address, reference } = settlement.depositTarget(payer);
  const holder = await local.keys.chainSigner('deployer');
  await chain.write(holder, {
    address: token,
    abi: openTokenAbi,
    functionName: 'approve',
    args: [address, 9n],
  });
  await chain.write(holder, {
    address,
    abi: settlementAbi,
    functionName: 'deposit',
    args: [token, 9n, reference],
  });
  const credited: bigint[] = [];
  for (let block = 0; block < 3; block++) {
    await settlement.sync();
    credited.push(await ledger.balance(`${payer}:available`));
    await local.pass(1);
  }
  expect(credited).toEqual([0n, 0n, 9n]);
  await ledger.stop();
});

test('the faucet has limits', async () => {
  const { settlement, party } = await begin();
  for (const amount of [0n, -1n, 1_000_001n * OPEN]) {
    await expect(settlement.faucet(party(), amount)).rejects.toMatchObject({
      code: 'invalid_input',
    });
  }
});
