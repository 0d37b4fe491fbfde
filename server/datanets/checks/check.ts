/** The checks at the door, in the order they are asked. The first objection is the answer. */
import type { Draft, PersonalDataPolicy } from '@openledger/protocol';
import type { Candidate, Check, Objection } from './candidate.ts';
import { checkEncoding } from './encoding.ts';
import { checkLicence } from './licence.ts';
import { checkQuality } from './minimum-quality.ts';
import { objectToPersonalData } from './personal-data.ts';
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
  return firstObjection(checks, { text: draft.text, licence: draft.licence, licences, quality });
}

/** Of what a refiner has written: it has the licence of what it was made from, and nobody redacts it for him. */
export const checkDerived = (
  text: string,
  {
    quality,
    personalData,
  }: Pick<Candidate, 'quality'> & { readonly personalData: PersonalDataPolicy },
): Objection | undefined =>
  firstObjection(checksOfText, { text, licence: undefined, licences: [], quality }) ??
  (personalData === 'keep' ? undefined : objectToPersonalData(text));

const checksOfText = checks.filter((check) => check !== checkLicence);

function firstObjection(asked: readonly Check[], candidate: Candidate): Objection | undefined {
  for (const check of asked) {
    const objection = check(candidate);
    if (objection) return objection;
  }
  return undefined;
}
