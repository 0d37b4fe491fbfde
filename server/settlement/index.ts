/**
 * Settlement: money enters and leaves the ledger through a vault on a chain.
 *
 * Promises
 * - A deposit credits `<party>:available` exactly once, and only when the chain can no longer lose it.
 * - An epoch closes; its credits stay `pending:<epoch>` for the dispute window, then become `payable`, or `escrow` for
 *   a party that has no wallet yet. Once it has one, its escrow is released when the next epoch matures.
 * - A publication fixes what is payable in leaves of cumulative amounts (`payable` -> `exported`), anchors the log's
 *   checkpoint and puts the root on chain. It is refused unless the vault covers all that the ledger owes to anybody.
 * - A claim seen on chain posts `exported` -> `external:chain`; a revoked root posts `exported` -> `payable`.
 * - Every step can be repeated after a crash at any point, and then does nothing twice.
 *
 * Does not promise
 * - To notice on chain what a wrong ledger says: the contract trusts its publisher within the window and the cap.
 * - Withdrawal of deposits; other assets than OPEN.
 *
 * Invariants: a leaf never falls. Leaves are sums of rows that never change, so a root can be computed again. The sum of
 * all `exported` accounts is what the published leaves still owe.
 *
 * Tables: settlement.vault, .epochs, .payouts, .events.
 */
import type { Datanets } from '../datanets/index.ts';
import type { Identity } from '../identity/index.ts';
import type { Chain } from '../platform/chain.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db.ts';
import { exclusively } from '../platform/exclusively.ts';
import type { Keys } from '../platform/keys.ts';
import type { Log } from '../platform/log.ts';
import {
  type Claimable,
  findClaimable,
  listPayouts,
  type PaidClaim,
  type PartyPayout,
  relayClaim,
} from './claims.ts';
import { closeEpoch, type Epoch, type LogCheckpoint, listEpochs, openEpoch } from './epochs.ts';
import { dripFaucet } from './faucet.ts';
import { openVault, type VaultOptions } from './open-vault.ts';
import { partyReference } from './party-reference.ts';
import { type Publication, publishEpoch } from './publish-epoch.ts';
import { readEvents } from './read-events.ts';
import { measureSolvency, type Solvency } from './solvency.ts';
import type { PartyId, Signers, Stage, Vault } from './stage.ts';
import { type SettlementSummary, summarizePayouts } from './summary.ts';

export type { Claimable, PaidClaim, PartyPayout } from './claims.ts';
export type { Epoch, LogCheckpoint } from './epochs.ts';
export type { Payout } from './payouts.ts';
export type { Publication } from './publish-epoch.ts';
export type { Solvency } from './solvency.ts';
export type { PartyId, Vault } from './stage.ts';

export type SettlementOptions = {
  readonly db: Db;
  readonly ledger: Stage['ledger'];
  readonly fees: Stage['fees'];
  readonly identity: Pick<Identity, 'walletsOf'>;
  readonly datanets: Pick<Datanets, 'heirsOf'>;
  readonly chain: Chain;
  readonly keys: Keys;
  readonly clock: Clock;
  readonly log: Log;
  /** How long a closed epoch's credits stay pending. */
  readonly disputeSeconds: number;
  /** How long a published root can be revoked before it pays. */
  readonly rootWindowSeconds: number;
  /** Contracts deployed before, for a chain that has them; absent: deployed at first start. */
  readonly deployed?: VaultOptions['deployed'];
};

export type Settlement = {
  readonly vault: Vault;
  /** Where and how to deposit for a party from any wallet: approve the token, then `deposit(token, amount, reference)`. */
  depositTarget(party: PartyId): Vault & { readonly reference: `0x${string}` };
  /** Test units from the local chain's faucet, credited when it returns. */
  faucet(party: PartyId, amount: bigint): Promise<{ transactionHash: `0x${string}` }>;
  /** Reads the vault's events into the ledger, up to the last final block. Call it every second or so. */
  sync(): Promise<void>;
  /** The epoch that credits are earned in now. */
  openEpoch(): Promise<Epoch>;
  /** Ends an epoch and begins the next. Repeatable. @throws conflict when it has not begun */
  closeEpoch(number: bigint): Promise<Epoch>;
  publishEpoch(checkpoint: LogCheckpoint): Promise<Publication>;
  /** Newest first. */
  epochs(limit?: number): Promise<readonly Epoch[]>;
  claimable(party: PartyId): Promise<readonly Claimable[]>;
  claim(party: PartyId): Promise<readonly PaidClaim[]>;
  payouts(party: PartyId, limit?: number): Promise<readonly PartyPayout[]>;
  solvency(): Promise<Solvency>;
  summary(): Promise<SettlementSummary>;
};

/** Opens the stage: finds or deploys the contracts, checks that they belong to this database, reads what it missed. */
export async function createSettlement(options: SettlementOptions): Promise<Settlement> {
  const { db, chain, keys, log } = options;
  const signers = await openSigners(keys);
  const vault = await exclusively(db, 'settlement.open', () => openVault({ ...options, signers }));
  const { walletsOf } = options.identity;
  const { heirsOf } = options.datanets;
  const handles = { ...options, signers, vault, walletsOf, heirsOf };
  const sync = inTurn(() => exclusively(db, 'settlement.sync', () => readEvents(handles)));
  const stage: Stage = { ...handles, sync };
  await sync();
  await openEpoch(stage);
  log.info('settlement.opened', { chainId: chain.id, vault: vault.address, token: vault.token });
  const publish = inTurn((checkpoint: LogCheckpoint) =>
    exclusively(db, 'settlement.publish', () => publishEpoch(stage, checkpoint)),
  );
  return {
    vault,
    sync,
    depositTarget: (party) => ({ ...vault, reference: partyReference(party) }),
    faucet: (party, amount) => dripFaucet(stage, party, amount),
    openEpoch: () => openEpoch(stage),
    closeEpoch: (number) => closeEpoch(stage, number),
    publishEpoch: publish,
    epochs: (limit) => listEpochs(db, {}, limit),
    claimable: (party) => findClaimable(stage, party),
    claim: (party) => relayClaim(stage, party),
    payouts: (party, limit) => listPayouts(stage, party, limit),
    solvency: () => measureSolvency(stage),
    summary: () => summarizePayouts(db),
  };
}

async function openSigners(keys: Keys): Promise<Signers> {
  const [deployer, publisher, guardian, relayer, faucet] = await Promise.all(
    ['deployer', 'publisher', 'guardian', 'relayer', 'faucet'].map((role) =>
      keys.chainSigner(role),
    ),
  );
  return { deployer, publisher, guardian, relayer, faucet };
}

/** One run at a time in this process, and so one connection that waits for the others; a call during another's run starts its own afterwards, and so sees all that came before it. */
function inTurn<Input extends readonly unknown[], Output>(
  work: (...input: Input) => Promise<Output>,
): (...input: Input) => Promise<Output> {
  let last: Promise<unknown> = Promise.resolve();
  return (...input) => {
    const run = () => work(...input);
    const mine = last.then(run, run);
    last = mine.catch(() => {});
    return mine;
  };
}
