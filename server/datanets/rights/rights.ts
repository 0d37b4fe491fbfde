/** Rights: whether records may be used together for something, by their licences and by what their contributors allow. */
import { OpenLedgerError, type Purpose } from '@openledger/protocol';
import { knownLicences, type LicenceTerms, termsOf } from './licences.ts';
import { foldExpression } from './spdx.ts';

/** Records under the same rights. */
export type RightsGroup = {
  /** An SPDX expression. */
  readonly licence: string;
  /** What their contributors allow of what the licence permits; undefined: all of it. */
  readonly purposes: readonly Purpose[] | undefined;
  readonly records: number;
  /** Hashes of the first of them, in the order of the snapshot. */
  readonly examples: readonly string[];
};

export type Use = {
  readonly groups: readonly RightsGroup[];
  readonly purposes: readonly Purpose[];
};

export type RightsFault =
  | {
      readonly kind: 'purpose';
      readonly group: RightsGroup;
      readonly refused: readonly Purpose[];
    }
  | { readonly kind: 'mixing'; readonly groups: readonly [RightsGroup, RightsGroup] };

/**
 * What stands against using records together: the first that does not permit a purpose, or two whose licences cannot be
 * mixed in one work.
 *
 * @returns undefined when nothing does
 */
export function faultOfUse(uses: readonly Use[]): RightsFault | undefined {
  for (const { groups, purposes } of uses) {
    for (const group of groups) {
      const refused = refusedPurposes(group, purposes);
      if (refused.length > 0) return { kind: 'purpose', group, refused };
    }
  }
  const parts = uses.flatMap(({ groups, purposes }) =>
    groups.map((group) => ({ group, choices: choicesFor(group.licence, purposes) })),
  );
  for (const [i, a] of parts.entries()) {
    for (const b of parts.slice(0, i)) {
      if (!mixes(a.choices, b.choices)) return { kind: 'mixing', groups: [b.group, a.group] };
    }
  }
  return undefined;
}

/** @returns undefined when all of it may go into one work */
export function conflictOf(groups: readonly RightsGroup[]): Conflict | undefined {
  const fault = faultOfUse([
    { groups: groups.filter((one) => permits(one, ['train'])), purposes: ['train'] },
  ]);
  return fault?.kind === 'mixing' ? conflictBetween(fault.groups) : undefined;
}

export type Conflict = {
  readonly licences: readonly string[];
  /** The first under each. */
  readonly records: readonly (readonly string[])[];
  readonly message: string;
};

const conflictBetween = ([a, b]: readonly [RightsGroup, RightsGroup]): Conflict => ({
  licences: [a.licence, b.licence],
  records: [a.examples, b.examples],
  message: `Records under ${a.licence} and ${b.licence} cannot be used in one work: no licence satisfies both.`,
});

/** What a group of records is, for who wants to use it. */
export const describeGroup = ({ licence, purposes, records }: RightsGroup) => ({
  ...{ licence, purposes, records },
  permits: ALL_PURPOSES.filter((one) => permits({ licence, purposes }, [one])),
  attribution: asksForNames(licence),
  shareAlike: isShareAlike(licence),
  urls: licenceUrls(licence),
});

const ALL_PURPOSES = ['train', 'retrieve', 'commercial'] as const;

/** @throws purpose_not_licensed, licences_conflict; licences and records are in the details */
export function assertRights(uses: readonly Use[]): void {
  const fault = faultOfUse(uses);
  if (fault?.kind === 'purpose') {
    const { group, refused } = fault;
    const what = group.records === 1 ? '1 record' : `${group.records} records`;
    throw new OpenLedgerError(
      'purpose_not_licensed',
      `${what} under ${group.licence} may not be used for this purpose: ${refused.join(', ')}.`,
      { licence: group.licence, purposes: refused, records: group.examples },
    );
  }
  if (fault) {
    const { message, ...details } = conflictBetween(fault.groups);
    throw new OpenLedgerError('licences_conflict', message, details);
  }
}

/** Whether records of this licence may be used, whatever stands beside them. */
export const permits = (
  group: Pick<RightsGroup, 'licence' | 'purposes'>,
  purposes: readonly Purpose[],
): boolean => refusedPurposes(group, purposes).length === 0;

/** Whether every way to use a text of this licence asks for its authors' names. */
const asksForNames = (licence: string): boolean =>
  choicesOf(licence).every((ids) => ids.some((id) => termsOf(id)?.attribution ?? true));

/** Whether every way to use a text of this licence binds what is made of it. */
const isShareAlike = (licence: string): boolean =>
  choicesOf(licence).every((ids) => ids.some((id) => termsOf(id)?.adaptationsUnder));

/** Addresses of the licences that an expression names. */
export const licenceUrls = (licence: string): readonly string[] => [
  ...new Set(choicesOf(licence).flatMap((ids) => ids.flatMap((id) => termsOf(id)?.url ?? []))),
];

/** All of the purposes at once: a text for sale under one licence, for training under another, is not for both. */
function refusedPurposes(
  { licence, purposes: allowed }: Pick<RightsGroup, 'licence' | 'purposes'>,
  purposes: readonly Purpose[],
): readonly Purpose[] {
  const forbidden = purposes.filter((purpose) => allowed && !allowed.includes(purpose));
  if (forbidden.length > 0 || choicesFor(licence, purposes).length > 0) return forbidden;
  const refused = purposes.filter((purpose) => choicesFor(licence, [purpose]).length === 0);
  return refused.length > 0 ? refused : purposes;
}

type Choice = readonly LicenceTerms[];

/** The sides of a choice that permit all the purposes. */
const choicesFor = (licence: string, purposes: readonly Purpose[]): readonly Choice[] =>
  choicesOf(licence).flatMap((ids) => {
    const terms = ids.map(termsOf).filter((known) => known !== undefined);
    const permitted = purposes.every((purpose) =>
      terms.every((one) => one.permits.includes(purpose)),
    );
    return terms.length === ids.length && permitted ? [terms] : [];
  });

/** Longer choices are cut: a text nobody reads to its end permits less, never more. */
const MOST_CHOICES = 32;

/** Ids that hold together, one list for each way to choose. */
const choicesOf = (licence: string): readonly (readonly string[])[] =>
  foldExpression<readonly (readonly string[])[]>(licence, {
    id: (id) => [[id.endsWith('+') ? `${id.slice(0, -1)}-or-later` : id]],
    either: (a, b) => [...a, ...b].slice(0, MOST_CHOICES),
    both: (a, b) => a.flatMap((one) => b.map((other) => [...one, ...other])).slice(0, MOST_CHOICES),
  }) ?? [];

/** Whether some licence of the whole satisfies one choice of each side. */
const mixes = (a: readonly Choice[], b: readonly Choice[]): boolean =>
  a.some((one) => b.some((other) => haveCommonLicence([...one, ...other])));

const haveCommonLicence = (terms: readonly LicenceTerms[]): boolean =>
  [undefined, ...knownLicences()].some((whole) => terms.every((one) => mayEndUnder(one, whole)));

/** @param whole the licence of the adaptation; undefined: terms of its own, as strict as need be */
function mayEndUnder(terms: LicenceTerms, whole: string | undefined): boolean {
  const { permits: allowed, adaptationsUnder, neverUnder } = terms;
  if (whole === undefined) return adaptationsUnder === undefined;
  if (neverUnder?.includes(whole)) return false;
  if (adaptationsUnder) return adaptationsUnder.includes(whole);
  return (termsOf(whole)?.permits ?? []).every((purpose) => allowed.includes(purpose));
}
