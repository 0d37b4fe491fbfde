/**
 * Croissant: descriptions of data sets as JSON-LD, read as far as files and their fields.
 *
 * Source: MLCommons Croissant format specification, versions 1.0 and 1.1.
 */
import { z } from 'zod';
import { OpenLedgerError } from './errors.ts';

export const CROISSANT_VERSION = 'http://mlcommons.org/croissant/1.1';

/** Prefixes and terms of every description that is written here: those of the specification's examples. */
export const CROISSANT_CONTEXT = {
  '@language': 'en',
  '@vocab': 'https://schema.org/',
  ...cr('arrayShape', 'citeAs', 'column'),
  conformsTo: 'dct:conformsTo',
  ...cr('containedIn'),
  cr: 'http://mlcommons.org/croissant/',
  rai: 'http://mlcommons.org/croissant/RAI/',
  data: { '@id': 'cr:data', '@type': '@json' },
  dataType: { '@id': 'cr:dataType', '@type': '@vocab' },
  dct: 'http://purl.org/dc/terms/',
  examples: { '@id': 'cr:examples', '@type': '@json' },
  ...cr('extract', 'field', 'fileProperty', 'fileObject', 'fileSet', 'format', 'includes'),
  ...cr('isArray', 'isLiveDataset', 'jsonPath', 'key', 'md5', 'parentField', 'path'),
  prov: 'http://www.w3.org/ns/prov#',
  ...cr('recordSet', 'references', 'regex', 'repeated', 'replace'),
  sc: 'https://schema.org/',
  ...cr('separator', 'source', 'subField', 'transform'),
} as const;

function cr(...terms: string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(terms.map((term) => [term, `cr:${term}`]));
}

const Text = z.string().min(1);
const Reference = z.looseObject({ '@id': Text });
/** From 1.1 on a container may be a source with transforms. */
const Container = z.union([
  Reference,
  z.looseObject({ fileObject: Reference }).transform(({ fileObject }) => fileObject),
]);
/** JSON-LD writes a list of one as that one. */
const oneOrMore = <S extends z.ZodType>(schema: S) =>
  z.preprocess((value) => (value === undefined ? value : [value].flat()), z.array(schema).min(1));
const list = <S extends z.ZodType>(schema: S) =>
  z.preprocess((value) => (value === undefined ? [] : [value].flat()), z.array(schema));

const CroissantFileObject = z.looseObject({
  '@type': z.literal('cr:FileObject'),
  '@id': Text,
  contentUrl: Text,
  encodingFormat: oneOrMore(Text),
  sha256: Text.optional(),
  md5: Text.optional(),
  containedIn: oneOrMore(Container).optional(),
});
export type CroissantFileObject = z.output<typeof CroissantFileObject>;

const CroissantFileSet = z.looseObject({
  '@type': z.literal('cr:FileSet'),
  '@id': Text,
  encodingFormat: oneOrMore(Text),
  includes: oneOrMore(Text),
  containedIn: oneOrMore(Container).optional(),
});

const CroissantSource = z.looseObject({
  fileObject: Reference.optional(),
  fileSet: Reference.optional(),
  field: Reference.optional(),
  extract: z
    .looseObject({
      column: Text.optional(),
      jsonPath: Text.optional(),
      fileProperty: Text.optional(),
    })
    .optional(),
});

const CroissantField = z.looseObject({
  '@type': z.literal('cr:Field'),
  '@id': Text,
  name: Text.optional(),
  dataType: oneOrMore(Text).optional(),
  source: CroissantSource.optional(),
  references: z.looseObject({ field: Reference.optional() }).optional(),
});
export type CroissantField = z.output<typeof CroissantField>;

const CroissantRecordSet = z.looseObject({
  '@type': z.literal('cr:RecordSet'),
  '@id': Text,
  name: Text.optional(),
  field: list(CroissantField),
});

const Croissant = z.looseObject({
  '@context': z.looseObject({}),
  '@type': z.enum(['sc:Dataset', 'Dataset', 'https://schema.org/Dataset']),
  /** Required by the specification; published descriptions lack it. */
  name: Text.optional(),
  conformsTo: oneOrMore(Text),
  description: z.string().optional(),
  license: oneOrMore(Text).optional(),
  distribution: list(z.discriminatedUnion('@type', [CroissantFileObject, CroissantFileSet])),
  recordSet: list(CroissantRecordSet),
});
export type Croissant = z.output<typeof Croissant>;

