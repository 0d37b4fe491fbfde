/** Whether a call is within its key's limits: the pure rule, the error that tells what is wrong, and what is left. */
import { OpenLedgerError } from '@openledger/protocol';
import type { Caller } from '../identity/index.ts';

export type Limited = Pick<Caller, 'keyId' | 'limitUnits' | 'limits'>;

/** What is asked of a key's limits. */
export type Wish = {
  /** The most that it may cost. */
  readonly units: bigint;
  readonly requests: 0 | 1;
  /** The most that it may have, prompt and answer. */
  readonly tokens: number;
  /** undefined = no call of a model. */
  readonly model: string | undefined;
  readonly at: Date;
};

/** Where a key stands when a wish is counted in. Units are taken when they are spent or promised. */
export type Standing = {
  readonly taken: bigint;
  readonly dayTaken: bigint;
  readonly modelTaken: bigint;
  /** Levels of the buckets, in 60,000ths. */
  readonly requestsLevel: number;
  readonly tokensLevel: number;
  /** Whole tokens. */
  readonly tokensReserved: number;
};

/** So many parts has a request or a token: a limit of n a minute drains n parts a millisecond. */
export const PARTS = 60_000;

/** @returns undefined where nothing is in the way */
export const refusalOf = (
  standing: Standing,
  key: Limited,
  wish: Wish,
): OpenLedgerError | undefined =>
  tooLarge(key, wish) ?? moneyRefusal(standing, key, wish) ?? rateRefusal(standing, key, wish);

/** What no waiting will help. */
function tooLarge({ limits }: Limited, { tokens }: Wish): OpenLedgerError | undefined {
  const limit = limits?.tokensPerMinute;
  if (limit === undefined || tokens <= limit) return undefined;
  const sentence = `This call may have ${tokens} tokens; its key has ${limit} a minute. Ask for fewer.`;
  return new OpenLedgerError('too_large', sentence, { scope: 'tokens', limit, tokens });
}

function moneyRefusal(
  standing: Standing,
  { limitUnits, limits }: Limited,
  wish: Wish,
): OpenLedgerError | undefined {
  const model = wish.model;
  return (
    beyond(limitUnits, standing.taken, wish, {
      ...{ sentence: 'This key would pass its spending limit.', facts: { scope: 'key' } },
    }) ??
    beyond(modelLimit(limits, model), standing.modelTaken, wish, {
      ...{ sentence: `This key would pass its limit for ${model}.` },
      facts: { scope: 'model', model },
    }) ??
    beyond(limits?.dailyUnits, standing.dayTaken, wish, {
      sentence: 'This key would pass its limit for the day.',
      facts: { scope: 'day', renewsAt: dayAfter(wish.at).toISOString() },
    })
  );
}

function beyond(
  limit: bigint | undefined,
  taken: bigint,
  { units }: Wish,
  { sentence, facts }: { readonly sentence: string; readonly facts: object },
): OpenLedgerError | undefined {
  if (limit === undefined || taken <= limit) return undefined;
  return new OpenLedgerError('insufficient_funds', sentence, {
    ...{ limit: `${limit}`, available: `${limit - (taken - units)}`, missing: `${taken - limit}` },
    ...facts,
  });
}

/** @returns undefined where the model has no budget of its own */
export const modelLimit = (
  limits: Limited['limits'],
  model: string | undefined,
): bigint | undefined =>
  model !== undefined && limits?.modelUnits && Object.hasOwn(limits.modelUnits, model)
    ? limits.modelUnits[model]
    : undefined;

/** The day on which money counts. */
export const dayOf = (at: Date): string => at.toISOString().slice(0, 10);

const dayAfter = (at: Date): Date =>
  new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate() + 1));

function rateRefusal(
  { requestsLevel, tokensLevel, tokensReserved }: Standing,
  { limits }: Limited,
  { requests, tokens }: Wish,
): OpenLedgerError | undefined {
  const full = [
    tooFast('requests', {
      limit: limits?.requestsPerMinute,
      level: requestsLevel,
      asked: requests,
    }),
    tooFast('tokens', {
      ...{ limit: limits?.tokensPerMinute, level: tokensLevel, reserved: tokensReserved },
      asked: tokens,
    }),
  ].filter((one) => one !== undefined);
  const [longest] = full.sort((a, b) => b.waitMs - a.waitMs);
  return longest?.error;
}

/** @param reserved whole ones of calls under way, this one among them: they do not drain until they have ended */
function tooFast(
  scope: 'requests' | 'tokens',
  {
    limit,
    level,
    reserved = 0,
    asked,
  }: {
    readonly limit: number | undefined;
    readonly level: number;
    readonly reserved?: number;
    readonly asked: number;
  },
): { readonly waitMs: number; readonly error: OpenLedgerError } | undefined {
  if (limit === undefined || asked === 0) return undefined;
  const over = level + (reserved - limit) * PARTS;
  if (over <= 0) return undefined;
  const isUnderWay = reserved > limit; // draining alone does not help, and nobody knows when they end
  const waitMs = isUnderWay ? 1000 : Math.ceil(over / limit);
  const sentence = isUnderWay
    ? `Calls under way have what is left of this key's ${limit} ${scope} a minute.`
    : `This key has ${limit} ${scope} a minute.`;
  const left = Math.floor(asked - over / PARTS);
  const details = {
    ...{ scope, limit, available: Math.max(0, left), missing: asked - Math.max(0, left) },
    retryAfterSeconds: Math.ceil(waitMs / 1000),
  };
  return { waitMs, error: new OpenLedgerError('rate_limited', sentence, details) };
}

export type Rate = {
  readonly limit: number;
  readonly remaining: number;
  /** Until all of it is there again, if nothing more is asked. */
  readonly resetMs: number;
};

/** What is left of a key's rates; undefined where it has none. */
export type Rates = { readonly requests: Rate | undefined; readonly tokens: Rate | undefined };

export function ratesOf(standing: Standing, { limits }: Limited): Rates | undefined {
  const requests = rateOf(limits?.requestsPerMinute, standing.requestsLevel);
  const { tokensLevel, tokensReserved } = standing;
  const tokens = rateOf(limits?.tokensPerMinute, tokensLevel + tokensReserved * PARTS);
  return requests || tokens ? { requests, tokens } : undefined;
}

const rateOf = (limit: number | undefined, used: number): Rate | undefined =>
  limit === undefined
    ? undefined
    : {
        limit,
        remaining: Math.max(0, Math.floor(limit - used / PARTS)),
        resetMs: Math.ceil(used / limit),
      };
