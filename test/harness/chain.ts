/** A local chain of its own for a test file, in a folder that goes with it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Chain, openChain } from '../../server/platform/chain.ts';
import { type Keys, openKeys } from '../../server/platform/keys.ts';
import { silentLog } from '../../server/platform/log.ts';

export type TestChain = {
  readonly chain: Chain;
  readonly keys: Keys;
  readonly folder: string;
  /** Lets time pass on the chain, and only there. */
  pass(seconds: number): Promise<void>;
  end(): Promise<void>;
};

export async function startTestChain(): Promise<TestChain> {
  const folder = await mkdtemp(join(tmpdir(), 'openledger-chain-'));
  const chain = await openChain({
    folder: join(folder, 'chain'),
    confirmations: 0,
    log: silentLog,
  });
  return {
    chain,
    folder,
    keys: await openKeys(join(folder, 'keys')),
    async pass(seconds) {
      await rpc(chain.rpcUrl, 'evm_increaseTime', [seconds]);
      await rpc(chain.rpcUrl, 'evm_mine', []);
    },
    async end() {
      await chain.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function rpc(url: string, method: string, params: readonly unknown[]): Promise<void> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
  });
  const { error } = (await response.json()) as { error?: { message: string } };
  if (error) throw new Error(error.message);
}
