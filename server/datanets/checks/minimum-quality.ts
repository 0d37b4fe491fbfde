import { QUALITY_VERSION } from '../quality.ts';
import type { Check } from './candidate.ts';

/** ppm. Below it is what no reader would call text: encoded data, one line a thousand times, tables of symbols. */
export const MINIMUM_QUALITY = 250_000;

export const checkQuality: Check = ({ quality }) => {
  if (quality.ppm >= MINIMUM_QUALITY) return undefined;
  const { language, structure, compression, repetition } = quality;
  return {
    reason: 'quality',
    message: `Its quality is ${quality.ppm} ppm by ${QUALITY_VERSION}; at least ${MINIMUM_QUALITY} is needed (language ${language}, structure ${structure}, compression ${compression}, repetition ${repetition}).`,
  };
};
