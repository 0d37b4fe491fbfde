import type { Check } from './candidate.ts';

export const MAX_RECORD_BYTES = 1_000_000;
/** Shorter texts say too little to own. Characters that are not white space. */
export const MIN_RECORD_CHARACTERS = 16;

/** Neither a dump nor a crumb. */
export const checkSize: Check = ({ text }) => {
  const sizeBytes = Buffer.byteLength(text);
  if (sizeBytes > MAX_RECORD_BYTES) {
    return {
      reason: 'size',
      message: `The text has ${sizeBytes} bytes; at most ${MAX_RECORD_BYTES} are taken.`,
    };
  }
  let characters = 0;
  for (const [run] of text.matchAll(/\S+/g)) {
    characters += run.length;
    if (characters >= MIN_RECORD_CHARACTERS) return undefined;
  }
  return {
    reason: 'size',
    message: `The text has ${characters} characters beside white space; at least ${MIN_RECORD_CHARACTERS} are needed.`,
  };
};