/**
 * Reads a description and holds it to the format: its version, files that can be checked, sources that exist.
 *
 * @throws invalid_input, which says what is wrong and where
 */
export function parseCroissant(value: unknown): Croissant {
  const parsed = Croissant.safeParse(value);
  if (!parsed.success) {
    const [{ path, message }] = parsed.error.issues;
    throw invalid(`${path.join('.') || 'The description'}: ${message}`);
  }
  const fault = faultOfCroissant(parsed.data);
  if (fault !== undefined) throw invalid(fault);
  return parsed.data;
}

const invalid = (fault: string) =>
  new OpenLedgerError('invalid_input', `It is no valid Croissant description. ${fault}`, { fault });

const VERSIONS = [CROISSANT_VERSION, 'http://mlcommons.org/croissant/1.0'];

/** What the shapes alone do not say. */
function faultOfCroissant({ conformsTo, distribution, recordSet }: Croissant): string | undefined {
  if (!conformsTo.some((version) => VERSIONS.includes(version)))
    return `conformsTo: ${conformsTo.join(', ')} is neither Croissant 1.0 nor 1.1.`;
  const fields = recordSet.flatMap((one) => one.field);
  const ids = [...distribution, ...recordSet, ...fields].map((one) => one['@id']);
  const twice = ids.find((id, i) => ids.indexOf(id) !== i);
  if (twice !== undefined) return `@id: ${twice} names two things.`;

  const files = new Map(distribution.map((one) => [one['@id'], one]));
  const fieldIds = new Set(fieldsWithin(recordSet));
  for (const one of distribution) {
    const outer = one.containedIn?.find((container) => !files.has(container['@id']));
    if (outer) return `${one['@id']}: it is contained in ${outer['@id']}, which is not described.`;
    if (one['@type'] !== 'cr:FileObject' || one.containedIn) continue;
    if (one.sha256 === undefined && one.md5 === undefined)
      return `${one['@id']}: a file needs its sha256 or md5.`;
  }
  for (const { '@id': id, source, references } of fields) {
    const fault = faultOfSource({ files, fieldIds }, source);
    if (fault) return `${id}: ${fault}`;
    const referred = references?.field?.['@id'];
    if (referred !== undefined && !fieldIds.has(referred))
      return `${id}: it refers to ${referred}, which is no field.`;
  }
  return undefined;
}

function faultOfSource(
  {
    files,
    fieldIds,
  }: {
    readonly files: ReadonlyMap<string, Croissant['distribution'][number]>;
    readonly fieldIds: ReadonlySet<string>;
  },
  source: CroissantField['source'],
): string | undefined {
  if (!source) return undefined;
  const { fileObject, fileSet, field, extract } = source;
  const named = [fileObject, fileSet, field].filter((one) => one !== undefined);
  if (named.length !== 1) return 'its source names not one file object, file set or field.';
  const file = (fileObject ?? fileSet)?.['@id'];
  if (file !== undefined && !files.has(file)) return `its source ${file} is not described.`;
  if (field && !fieldIds.has(field['@id'])) return `its source ${field['@id']} is no field.`;
  const ways = [extract?.column, extract?.jsonPath, extract?.fileProperty];
  const given = ways.filter((one) => one !== undefined).length;
  if (extract && given !== 1)
    return 'it is not extracted by one of column, jsonPath, fileProperty.';
  if (fileObject && !extract) return 'nothing says what to extract from its file.';
  return undefined;
}

/** Ids of fields and of their subfields; record sets stand for themselves. */
function* fieldsWithin(recordSet: Croissant['recordSet']): Generator<string> {
  for (const { '@id': id, field } of recordSet) {
    yield id;
    yield* subfields(field);
  }
}

function* subfields(fields: readonly unknown[]): Generator<string> {
  for (const field of fields) {
    if (typeof field !== 'object' || field === null) continue;
    if ('@id' in field && typeof field['@id'] === 'string') yield field['@id'];
    if ('subField' in field) yield* subfields([field.subField].flat());
  }
}
