/**
 * The table of licences: what each lets people do with a text, and on which conditions.
 *
 * It is read strictly. A trained model and an answer made from records count as adaptations of them, whatever a court may
 * say one day; an id that is not in the table permits nothing.
 */
import type { Purpose } from '@openledger/protocol';

export type LicenceTerms = {
  readonly permits: readonly Purpose[];
  /** Names of the authors go with every copy. */
  readonly attribution: boolean;
  /** Share-alike: an adaptation may be given on under these ids alone. Absent: under any. */
  readonly adaptationsUnder?: readonly string[];
  /** An adaptation may not be given on under these. */
  readonly neverUnder?: readonly string[];
  readonly url: string;
};

/** @returns undefined for an id that the table does not know; it permits nothing */
export const termsOf = (id: string): LicenceTerms | undefined => table.get(id);

/** Every id of the table. */
export const knownLicences = (): readonly string[] => [...table.keys()];

const ALL: readonly Purpose[] = ['train', 'retrieve', 'commercial'];
const NOT_COMMERCIAL: readonly Purpose[] = ['train', 'retrieve'];
/** Verbatim copies: a context may quote them, a model may not be made of them. */
const NO_DERIVATIVES: readonly Purpose[] = ['retrieve', 'commercial'];
const NO_DERIVATIVES_NOT_COMMERCIAL: readonly Purpose[] = ['retrieve'];

const spdx = (id: string) => `https://spdx.org/licenses/${id}.html`;

/** `by/4.0/` of `CC-BY-4.0`, with its port where it has one. */
function creativeCommons(id: string): string {
  const [, kind, version, port] = /^CC-(.+?)-([0-9.]+)(?:-([A-Z]+))?$/.exec(id)!;
  const place = port ? `${port.toLowerCase()}/` : '';
  return `https://creativecommons.org/licenses/${kind.toLowerCase()}/${version}/${place}`;
}

type Rest = Partial<Pick<LicenceTerms, 'adaptationsUnder' | 'neverUnder'>>;
type Row = readonly [id: string, terms: LicenceTerms];

const free = (...ids: string[]): readonly Row[] =>
  ids.map((id) => [id, { permits: ALL, attribution: false, url: spdx(id) }]);

const credited = (ids: readonly string[], rest: Rest = {}): readonly Row[] =>
  ids.map((id) => [id, { permits: ALL, attribution: true, url: spdx(id), ...rest }]);

const commons = (
  permits: readonly Purpose[],
  ids: Readonly<Record<string, readonly string[] | undefined>>,
): readonly Row[] =>
  Object.entries(ids).map(([id, adaptationsUnder]) => [
    id,
    {
      ...{ permits, attribution: true, url: creativeCommons(id) },
      ...(adaptationsUnder ? { adaptationsUnder } : {}),
    },
  ]);

const GPL_3 = ['GPL-3.0-only', 'AGPL-3.0-only'];
const GPL_2 = ['GPL-2.0-only', ...GPL_3];
/** CC's list of compatible licences lets BY-SA 4.0 end in GPL 3, never back. */
const BY_SA = ['CC-BY-SA-4.0', 'GPL-3.0-only'];
const BY_NC_SA = ['CC-BY-NC-SA-4.0'];

const table: ReadonlyMap<string, LicenceTerms> = new Map([
  ...free('0BSD', 'CC0-1.0', 'MIT-0', 'PDDL-1.0', 'Unlicense', 'WTFPL'),
  ...credited(['AFL-3.0', 'Artistic-2.0', 'BlueOak-1.0.0', 'BSD-2-Clause', 'BSD-3-Clause']),
  ...credited(['BSL-1.0', 'CDLA-Permissive-1.0', 'CDLA-Permissive-2.0', 'ISC', 'MIT', 'NCSA']),
  ...credited(['ODC-By-1.0', 'PostgreSQL', 'PSF-2.0', 'Python-2.0', 'Unicode-3.0', 'Zlib']),
  ...credited(['Apache-2.0'], { neverUnder: ['GPL-2.0-only'] }),
  // Their share-alike ends at the file: what stands beside it is free.
  ...credited(['MPL-2.0']),
  ...credited(['EPL-2.0', 'CDDL-1.0'], { neverUnder: GPL_2 }),
  ...commons(ALL, {
    ...{ 'CC-BY-2.0': undefined, 'CC-BY-2.0-FR': undefined, 'CC-BY-2.5': undefined },
    ...{ 'CC-BY-3.0': undefined, 'CC-BY-4.0': undefined },
    'CC-BY-SA-2.0': ['CC-BY-SA-2.0', 'CC-BY-SA-3.0', ...BY_SA],
    'CC-BY-SA-2.5': ['CC-BY-SA-2.5', 'CC-BY-SA-3.0', ...BY_SA],
    'CC-BY-SA-3.0': ['CC-BY-SA-3.0', ...BY_SA],
    'CC-BY-SA-4.0': BY_SA,
  }),
  ...commons(NOT_COMMERCIAL, {
    ...{ 'CC-BY-NC-2.0': undefined, 'CC-BY-NC-3.0': undefined, 'CC-BY-NC-4.0': undefined },
    'CC-BY-NC-SA-2.0': ['CC-BY-NC-SA-2.0', 'CC-BY-NC-SA-3.0', ...BY_NC_SA],
    'CC-BY-NC-SA-3.0': ['CC-BY-NC-SA-3.0', ...BY_NC_SA],
    'CC-BY-NC-SA-4.0': BY_NC_SA,
  }),
  ...commons(NO_DERIVATIVES, { 'CC-BY-ND-3.0': undefined, 'CC-BY-ND-4.0': undefined }),
  ...commons(NO_DERIVATIVES_NOT_COMMERCIAL, {
    ...{ 'CC-BY-NC-ND-3.0': undefined, 'CC-BY-NC-ND-4.0': undefined },
  }),
  ...credited(['GPL-2.0-only'], { adaptationsUnder: ['GPL-2.0-only'] }),
  ...credited(['GPL-2.0-or-later', 'LGPL-2.1-or-later'], { adaptationsUnder: GPL_2 }),
  ...credited(['GPL-3.0-only', 'GPL-3.0-or-later', 'LGPL-3.0-or-later'], {
    adaptationsUnder: GPL_3,
  }),
  ...credited(['AGPL-3.0-only', 'AGPL-3.0-or-later'], { adaptationsUnder: ['AGPL-3.0-only'] }),
  ...credited(['ODbL-1.0'], { adaptationsUnder: ['ODbL-1.0'] }),
  ...credited(['GFDL-1.3-only', 'GFDL-1.3-or-later'], { adaptationsUnder: ['GFDL-1.3-only'] }),
]);
