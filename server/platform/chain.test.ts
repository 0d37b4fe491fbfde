import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { chmod, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openTokenAbi, openTokenBytecode } from '@openledger/contracts';
import { createWalletClient, encodeDeployData, http } from 'viem';
import { expect, onTestFinished, test } from 'vitest';
import { startAnvil } from './anvil.ts';
import { type Address, type Chain, openChain } from './chain.ts';
import { sleep } from './clock.ts';
import { openKeys } from './keys.ts';
import { silentLog } from './log.ts';

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'openledger-chain-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Sends 7 wei from anvil's own account and waits for its block. */
async function give(chain: Chain, to: Address): Promise<void> {
  const wallet = createWalletClient({ chain: chain.reader.chain, transport: http(chain.rpcUrl) });
  const [account] = await wallet.getAddresses();
  const hash = await wallet.sendTransaction({ account, to, value: 7n });
  await chain.reader.waitForTransactionReceipt({ hash });
}

const open = (folder: string) =>
  openChain({ folder: join(folder, 'chain'), confirmations: 0, log: silentLog });

test('what was stored survives kill -9 of anvil, which restarts by itself; what was not stored is gone', async () => {
  const folder = await temporaryFolder();
  const keys = await openKeys(join(folder, 'keys'));
  const anvil = await startAnvil(join(folder, 'chain'), silentLog);
  onTestFinished(() => anvil.stop());
  const chain = await openChain({ rpcUrl: anvil.url, folder, confirmations: 0, log: silentLog });
  const [kept, lost] = [await keys.chainSigner('faucet'), await keys.chainSigner('relayer')];
  await give(chain, kept.address);
  const block = await anvil.store();
  await give(chain, lost.address);
  const before = anvil.pid();
  process.kill(before, 'SIGKILL');
  while (anvil.pid() === before || !(await chain.reader.getBlockNumber().catch(() => 0n)))
    await sleep(20);
  expect(await chain.reader.getBlockNumber()).toBe(block);
  expect(await chain.reader.getBalance({ address: kept.address })).toBe(7n);
  expect(await chain.reader.getBalance({ address: lost.address })).toBe(0n);
});

test('a stopped chain goes on where it was, events included', async () => {
  const folder = await temporaryFolder();
  const keys = await openKeys(join(folder, 'keys'));
  const deployer = await keys.chainSigner('deployer');
  const first = await open(folder);
  await first.fund(deployer);
  const data = encodeDeployData({
    abi: openTokenAbi,
    bytecode: openTokenBytecode,
    args: [deployer.address, 5n],
  });
  const token = await first.deploy(deployer, data);
  const genesis = (await first.reader.getBlock({ blockNumber: 0n })).hash;
  const head = (await first.reader.getBlock()).hash;
  await first.stop();

  const second = await open(folder);
  onTestFinished(() => second.stop());
  expect(second.isLocal).toBe(true);
  expect((await second.reader.getBlock()).hash).toBe(head);
  expect((await second.reader.getBlock({ blockNumber: 0n })).hash).toBe(genesis);
  const call = { address: token, abi: openTokenAbi } as const;
  expect(await second.reader.readContract({ ...call, functionName: 'totalSupply' })).toBe(5n);
  const minted = await second.reader.getContractEvents({
    ...call,
    eventName: 'Transfer',
    fromBlock: 0n,
    strict: true,
  });
  expect(minted.map(({ args }) => args.value)).toEqual([5n]);
  await second.write(deployer, { ...call, functionName: 'transfer', args: [token, 2n] });
  await expect(
    second.write(deployer, { ...call, functionName: 'transfer', args: [token, 4n] }),
  ).rejects.toThrow('ERC20InsufficientBalance');
});

test('a chain that is stopped again and again keeps the block that it began with', async () => {
  const folder = await temporaryFolder();
  const beginnings: string[] = [];
  for (let start = 0; start < 4; start++) {
    const chain = await open(folder);
    beginnings.push((await chain.reader.getBlock({ blockNumber: 0n })).hash);
    await chain.stop();
    await sleep(1000); // anvil's first blocks differ by the second they were made in
  }
  expect(new Set(beginnings).size).toBe(1);
});

test('one folder has one chain: a second start is refused while the first lives', async () => {
  const folder = await temporaryFolder();
  const anvil = await startAnvil(folder, silentLog);
  onTestFinished(() => anvil.stop());
  await expect(startAnvil(folder, silentLog)).rejects.toThrow('in use by process');
});

test('the anvil of a process killed with -9 is ended by the next start, which finds what was stored', async () => {
  const folder = await temporaryFolder();
  const program = `
    import { startAnvil } from ${JSON.stringify(new URL('anvil.ts', import.meta.url).href)};
    const quiet = () => {};
    const anvil = await startAnvil(${JSON.stringify(folder)}, { info: quiet, warn: quiet, error: quiet });
    await anvil.store();
    console.log(anvil.pid());
    setInterval(() => {}, 1000);`;
  const node = ['--import', 'tsx', '--conditions=openledger', '--input-type=module', '-e', program];
  const owner = spawn(process.execPath, node, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await once(owner.stdout, 'data');
  const orphan = Number(line.toString());
  owner.kill('SIGKILL');
  await once(owner, 'exit');
  expect(isRunning(orphan)).toBe(true);
  const anvil = await startAnvil(folder, silentLog);
  onTestFinished(() => anvil.stop());
  while (isRunning(orphan)) await sleep(10);
  expect(await anvil.store()).toBe(0n);
});

function isRunning(pid: number): boolean {
  try {
    // A process that has ended but was not waited for still takes signals: ask for its state.
    return !/^State:\s*Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

test('keys are made once, differ by role, and are refused when others could read them', async () => {
  const folder = await temporaryFolder();
  const [a, b] = await Promise.all([openKeys(folder), openKeys(folder)]);
  const [one, same] = await Promise.all([a.chainSigner('publisher'), b.chainSigner('publisher')]);
  expect(same.address).toBe(one.address);
  expect((await a.chainSigner('guardian')).address).not.toBe(one.address);
  const path = join(folder, 'chain-publisher.key');
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(await readFile(path, 'utf8')).toMatch(/^[0-9a-f]{64}\n$/);
  await chmod(path, 0o644);
  await expect(a.chainSigner('publisher')).rejects.toThrow('can be read by others');
});
