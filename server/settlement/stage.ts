/** What the files of this stage share: their outside handles, the vault, and the windows. */
import type { EntitlementVector, Id } from '@openledger/protocol';
import type { Fees } from '../fees/index.ts';
import type { Ledger } from '../ledger/index.ts';
import type { Address, Chain, LocalAccount } from '../platform/chain.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db.ts';
import type { Log } from '../platform/log.ts';

export type PartyId = Id<'party'>;

/** The contracts that this ledger settles through. */
export type Vault = {
  readonly chainId: number;
  readonly token: Address;
  readonly address: Address;
};

/** Accounts on the chain, each with one duty. */
export type Signers = {
  readonly deployer: LocalAccount;
  readonly publisher: LocalAccount;
  readonly guardian: LocalAccount;
  readonly relayer: LocalAccount;
  readonly faucet: LocalAccount;
};

export type Stage = {
  readonly db: Db;
  readonly ledger: Pick<Ledger, 'post' | 'balances'>;
  /** Credits what an epoch still owes, and takes from its pending accounts no more. */
  readonly fees: Pick<Fees, 'mature'>;
  /** Wallets of those parties that have one. */
  readonly walletsOf: (parties: readonly PartyId[]) => Promise<ReadonlyMap<string, Address>>;
  /** Who gets what waited with a party for a decision that has been made since. */
  readonly heirsOf: (
    parties: readonly PartyId[],
  ) => Promise<ReadonlyMap<string, EntitlementVector>>;
  readonly chain: Chain;
  readonly vault: Vault;
  readonly signers: Signers;
  readonly clock: Clock;
  readonly log: Log;
  /** How long a closed epoch's credits stay pending. */
  readonly disputeSeconds: number;
  /** Reads the vault's events up to the chain's last final block into the ledger. */
  readonly sync: () => Promise<void>;
};
