/** Every entry point of the vault and every reason for which it refuses, on a real EVM. */
import {
  type Address,
  encodeAbiParameters,
  encodeDeployData,
  type Hex,
  keccak256,
  type LocalAccount,
  maxUint256,
  parseSignature,
  toHex,
} from 'viem';
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestChain, type TestChain } from '../test/harness/chain.ts';
import { openTokenAbi, openTokenBytecode, settlementAbi, settlementBytecode } from './index.ts';

/** With the token's errors, which pass through the vault. */
const vaultAbi = [
  ...settlementAbi,
  ...openTokenAbi.filter((item) => item.type === 'error'),
] as const;

const WINDOW = 100;
const CAP = 1_000n;
const PARTY = keccak256('0x01');
const checkpoint = (treeSize: number, root: Hex = keccak256(toHex(treeSize))) => ({
  treeSize: BigInt(treeSize),
  root,
});

let local: TestChain;
let admin: LocalAccount;
let publisher: LocalAccount;
let guardian: LocalAccount;
let payer: LocalAccount;

beforeAll(async () => {
  local = await startTestChain();
  const roles = ['deployer', 'publisher', 'guardian', 'relayer'];
  [admin, publisher, guardian, payer] = await Promise.all(
    roles.map((role) => local.keys.chainSigner(role)),
  );
  for (const signer of [admin, publisher, guardian, payer]) await local.chain.fund(signer);
});
afterAll(() => local.end());

/** A fresh token, all of it the payer's, and a fresh vault that already holds 10,000 units. */
async function deploy() {
  const { chain } = local;
  const token = await chain.deploy(
    admin,
    encodeDeployData({
      abi: openTokenAbi,
      bytecode: openTokenBytecode,
      args: [payer.address, 1_000_000n],
    }),
  );
  const args = [admin.address, publisher.address, guardian.address, BigInt(WINDOW)] as const;
  const address = await chain.deploy(
    admin,
    encodeDeployData({ abi: settlementAbi, bytecode: settlementBytecode, args }),
  );
  const vault = { address, abi: vaultAbi } as const;
  const erc20 = { address: token, abi: openTokenAbi } as const;
  await chain.write(admin, { ...vault, functionName: 'setToken', args: [token, true, CAP] });
  await chain.write(payer, { ...erc20, functionName: 'approve', args: [address, maxUint256] });
  await chain.write(payer, { ...vault, functionName: 'deposit', args: [token, 10_000n, PARTY] });
  const publish = (epoch: bigint, root: Hex, size = Number(epoch)) =>
    chain.write(publisher, {
      ...vault,
      functionName: 'publish',
      args: [epoch, root, checkpoint(size)],
    });
  const claim = (account: Address, cumulative: bigint, proof: readonly Hex[] = [], of = token) =>
    chain.write(payer, { ...vault, functionName: 'claim', args: [account, of, cumulative, proof] });
  const balance = (owner: Address) =>
    chain.reader.readContract({ ...erc20, functionName: 'balanceOf', args: [owner] });
  return { vault, erc20, token, publish, claim, balance, write: chain.write, reader: chain.reader };
}

/** OpenZeppelin's leaf, the slow and obvious way. */
const leafOf = (account: Address, token: Address, cumulative: bigint): Hex =>
  keccak256(
    keccak256(
      encodeAbiParameters(
        [{ type: 'address' }, { type: 'address' }, { type: 'uint256' }],
        [account, token, cumulative],
      ),
    ),
  );

const pairOf = (a: Hex, b: Hex): Hex =>
  keccak256(
    BigInt(a) < BigInt(b) ? `0x${a.slice(2)}${b.slice(2)}` : `0x${b.slice(2)}${a.slice(2)}`,
  );

const ALICE: Address = '0x00000000000000000000000000000000000000a1';
const BOB: Address = '0x00000000000000000000000000000000000000b2';

test('a deposit credits the party it names with what arrived', async () => {
  const { vault, token, reader } = await deploy();
  const [event] = await reader.getContractEvents({
    ...vault,
    eventName: 'Deposited',
    fromBlock: 0n,
    strict: true,
  });
  expect(event.args).toEqual({ token, party: PARTY, from: payer.address, amount: 10_000n });
});

