/** Accounts are named `<owner>:<purpose>[:<more>]`, e.g. `pty_0192...:pending:7`. A name and an asset make one book. */
import { OPEN, OpenLedgerError } from '@openledger/protocol';

export type AccountKey = { readonly account: string; readonly asset: string };

const NAME = /^[A-Za-z0-9_.-]+(:[A-Za-z0-9_.-]+){1,5}$/;
const ASSET = /^[A-Za-z][A-Za-z0-9:._-]{0,99}$/;

/** @throws invalid_input when the name or the asset is not well formed */
export function accountKey(account: string, asset: string = OPEN): AccountKey {
  if (account.length > 200 || !NAME.test(account)) {
    throw new OpenLedgerError('invalid_input', `"${account}" is not an account.`, { account });
  }
  if (asset !== OPEN && !ASSET.test(asset)) {
    throw new OpenLedgerError('invalid_input', `"${asset}" is not an asset.`, { asset });
  }
  return { account, asset };
}

/** One text for a name and an asset: `ann:available` for OPEN, `ann:available USD` for another. A space stands in neither. */
export const bookOf = (account: string, asset: string): string =>
  asset === OPEN ? account : `${account} ${asset}`;

/** The name and the asset of a book. */
export function keyOf(book: string): AccountKey {
  const [account, asset = OPEN] = book.split(' ');
  return { account, asset };
}

/** The world outside owes or is owed; everybody else has what they have. */
export const mayBeNegative = (account: string): boolean => account.startsWith('external:');

/** Money under a hold: only hold, capture, release and expire move it. */
export const isHeld = (account: string): boolean => account.endsWith(':held');

export const ownedBy = (partyId: string, account: string): boolean =>
  account.startsWith(`${partyId}:`);
