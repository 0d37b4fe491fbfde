/** Commands and answers as JSON, for the inbox: amounts as decimal strings, dates as ISO 8601. */
import { type CanonicalValue, type ErrorCode, OpenLedgerError } from '@openledger/protocol';
import type { Answer, Done } from './answer.ts';
import type { Command } from './command.ts';

export const formatCommand = (command: Command): string =>
  JSON.stringify(command, (_, value: unknown) =>
    typeof value === 'bigint' ? value.toString() : value,
  );

const AMOUNTS = new Set(['amount']);
const DATES = new Set(['expiresAt', 'effectiveAt']);

/** Of what `formatCommand` wrote. Anything else is refused by `flawOf`, as any command is. */
export const parseCommand = (stored: unknown): Command =>
  JSON.parse(JSON.stringify(stored), (name: string, value: unknown) => {
    if (typeof value !== 'string') return value;
    if (AMOUNTS.has(name)) return BigInt(value);
    return DATES.has(name) ? new Date(value) : value;
  }) as Command;

type StoredOutcome =
  | Done
  | {
      readonly kind: 'refused';
      readonly code: ErrorCode;
      readonly message: string;
      readonly details: Readonly<Record<string, CanonicalValue>>;
    };

export function formatOutcome(outcome: Answer): string {
  if (outcome.kind !== 'refused') return JSON.stringify(outcome);
  const { code, message, details } = outcome.error;
  return JSON.stringify({ kind: 'refused', code, message, details });
}

export function parseOutcome(stored: unknown): Answer {
  const outcome = stored as StoredOutcome; // written by `formatOutcome`
  if (outcome.kind !== 'refused') return outcome;
  const { code, message, details } = outcome;
  return { kind: 'refused', error: new OpenLedgerError(code, message, details) };
}
