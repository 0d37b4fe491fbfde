/** An EVM chain: the local one, kept by us, or any other by its RPC URL. One way to read it and one way to write. */
import { OpenLedgerError } from '@openledger/protocol';
import {
  type Abi,
  type Account,
  type Address,
  type Chain as ChainDefinition,
  type ContractFunctionArgs,
  type ContractFunctionName,
  createPublicClient,
  createWalletClient,
  defineChain,
  getAddress,
  type Hex,
  type HttpTransport,
  http,
  type LocalAccount,
  type PublicClient,
  type TransactionReceipt,
} from 'viem';
import { LOCAL_CHAIN_ID, startAnvil } from './anvil.ts';
import { sleep } from './clock.ts';
import type { Log } from './log.ts';

export type { Address, Hex, LocalAccount } from 'viem';

export type Chain = {
  readonly id: number;
  readonly rpcUrl: string;
  /** The embedded chain with its test units; what only it may do (a faucet) asks here. */
  readonly isLocal: boolean;
  readonly reader: PublicClient<HttpTransport, ChainDefinition>;
  /** The highest block whose contents can no longer be lost: stored on disk, or buried under the confirmations. */
  finalBlock(): Promise<bigint>;
  /** Returns when the block is final. */
  untilFinal(block: bigint): Promise<void>;
  /** Calls a contract and waits for its receipt. One at a time per signer. @throws viem's error with the revert's name */
  write<A extends Abi, F extends ContractFunctionName<A, 'nonpayable' | 'payable'>>(
    signer: LocalAccount,
    call: {
      readonly address: Address;
      readonly abi: A;
      readonly functionName: F;
      readonly args: ContractFunctionArgs<A, 'nonpayable' | 'payable', F>;
    },
  ): Promise<TransactionReceipt>;
  /** Creates a contract. @param data creation bytecode with its encoded arguments */
  deploy(signer: LocalAccount, data: Hex): Promise<Address>;
  /** Gives the signer gas on the local chain, where gas is free; elsewhere its holder must have seen to it. */
  fund(signer: LocalAccount): Promise<void>;
  stop(): Promise<void>;
};

export type ChainOptions = {
  /** Any EVM chain; where absent, the local chain starts in `folder`. */
  readonly rpcUrl?: string;
  readonly folder: string;
  /** Blocks on top of one that make it final; on the local chain storing does. */
  readonly confirmations: number;
  readonly log: Log;
  /** One at a time among all processes that share our signers; absent: there are no others. */
  readonly exclusively?: <T>(name: string, work: () => Promise<T>) => Promise<T>;
};

export async function openChain({
  rpcUrl,
  folder,
  confirmations,
  log,
  exclusively = (_, work) => work(),
}: ChainOptions): Promise<Chain> {
  const anvil = rpcUrl ? undefined : await startAnvil(folder, log);
  const url = rpcUrl ?? anvil!.url;
  const id = await createPublicClient({ transport: http(url) })
    .getChainId()
    .catch((cause) => {
      throw new OpenLedgerError(
        'unavailable',
        'The chain does not answer; is CHAIN_RPC_URL right?',
        {},
        { cause },
      );
    });
  const definition = defineChain({
    id,
    name: anvil ? 'local' : `eip155:${id}`,
    nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
    rpcUrls: { default: { http: [url] } },
  });
  const common = {
    chain: definition,
    transport: http(url),
    pollingInterval: anvil ? 20 : 2_000,
    cacheTime: 0,
  };
  const reader = createPublicClient(common);
  const sender = (account: Account) => createWalletClient({ ...common, account });
  const turn = turns();
  const inTurn = <T>(signer: Address, work: () => Promise<T>): Promise<T> =>
    turn(signer, () => exclusively(`signer:${signer}`, work));

  const received = async (hash: Hex): Promise<TransactionReceipt> => {
    const receipt = await reader.waitForTransactionReceipt({ hash });
    if (receipt.status !== 'success') throw new Error(`Transaction ${hash} was reverted.`);
    return receipt;
  };

  const finalBlock = async () => {
    if (anvil) return anvil.store();
    const head = (await reader.getBlockNumber()) - BigInt(confirmations);
    return head > 0n ? head : 0n;
  };

  return {
    id,
    rpcUrl: url,
    isLocal: anvil !== undefined && id === LOCAL_CHAIN_ID,
    reader,
    finalBlock,
    async untilFinal(block) {
      while ((await finalBlock()) < block) await sleep(common.pollingInterval);
    },
    write: (signer, call) =>
      inTurn(signer.address, async () => {
        // The call's types were checked against its ABI at this function's own border.
        const request = call as {
          address: Address;
          abi: Abi;
          functionName: string;
          args: readonly unknown[];
        };
        return received(await sender(signer).writeContract(request));
      }),
    deploy: (signer, data) =>
      inTurn(signer.address, async () => {
        const { contractAddress } = await received(await sender(signer).sendTransaction({ data }));
        if (!contractAddress) throw new Error('The transaction created no contract.');
        return getAddress(contractAddress);
      }),
    async fund(signer) {
      if (!anvil || (await reader.getBalance({ address: signer.address })) > GAS_ALLOWANCE / 2n)
        return;
      const [rich] = await createWalletClient(common).getAddresses();
      await received(
        await sender({ type: 'json-rpc', address: rich }).sendTransaction({
          to: signer.address,
          value: GAS_ALLOWANCE,
        }),
      );
    },
    stop: async () => anvil?.stop(),
  };
}

/** 100 ETH of a local chain: more gas than it will ever use. */
const GAS_ALLOWANCE = 100n * 10n ** 18n;

/** Runs work under the same name one after the other: two transactions of one signer must not take the same nonce. */
function turns(): <T>(name: string, work: () => Promise<T>) => Promise<T> {
  const last = new Map<string, Promise<unknown>>();
  return (name, work) => {
    const mine = (last.get(name) ?? Promise.resolve()).then(work, work);
    last.set(
      name,
      mine.catch(() => {}),
    );
    return mine;
  };
}
