/** The card of a Hugging Face dataset: what the YAML at the top of its README.md says. */
import { OpenLedgerError } from '@openledger/sdk';
import { parse } from 'yaml';
import { z } from 'zod';

/** Files of a dataset as its card names them. */
export type DataFiles = {
  readonly config: string;
  readonly split: string;
  readonly patterns: readonly string[];
};

export type DatasetCard = {
  readonly name?: string;
  /** SPDX, where the card names one licence that has an id. */
  readonly licence?: string;
  readonly languages: readonly string[];
  /** Absent: found by their names. */
  readonly files?: readonly DataFiles[];
};

const OneOrMore = z
  .union([z.string(), z.array(z.string())])
  .transform((value) => [value].flat())
  .catch([]);
const Paths = z.union([z.string(), z.array(z.string())]).transform((value) => [value].flat());
const Split = z.looseObject({ split: z.string(), path: Paths });
const Config = z.looseObject({
  config_name: z.string().default('default'),
  data_files: z.union([Paths, z.array(Split), Split.transform((split) => [split])]).optional(),
});
const Card = z.looseObject({
  pretty_name: z.string().optional().catch(undefined),
  license: OneOrMore,
  language: OneOrMore,
  configs: z.array(Config).optional(),
});

/** @throws invalid_input when it cannot be read, or names files outside the dataset: nothing is read then */
export function readCard(readme: string): DatasetCard {
  const front = /^\ufeff?---[ \t]*\r?\n([\s\S]*?)\r?\n---[ \t]*(?:\r?\n|$)/.exec(readme);
  const parsed = Card.safeParse(front ? (readYaml(front[1]) ?? {}) : {});
  if (!parsed.success) {
    const [{ path, message }] = parsed.error.issues;
    throw invalid(`README.md: ${path.join('.') || 'The card'}: ${message}`);
  }
  const { pretty_name: name, license, language: languages, configs } = parsed.data;
  const files = configs?.flatMap(({ config_name: config, data_files: named = [] }) =>
    named.map(
      (one): DataFiles =>
        typeof one === 'string'
          ? { config, split: 'train', patterns: [one] }
          : { config, split: one.split, patterns: one.path },
    ),
  );
  for (const pattern of files?.flatMap(({ patterns }) => patterns) ?? []) assertInside(pattern);
  const licence = license.length === 1 ? spdx.get(license[0].toLowerCase()) : undefined;
  return { name, licence, languages, ...(files?.length ? { files } : {}) };
}

function readYaml(text: string): unknown {
  try {
    return parse(text, { maxAliasCount: 20, schema: 'core', prettyErrors: false });
  } catch (cause) {
    throw new OpenLedgerError('invalid_input', 'README.md: Its card is not YAML.', {}, { cause });
  }
}

/** Nothing is fetched, and nothing outside the folder is named. */
function assertInside(pattern: string): void {
  const isOutside =
    pattern.length > 500 ||
    /^(?:[/~\\]|[a-z][a-z0-9+.-]*:)/i.test(pattern) ||
    pattern.split(/[/\\]/).includes('..');
  if (isOutside)
    throw invalid(`README.md: data_files: "${pattern.slice(0, 100)}" leads out of the folder.`);
}

const same = (...ids: readonly string[]) => ids.map((id) => [id.toLowerCase(), id] as const);

/**
 * Hugging Face's names of licences, as its documentation lists them, that mean one SPDX id. Families without a version
 * (`cc`, `gpl`, `bsd`), `other` and licences of one model mean none. A bare GNU version is read as that version only.
 */
const spdx: ReadonlyMap<string, string> = new Map([
  ...same('0BSD', 'AFL-3.0', 'Apache-2.0', 'Artistic-2.0', 'BSD-2-Clause', 'BSD-3-Clause'),
  ...same('BSD-3-Clause-Clear', 'BSL-1.0', 'C-UDA-1.0', 'CC0-1.0', 'CC-BY-2.0', 'CC-BY-2.5'),
  ...same('CC-BY-3.0', 'CC-BY-4.0', 'CC-BY-SA-3.0', 'CC-BY-SA-4.0', 'CC-BY-NC-2.0', 'CC-BY-NC-3.0'),
  ...same('CC-BY-NC-4.0', 'CC-BY-ND-4.0', 'CC-BY-NC-ND-3.0', 'CC-BY-NC-ND-4.0', 'CC-BY-NC-SA-2.0'),
  ...same('CC-BY-NC-SA-3.0', 'CC-BY-NC-SA-4.0', 'CDLA-Permissive-1.0', 'CDLA-Permissive-2.0'),
  ...same(
    'CDLA-Sharing-1.0',
    'ECL-2.0',
    'EPL-1.0',
    'EPL-2.0',
    'etalab-2.0',
    'EUPL-1.1',
    'EUPL-1.2',
  ),
  ...same(
    'ISC',
    'LPPL-1.3c',
    'MIT',
    'MPL-2.0',
    'MS-PL',
    'NCSA',
    'OFL-1.1',
    'OSL-3.0',
    'PostgreSQL',
  ),
  ...same('Unlicense', 'WTFPL', 'Zlib'),
  ['c-uda', 'C-UDA-1.0'],
  ['agpl-3.0', 'AGPL-3.0-only'],
  ['gpl-2.0', 'GPL-2.0-only'],
  ['gpl-3.0', 'GPL-3.0-only'],
  ['lgpl-2.1', 'LGPL-2.1-only'],
  ['lgpl-3.0', 'LGPL-3.0-only'],
  ['odc-by', 'ODC-By-1.0'],
  ['odbl', 'ODbL-1.0'],
  ['pddl', 'PDDL-1.0'],
]);

const invalid = (message: string) => new OpenLedgerError('invalid_input', message);
