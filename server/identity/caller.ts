import type { Id, Scope } from '@openledger/protocol';

/** Who is asking: what a valid API key says of its bearer. */
export type Caller = {
  readonly keyId: Id<'key'>;
  readonly partyId: Id<'party'>;
  readonly scopes: readonly Scope[];
  /** The most the key may ever spend; undefined = its party's balance is the only limit. The gateway holds it. */
  readonly limitUnits: bigint | undefined;
  /** The models the key may call; undefined = all. The gateway holds it. */
  readonly models: readonly string[] | undefined;
  readonly expiresAt: Date | undefined;
};

/** `admin` may do everything. */
export const mayDo = (caller: Pick<Caller, 'scopes'>, scope: Scope): boolean =>
  caller.scopes.includes(scope) || isAdmin(caller);

export const isAdmin = (caller: Pick<Caller, 'scopes'>): boolean => caller.scopes.includes('admin');
