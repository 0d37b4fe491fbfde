/** A key's limits as they stand in its row. */
import { sql } from '../platform/sql.ts';
import type { KeyLimits } from './caller.ts';

export type LimitRow = {
  daily_units: string | null;
  model_units: Readonly<Record<string, string>> | null;
  requests_per_minute: number | null;
  tokens_per_minute: number | null;
};

export const limitColumns = sql`daily_units, model_units, requests_per_minute, tokens_per_minute`;

/** Amounts are texts in it: a number of JSON would not survive every reader. */
export const wireModelUnits = (limits: KeyLimits | undefined): string | null =>
  limits?.modelUnits
    ? JSON.stringify(limits.modelUnits, (_, value) =>
        typeof value === 'bigint' ? value.toString() : value,
      )
    : null;

/** @returns undefined for a key that has none of them */
export function toLimits(row: LimitRow): KeyLimits | undefined {
  const { daily_units, model_units, requests_per_minute, tokens_per_minute } = row;
  const limits: KeyLimits = {
    ...(daily_units !== null && { dailyUnits: BigInt(daily_units) }),
    ...(model_units !== null && { modelUnits: unitsByModel(model_units) }),
    ...(requests_per_minute !== null && { requestsPerMinute: requests_per_minute }),
    ...(tokens_per_minute !== null && { tokensPerMinute: tokens_per_minute }),
  };
  return Object.keys(limits).length > 0 ? limits : undefined;
}

const unitsByModel = (texts: Readonly<Record<string, string>>): Record<string, bigint> =>
  Object.fromEntries(Object.entries(texts).map(([model, units]) => [model, BigInt(units)]));