test('a deposit is refused for a token not allowed, for no party, and when nothing arrives', async () => {
  const { vault, token, write } = await deploy();
  const deposit = (of: Address, amount: bigint, party: Hex) =>
    write(payer, { ...vault, functionName: 'deposit', args: [of, amount, party] });
  await expect(deposit(ALICE, 1n, PARTY)).rejects.toThrow('TokenNotAllowed');
  await expect(deposit(token, 1n, toHex(0, { size: 32 }))).rejects.toThrow('PartyMissing');
  await expect(deposit(token, 0n, PARTY)).rejects.toThrow('NothingReceived');
  await expect(deposit(token, 10_000_000n, PARTY)).rejects.toThrow('ERC20InsufficientBalance');
});

test('a signed payment can be brought by anyone, once, and for no other party', async () => {
  const { vault, token, erc20, write, reader } = await deploy();
  const signer = privateKeyToAccount(generatePrivateKey()); // has no gas
  await write(payer, { ...erc20, functionName: 'transfer', args: [signer.address, 50n] });
  const salt = keccak256('0x05');
  const bytes32 = { type: 'bytes32' } as const;
  const nonce = keccak256(encodeAbiParameters([bytes32, bytes32], [PARTY, salt]));
  const message = {
    from: signer.address,
    to: vault.address,
    value: 50n,
    validAfter: 0n,
    validBefore: 2n ** 40n,
    nonce,
  };
  const signature = parseSignature(
    await signer.signTypedData({
      domain: {
        name: 'OpenLedger',
        version: '1',
        chainId: local.chain.id,
        verifyingContract: token,
      },
      primaryType: 'ReceiveWithAuthorization',
      types: {
        ReceiveWithAuthorization: [
          { name: 'from', type: 'address' },
          { name: 'to', type: 'address' },
          { name: 'value', type: 'uint256' },
          { name: 'validAfter', type: 'uint256' },
          { name: 'validBefore', type: 'uint256' },
          { name: 'nonce', type: 'bytes32' },
        ],
      },
      message,
    }),
  );
  const { from, value: amount, validAfter, validBefore } = message;
  const { r, s, yParity } = signature;
  const authorization = {
    token,
    from,
    amount,
    validAfter,
    validBefore,
    salt,
    v: 27 + yParity,
    r,
    s,
  };
  const bring = (party: Hex) =>
    write(payer, {
      ...vault,
      functionName: 'depositWithAuthorization',
      args: [authorization, party],
    });
  await expect(bring(keccak256('0x02'))).rejects.toThrow('ERC3009InvalidSignature');
  const { blockNumber } = await bring(PARTY);
  const [event] = await reader.getContractEvents({
    ...vault,
    eventName: 'Deposited',
    fromBlock: blockNumber,
    strict: true,
  });
  expect(event.args).toEqual({ token, party: PARTY, from: signer.address, amount: 50n });
  await expect(bring(PARTY)).rejects.toThrow('ERC3009UsedAuthorization');
});

test('a root pays only after its window, each leaf once, whoever brings it', async () => {
  const { token, publish, claim, balance, vault, reader } = await deploy();
  const [a, b] = [leafOf(ALICE, token, 30n), leafOf(BOB, token, 12n)];
  await publish(1n, pairOf(a, b));
  await expect(claim(ALICE, 30n, [b])).rejects.toThrow('InvalidProof');
  await local.pass(WINDOW);
  await claim(ALICE, 30n, [b]);
  expect(await balance(ALICE)).toBe(30n);
  await expect(claim(ALICE, 30n, [b])).rejects.toThrow('NothingToClaim');
  await expect(claim(ALICE, 31n, [b])).rejects.toThrow('InvalidProof');
  await expect(claim(BOB, 30n, [b])).rejects.toThrow('InvalidProof');
  const args = [ALICE, token] as const;
  expect(await reader.readContract({ ...vault, functionName: 'claimed', args })).toBe(30n);
});

