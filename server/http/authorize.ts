/** From a request's key to its caller. Every surface that takes keys asks here. */
import { OpenLedgerError, type Scope } from '@openledger/protocol';
import type { Context } from 'hono';
import { type Caller, mayDo } from '../identity/index.ts';
import { noteCaller } from './request-record.ts';

export type Authenticate = (secret: string) => Promise<Caller | undefined>;

/**
 * @param authorization the header's value
 * @returns undefined when the operation is public and no key was sent
 * @throws unauthorized without a valid key, forbidden when the key lacks the scope
 */
export async function authorize(
  authenticate: Authenticate,
  authorization: string | undefined,
  scope: Scope | 'public',
): Promise<Caller | undefined> {
  if (authorization === undefined && scope === 'public') return undefined;
  const caller = await callerOf(authenticate, authorization);
  if (scope !== 'public' && !mayDo(caller, scope)) {
    throw new OpenLedgerError('forbidden', `This key lacks the scope ${scope}.`, { scope });
  }
  return caller;
}

/** Who may ask for inference, noted for the log. A key is always needed for that. @throws unauthorized, forbidden */
export async function inferringCaller(
  c: Context,
  authenticate: Authenticate,
  authorization: string | undefined,
): Promise<Caller> {
  const caller = (await authorize(authenticate, authorization, 'infer')) as Caller;
  noteCaller(c, caller);
  return caller;
}

/** For surfaces that look at scopes themselves. @throws unauthorized without a valid key */
export async function callerOf(
  authenticate: Authenticate,
  authorization: string | undefined,
): Promise<Caller> {
  const secret = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
  const caller = secret === undefined ? undefined : await authenticate(secret);
  if (caller) return caller;
  throw new OpenLedgerError(
    'unauthorized',
    secret === undefined
      ? 'Send an API key: "Authorization: Bearer ol_...".'
      : 'The API key is unknown, revoked or expired.',
  );
}
