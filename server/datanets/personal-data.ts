/** What a datanet does with the personal data of a draft, before the draft has a hash. */
import type { Draft, PersonalDataCounts, PersonalDataPolicy } from '@openledger/protocol';
import type { Objection } from './checks/candidate.ts';
import {
  addCounts,
  countKinds,
  findPersonalData,
  objectToPersonalData,
  redactPersonalData,
} from './checks/personal-data.ts';

/** The draft as it goes on, how much was found in it, and what there is to object. */
export type Treated = {
  readonly draft: Draft;
  readonly personalData: PersonalDataCounts;
  readonly objection: Objection | undefined;
};

/** The text and the values of the metadata. Contributors are named on purpose, and their addresses are hashed. */
export function treatPersonalData(draft: Draft, policy: PersonalDataPolicy): Treated {
  if (policy === 'redact') return redacted(draft);
  const texts = [draft.text, ...textsOf(draft.metadata)];
  const objection =
    policy === 'refuse'
      ? texts.map(objectToPersonalData).find((one) => one !== undefined)
      : undefined;
  const personalData = countKinds(texts.flatMap(findPersonalData));
  return { draft, personalData, objection };
}

function redacted(draft: Draft): Treated {
  let personalData: PersonalDataCounts = {};
  let objection: Objection | undefined;
  const redact = (text: string): string => {
    const outcome = redactPersonalData(text);
    if (!outcome) objection = TANGLED;
    personalData = addCounts(personalData, outcome?.counts ?? {});
    return outcome?.text ?? '';
  };
  const text = redact(draft.text);
  const metadata = draft.metadata && changedTexts(draft.metadata, redact);
  return { draft: { ...draft, text, ...(metadata && { metadata }) }, personalData, objection };
}

const TANGLED: Objection = {
  reason: 'personal_data',
  message: 'It holds so much personal data, one beside the other, that it cannot be redacted.',
};

type Json = NonNullable<Draft['metadata']>[string];
type JsonObject = Readonly<Record<string, Json>>;

function textsOf(value: Json | JsonObject | undefined): readonly string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(textsOf);
}

const changedTexts = (object: JsonObject, change: (text: string) => string): Record<string, Json> =>
  Object.fromEntries(
    Object.entries(object).map(([name, value]) => [name, changedText(value, change)]),
  );

function changedText(value: Json, change: (text: string) => string): Json {
  if (typeof value === 'string') return change(value);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((one) => changedText(one, change));
  return changedTexts(value, change);
}
