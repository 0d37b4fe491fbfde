import type { Id, Scope } from '@openledger/protocol';

/** Who is asking: what a valid API key says of its bearer. */
export type Caller = {
  readonly keyId: Id<'key'>;
  readonly partyId: Id<'party'>;
  readonly scopes: readonly Scope[];
  /** The most the key may ever spend; undefined = its party's balance is the only limit. The gateway holds it. */
  readonly limitUnits: bigint | undefined;
  /** Its other limits; undefined = none. The gateway holds them. */
  readonly limits: KeyLimits | undefined;
  /** The models the key may call; undefined = all. The gateway holds it. */
  readonly models: readonly string[] | undefined;
  readonly expiresAt: Date | undefined;
};

/** What a key may use beside what it may ever spend; at least one of them. */
export type KeyLimits = {
  /** The most it may spend a day, by UTC. */
  readonly dailyUnits?: bigint;
  /** The most it may ever spend on each of these models. */
  readonly modelUnits?: Readonly<Record<string, bigint>>;
  readonly requestsPerMinute?: number;
  /** Of prompts and answers together. */
  readonly tokensPerMinute?: number;
};

/** `admin` may do everything. */
export const mayDo = (caller: Pick<Caller, 'scopes'>, scope: Scope): boolean =>
  caller.scopes.includes(scope) || isAdmin(caller);

export const isAdmin = (caller: Pick<Caller, 'scopes'>): boolean => caller.scopes.includes('admin');
