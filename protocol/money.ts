/** Money is a whole number of units. 1 OPEN = 10^18 units; on the wire a decimal string, never a Number. */
import { z } from 'zod';
import { OpenLedgerError } from './errors.ts';

export const OPEN = 'OPEN';
export const UNITS_PER_OPEN = 10n ** 18n;

/** The largest amount a `numeric(78,0)` column and a Solidity `uint256` both hold. */
export const MAX_UNITS = 2n ** 256n - 1n;

/** Wire form of an amount: units as a decimal string without sign, leading zeros or exponent. */
export const Units = z
  .string()
  .regex(/^(0|[1-9][0-9]{0,77})$/, { error: 'Expected units as a decimal string.', abort: true })
  .refine((text) => BigInt(text) <= MAX_UNITS, 'The amount is larger than 2^256 - 1.');

/** Units with a sign: what an account gained or lost, or where an account of the outside world stands. */
export const SignedUnits = z
  .string()
  .regex(/^(0|-?[1-9][0-9]{0,77})$/, 'Expected units as a decimal string, perhaps negative.');

/** Reads "1.25" as OPEN. @throws invalid_input on anything but up to 18 decimal places */
export function parseOpen(text: string): bigint {
  const match = /^(0|[1-9][0-9]{0,59})(?:\.([0-9]{1,18}))?$/.exec(text);
  if (!match) throw new OpenLedgerError('invalid_input', `"${text}" is not an amount of OPEN.`);
  const [, whole = '0', fraction = ''] = match;
  return BigInt(whole) * UNITS_PER_OPEN + BigInt(fraction.padEnd(18, '0'));
}

/** Writes units as OPEN, exactly: 1250000000000000000n -> "1.25". */
export function formatOpen(units: bigint): string {
  const sign = units < 0n ? '-' : '';
  const size = units < 0n ? -units : units;
  const fraction = (size % UNITS_PER_OPEN).toString().padStart(18, '0').replace(/0+$/, '');
  return `${sign}${size / UNITS_PER_OPEN}${fraction ? `.${fraction}` : ''}`;
}
