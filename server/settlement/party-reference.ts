/** How the chain names a party: the id's 16 bytes at the right end of a 32-byte word, zeros before them. */
import { type Id, isId } from '@openledger/protocol';
import type { Hex } from '../platform/chain.ts';

export const partyReference = (party: Id<'party'>): Hex =>
  `0x${'0'.repeat(32)}${party.slice('pty_'.length)}`;

/** @returns nothing when the word names no party of ours */
export function parsePartyReference(reference: Hex): Id<'party'> | undefined {
  const party = `pty_${reference.slice(2 + 32).toLowerCase()}`;
  if (!/^0x0{32}/.test(reference)) return undefined;
  return isId('party', party) ? party : undefined;
}
