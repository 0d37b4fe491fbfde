/** Wallets: bound to a party by a signature over a fresh challenge; a wallet that is replaced signs too. */
import { randomBytes } from 'node:crypto';
import { type Id, OpenLedgerError, parseAddress, recoverPersonal } from '@openledger/protocol';
import type { Clock } from '../platform/clock.ts';
import type { Tx } from '../platform/db.ts';
import { newId } from '../platform/new-id.ts';
import { sql } from '../platform/sql.ts';
import { findParty, type Party } from './parties.ts';

const CHALLENGE_TTL_MS = 10 * 60_000;

export type Challenge = {
  readonly id: Id<'challenge'>;
  readonly message: string;
  readonly replaces: string | undefined;
  readonly expiresAt: Date;
};

/** @throws conflict where the wallet is bound already, or the party's earnings go to its holder */
export async function requestChallenge(
  tx: Tx,
  clock: Clock,
  { partyId, address: given }: { readonly partyId: Id<'party'>; readonly address: string },
): Promise<Challenge> {
  const address = parseAddress(given);
  const party = await findParty(tx, partyId);
  assertReceivesItself(party);
  if (party.wallet === address) {
    throw new OpenLedgerError('conflict', `${address} is already the wallet of ${partyId}.`);
  }
  const id = newId('challenge', clock);
  const expiresAt = new Date(clock.now().getTime() + CHALLENGE_TTL_MS);
  const message = challengeMessage(party, { id, address, expiresAt });
  await tx.query(sql`
    insert into identity.challenges (id, party_id, address, replaces, message, expires_at)
    values (${id}, ${partyId}, ${address}, ${party.wallet ?? null}, ${message}, ${expiresAt})`);
  return { id, message, replaces: party.wallet, expiresAt };
}

/** What the signer reads in his wallet. */
function challengeMessage(
  party: Party,
  {
    id,
    address,
    expiresAt,
  }: { readonly id: string; readonly address: string; readonly expiresAt: Date },
): string {
  return [
    'OpenLedger: send the earnings of this party to this wallet.',
    '',
    `Party: ${party.id} (${party.identity})`,
    `Wallet: ${address}`,
    `Replaces: ${party.wallet ?? 'nothing'}`,
    `Challenge: ${id}`,
    `Nonce: ${randomBytes(16).toString('hex')}`,
    `Valid until: ${expiresAt.toISOString()}`,
  ].join('\n');
}

export type WalletProof = {
  readonly partyId: Id<'party'>;
  readonly challengeId: Id<'challenge'>;
  /** By the new wallet, over the challenge's message (EIP-191). */
  readonly signature: string;
  /** By the wallet that is replaced, over the same message. */
  readonly replacedSignature?: string;
};

/**
 * @throws not_found when the challenge is not the party's own
 * @throws conflict when the challenge is used, has expired or was overtaken by another binding
 * @throws forbidden when a signature is missing or another wallet's
 * @throws invalid_input when a signature is malformed
 */
export async function bindWallet(tx: Tx, clock: Clock, proof: WalletProof): Promise<void> {
  const { partyId, challengeId } = proof;
  const now = clock.now();
  await tx.query(sql`select from identity.parties where id = ${partyId} for update`); // one binding at a time
  const [challenge] = await tx.query<ChallengeRow>(sql`
    select address, replaces, message, expires_at, used_at
    from identity.challenges
    where id = ${challengeId} and party_id = ${partyId}`);
  if (!challenge) throw new OpenLedgerError('not_found', `There is no challenge ${challengeId}.`);
  if (challenge.used_at) throw new OpenLedgerError('conflict', 'The challenge was used before.');
  if (challenge.expires_at <= now)
    throw new OpenLedgerError('conflict', 'The challenge has expired.');

  const party = await findParty(tx, partyId);
  assertReceivesItself(party);
  if ((party.wallet ?? null) !== challenge.replaces) {
    throw new OpenLedgerError('conflict', 'The wallet has changed since the challenge was made.');
  }
  assertSigned(challenge.message, challenge.address, proof.signature);
  if (challenge.replaces) {
    assertSigned(challenge.message, challenge.replaces, proof.replacedSignature);
  }

  const { message } = challenge;
  const { signature, replacedSignature } = proof;
  await tx.query(sql`update identity.challenges set used_at = ${now} where id = ${challengeId}`);
  await tx.query(sql`
    update identity.wallets
    set replaced_at = ${now}
    where party_id = ${partyId} and replaced_at is null`);
  await tx.query(sql`
    insert into identity.wallets (party_id, address, proof, bound_at)
    values (${partyId}, ${challenge.address}, ${JSON.stringify({ message, signature, replacedSignature })}, ${now})`);
}

type ChallengeRow = {
  address: string;
  replaces: string | null;
  message: string;
  expires_at: Date;
  used_at: Date | null;
};

function assertReceivesItself({ id, holderId }: Party): void {
  if (!holderId) return;
  throw new OpenLedgerError('conflict', `The earnings of ${id} go to its holder ${holderId}.`, {
    holderId,
  });
}

function assertSigned(message: string, address: string, signature: string | undefined): void {
  if (signature !== undefined && recoverPersonal(message, signature) === address) return;
  throw new OpenLedgerError('forbidden', `The signature is not that of ${address}.`, { address });
}
