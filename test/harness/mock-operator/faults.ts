/** What goes wrong at the mock operator, and when: by a seed, so that a run can be repeated. */
import { createHash } from 'node:crypto';
import { createRandom, type Random } from '../../../server/compute/random.ts';

/** Before the first byte. */
export const EARLY_FAULTS = [
  'reset',
  'status-500',
  'status-429',
  'status-503',
  'hang-first',
] as const;

/** After some words. */
export const MIDDLE_FAULTS = [
  'break',
  'hang-middle',
  'malformed',
  'large-event',
  'error-event',
  'drip',
] as const;

/** In what is said, while the words come as they should. */
export const LYING_FAULTS = [
  'invalid-utf8',
  'usage-zero',
  'usage-negative',
  'usage-huge',
  'usage-fraction',
  'usage-missing',
  'usage-contradictory',
  'endless',
  'blank',
  'no-done',
] as const;

export const FAULTS = [...EARLY_FAULTS, ...MIDDLE_FAULTS, ...LYING_FAULTS] as const;
export type Fault = (typeof FAULTS)[number];

export type FaultPlan = {
  readonly seed: number;
  /** How likely a request meets one of the faults: 0 to 1. */
  readonly rate: number;
  readonly faults: readonly Fault[];
};

/** The chance of one attempt: another for each operator, request, and time it is tried. */
export const chanceOf = (seed: number, ...names: readonly (string | number)[]): Random =>
  createRandom(
    createHash('sha256')
      .update(JSON.stringify([seed, ...names]))
      .digest()
      .readBigUInt64BE(),
  );

/** @returns undefined where the attempt goes well */
export const drawFault = ({ rate, faults }: FaultPlan, chance: Random): Fault | undefined =>
  chance.uniform() < rate ? faults[chance.below(faults.length)] : undefined;