test('a later root pays the difference, and the root before it still pays', async () => {
  const { token, publish, claim, balance } = await deploy();
  const early = [leafOf(ALICE, token, 5n), leafOf(BOB, token, 7n)];
  await publish(1n, pairOf(early[0], early[1]));
  await local.pass(WINDOW);
  await claim(ALICE, 5n, [early[1]]);
  await publish(4n, leafOf(ALICE, token, 9n)); // epochs 2 and 3 needed no root; a tree of one leaf is its own root
  await local.pass(WINDOW);
  await claim(BOB, 7n, [early[0]]); // a claim that was in flight when the root changed
  await claim(ALICE, 9n);
  expect([await balance(ALICE), await balance(BOB)]).toEqual([9n, 7n]);
  await publish(5n, leafOf(BOB, token, 8n));
  await local.pass(WINDOW);
  await expect(claim(BOB, 7n, [early[0]])).rejects.toThrow('InvalidProof'); // two roots ago
});

test('claimMany pays those with something to receive and passes over the rest', async () => {
  const { token, vault, publish, claim, balance, write } = await deploy();
  const [a, b] = [leafOf(ALICE, token, 3n), leafOf(BOB, token, 4n)];
  await publish(1n, pairOf(a, b));
  await local.pass(WINDOW);
  await claim(ALICE, 3n, [b]);
  const claims = [
    { account: ALICE, token, cumulative: 3n, proof: [b] },
    { account: BOB, token, cumulative: 4n, proof: [a] },
  ];
  await write(payer, { ...vault, functionName: 'claimMany', args: [claims] });
  expect([await balance(ALICE), await balance(BOB)]).toEqual([3n, 4n]);
  const wrong = [{ ...claims[0], proof: [a] }];
  await expect(
    write(payer, { ...vault, functionName: 'claimMany', args: [wrong] }),
  ).rejects.toThrow('InvalidProof');
});

test('no more than the cap leaves in an epoch; the rest follows in the next', async () => {
  const { token, publish, claim, balance, vault, reader } = await deploy();
  const leaf = leafOf(ALICE, token, CAP + 5n);
  const left = () => reader.readContract({ ...vault, functionName: 'outflowLeft', args: [token] });
  await publish(1n, leaf);
  await local.pass(WINDOW);
  await claim(ALICE, CAP + 5n);
  expect([await balance(ALICE), await left()]).toEqual([CAP, 0n]);
  await expect(claim(ALICE, CAP + 5n)).rejects.toThrow('OutflowCapReached');
  await publish(2n, leaf);
  await local.pass(WINDOW);
  await claim(ALICE, CAP + 5n);
  expect([await balance(ALICE), await left()]).toEqual([CAP + 5n, CAP - 5n]);
});

test('a token taken off the list takes no deposits and still pays what is owed', async () => {
  const { token, vault, publish, claim, balance, write } = await deploy();
  await publish(1n, leafOf(ALICE, token, 2n));
  await local.pass(WINDOW);
  await write(admin, { ...vault, functionName: 'setToken', args: [token, false, CAP] });
  await expect(
    write(payer, { ...vault, functionName: 'deposit', args: [token, 1n, PARTY] }),
  ).rejects.toThrow('TokenNotAllowed');
  await claim(ALICE, 2n);
  expect(await balance(ALICE)).toBe(2n);
});

test('publishing needs a root, a new epoch, no other root in its window, and a checkpoint that only grows', async () => {
  const { publish, vault, write, reader } = await deploy();
  const root = keccak256('0x07');
  const none = toHex(0, { size: 32 });
  await expect(publish(1n, none)).rejects.toThrow('RootMissing');
  await expect(publish(0n, root)).rejects.toThrow('EpochNotNew');
  await publish(2n, root, 20);
  await expect(publish(3n, root, 20)).rejects.toThrow('WindowOpen');
  await local.pass(WINDOW);
  await expect(publish(2n, root, 20)).rejects.toThrow('EpochNotNew');
  await expect(publish(3n, root, 19)).rejects.toThrow('CheckpointShrank');
  const forked = {
    ...vault,
    functionName: 'publish',
    args: [3n, root, checkpoint(20, root)],
  } as const;
  await expect(write(publisher, forked)).rejects.toThrow('CheckpointForked');
  const empty = {
    ...vault,
    functionName: 'publish',
    args: [3n, root, checkpoint(21, none)],
  } as const;
  await expect(write(publisher, empty)).rejects.toThrow('CheckpointMissing');
  await publish(3n, root, 21);
  const args = [3n] as const;
  expect(await reader.readContract({ ...vault, functionName: 'checkpointOf', args })).toEqual(
    checkpoint(21),
  );
});

