/**
 * A key's limits as plainly as they can be told: all that ever happened is kept, and read anew for each question. What it says
 * is what the gateway's tables must say.
 */
import type { KeyLimits } from '../../server/identity/index.ts';

export type ModelledKey = { readonly limitUnits?: bigint; readonly limits?: KeyLimits };

export type ModelledCall = {
  readonly at: number;
  readonly units: bigint;
  readonly tokens: number;
  readonly model: string;
  /** Until when it is under way. */
  end?:
    | {
        readonly kind: 'served';
        readonly at: number;
        readonly units: bigint;
        readonly tokens: number;
      }
    | { readonly kind: 'void' }
    | { readonly kind: 'refused'; readonly at: number };
};

type Asked = Pick<ModelledCall, 'at' | 'units' | 'tokens' | 'model'>;

const MINUTE = 60_000;

/** Why a call would be refused now; undefined = it would be let in. */
export function refusalBy(
  key: ModelledKey,
  calls: readonly ModelledCall[],
  asked: Asked,
): 'too_large' | 'insufficient_funds' | 'rate_limited' | undefined {
  const { dailyUnits, modelUnits, requestsPerMinute, tokensPerMinute } = key.limits ?? {};
  if (tokensPerMinute !== undefined && asked.tokens > tokensPerMinute) return 'too_large';
  const passes = (limit: bigint | undefined, of: readonly ModelledCall[]) =>
    limit !== undefined && takenBy(of) + asked.units > limit;
  const today = calls.filter(({ at }) => dayOf(at) === dayOf(asked.at));
  const ofModel = calls.filter(({ model }) => model === asked.model);
  if (passes(key.limitUnits, calls) || passes(dailyUnits, today)) return 'insufficient_funds';
  if (passes(modelUnits?.[asked.model], ofModel)) return 'insufficient_funds';
  if (requestsPerMinute !== undefined) {
    const used = levelAt(asked.at, requestsPerMinute, requestsOf(calls, requestsPerMinute));
    if (used + MINUTE > requestsPerMinute * MINUTE) return 'rate_limited';
  }
  if (tokensPerMinute !== undefined) {
    const used = levelAt(asked.at, tokensPerMinute, tokensOf(calls));
    const reserved = calls.reduce((sum, { end, tokens }) => sum + (end ? 0 : tokens), 0);
    const wanted = used + (reserved + asked.tokens) * MINUTE;
    if (wanted > tokensPerMinute * MINUTE) return 'rate_limited';
  }
  return undefined;
}

/** Spent and promised. */
export const takenBy = (calls: readonly ModelledCall[]): bigint =>
  calls.reduce((sum, { units, end }) => sum + (end ? spentBy({ end }) : units), 0n);

export const spentBy = ({ end }: Pick<ModelledCall, 'end'>): bigint =>
  end?.kind === 'served' ? end.units : 0n;

export const dayOf = (at: number): number => Math.floor(at / 86_400_000);

/** What was poured into a bucket, or out of it, and when. */
type Pour = { readonly at: number; readonly parts: number };

/** A bucket that drains its limit of parts each millisecond, and never below empty. */
function levelAt(at: number, perMinute: number, pours: readonly Pour[]): number {
  let [level, last] = [0, Number.NEGATIVE_INFINITY];
  for (const pour of [...pours].sort((a, b) => a.at - b.at)) {
    level = Math.max(0, Math.max(0, level - (pour.at - last) * perMinute) + pour.parts);
    last = pour.at;
  }
  return Math.max(0, level - (at - last) * perMinute);
}

/** A request that was refused after all is given back, as far as it has not drained. */
const requestsOf = (calls: readonly ModelledCall[], perMinute: number): readonly Pour[] =>
  calls.flatMap(({ at, end }) => [
    { at, parts: MINUTE },
    ...(end?.kind === 'refused'
      ? [{ at: end.at, parts: -Math.max(0, MINUTE - (end.at - at) * perMinute) }]
      : []),
  ]);

const tokensOf = (calls: readonly ModelledCall[]): readonly Pour[] =>
  calls.flatMap(({ end }) =>
    end?.kind === 'served' ? [{ at: end.at, parts: end.tokens * MINUTE }] : [],
  );

/**
 * What a limit a minute promises, asked of any two moments: in t milliseconds at most `limit * (1 + t / 60000)`.
 *
 * @returns the stretches in which more was used
 */
export function stretchesBeyond(
  perMinute: number,
  uses: readonly { readonly at: number; readonly amount: number }[],
): readonly string[] {
  const moments = [...new Set(uses.map(({ at }) => at))];
  return moments.flatMap((from) =>
    moments
      .filter((to) => to >= from)
      .flatMap((to) => {
        const used = uses
          .filter(({ at }) => at >= from && at <= to)
          .reduce((sum, { amount }) => sum + amount, 0);
        const isBeyond = used * MINUTE > perMinute * (MINUTE + to - from);
        return isBeyond ? [`${used} from ${from} to ${to}`] : [];
      }),
  );
}
