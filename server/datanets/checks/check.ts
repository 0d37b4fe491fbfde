/** The checks at the door, in the order they are asked. The first objection is the answer. */
import type { Draft } from '@openledger/protocol';
import type { Candidate, Check, Objection } from './candidate.ts';
import { checkEncoding } from './encoding.ts';
import { checkLicence } from './licence.ts';
import { checkQuality } from './minimum-quality.ts';
import { checkSecrets } from './secrets.ts';
import { checkSize } from './size.ts';

const checks: readonly Check[] = [
  checkSize,
  checkEncoding,
  checkLicence,
  checkSecrets,
  checkQuality,
];

export function checkDraft(
  draft: Draft,
  { licences, quality }: Pick<Candidate, 'licences' | 'quality'>,
): Objection | undefined {
  const candidate = { text: draft.text, licence: draft.licence, licences, quality };
  for (const check of checks) {
    const objection = check(candidate);
    if (objection) return objection;
  }
  return undefined;
}