test('a checkpoint can be anchored between roots', async () => {
  const { vault, write, reader } = await deploy();
  await write(publisher, { ...vault, functionName: 'anchor', args: [checkpoint(3)] });
  expect(await reader.readContract({ ...vault, functionName: 'checkpoint' })).toEqual(
    checkpoint(3),
  );
  await expect(
    write(publisher, { ...vault, functionName: 'anchor', args: [checkpoint(2)] }),
  ).rejects.toThrow('CheckpointShrank');
});

test('the guardian can revoke a root inside its window only, and the epoch can be published again', async () => {
  const { token, publish, claim, vault, write, balance } = await deploy();
  const revoke = (epoch: bigint) =>
    write(guardian, { ...vault, functionName: 'revoke', args: [epoch] });
  await publish(1n, leafOf(BOB, token, 999n));
  await expect(revoke(2n)).rejects.toThrow('NotPending');
  await revoke(1n);
  await local.pass(WINDOW);
  await expect(claim(BOB, 999n)).rejects.toThrow('InvalidProof');
  await publish(1n, leafOf(BOB, token, 9n));
  await local.pass(WINDOW);
  await expect(revoke(1n)).rejects.toThrow('NotPending');
  await claim(BOB, 9n);
  expect(await balance(BOB)).toBe(9n);
});

test('each key has one duty', async () => {
  const { vault, token, write } = await deploy();
  const refused = 'AccessControlUnauthorizedAccount';
  const root = keccak256('0x07');
  for (const stranger of [payer, guardian, admin]) {
    await expect(
      write(stranger, { ...vault, functionName: 'publish', args: [1n, root, checkpoint(1)] }),
    ).rejects.toThrow(refused);
    await expect(
      write(stranger, { ...vault, functionName: 'anchor', args: [checkpoint(1)] }),
    ).rejects.toThrow(refused);
  }
  for (const stranger of [payer, publisher, admin]) {
    await expect(write(stranger, { ...vault, functionName: 'revoke', args: [1n] })).rejects.toThrow(
      refused,
    );
  }
  for (const stranger of [payer, publisher, guardian]) {
    await expect(
      write(stranger, { ...vault, functionName: 'setToken', args: [token, true, 1n] }),
    ).rejects.toThrow(refused);
    await expect(
      write(stranger, { ...vault, functionName: 'setDisputeWindow', args: [1n] }),
    ).rejects.toThrow(refused);
  }
});

test('the window has a longest length', async () => {
  const { vault, write, reader } = await deploy();
  const set = (window: bigint) =>
    write(admin, { ...vault, functionName: 'setDisputeWindow', args: [window] });
  const longest = await reader.readContract({ ...vault, functionName: 'LONGEST_WINDOW' });
  await expect(set(longest + 1n)).rejects.toThrow('WindowTooLong');
  await set(longest);
  expect(await reader.readContract({ ...vault, functionName: 'disputeWindow' })).toBe(longest);
});

test('the whole supply is minted once, and approvals can be signed', async () => {
  const { erc20, reader, write } = await deploy();
  expect(await reader.readContract({ ...erc20, functionName: 'totalSupply' })).toBe(1_000_000n);
  expect(await reader.readContract({ ...erc20, functionName: 'decimals' })).toBe(18);
  const deadline = 2n ** 40n;
  const { r, s, yParity } = parseSignature(
    await payer.signTypedData({
      domain: {
        name: 'OpenLedger',
        version: '1',
        chainId: local.chain.id,
        verifyingContract: erc20.address,
      },
      primaryType: 'Permit',
      types: {
        Permit: [
          { name: 'owner', type: 'address' },
          { name: 'spender', type: 'address' },
          { name: 'value', type: 'uint256' },
          { name: 'nonce', type: 'uint256' },
          { name: 'deadline', type: 'uint256' },
        ],
      },
      message: { owner: payer.address, spender: BOB, value: 5n, nonce: 0n, deadline },
    }),
  );
  const args = [payer.address, BOB, 5n, deadline, 27 + yParity, r, s] as const;
  await write(admin, { ...erc20, functionName: 'permit', args });
  const pair = [payer.address, BOB] as const;
  expect(await reader.readContract({ ...erc20, functionName: 'allowance', args: pair })).toBe(5n);
});
