import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { CROISSANT_CONTEXT, CROISSANT_VERSION, parseCroissant } from './croissant.ts';

const file = {
  '@type': 'cr:FileObject',
  '@id': 'records.jsonl',
  contentUrl: 'records.jsonl',
  encodingFormat: 'application/jsonlines',
  sha256: 'a'.repeat(64),
};
const field = {
  '@type': 'cr:Field',
  '@id': 'records/text',
  dataType: 'sc:Text',
  source: { fileObject: { '@id': 'records.jsonl' }, extract: { column: 'text' } },
};
const records = { '@type': 'cr:RecordSet', '@id': 'records', field: [field] };
const description = {
  '@context': CROISSANT_CONTEXT,
  '@type': 'sc:Dataset',
  name: 'shore',
  conformsTo: CROISSANT_VERSION,
  distribution: [file],
  recordSet: [records],
};

test('reads a description, one thing or a list of them', () => {
  expect(parseCroissant(description).recordSet[0].field[0]['@id']).toBe('records/text');
  expect(parseCroissant({ ...description, distribution: file }).distribution).toHaveLength(1);
});

const withField = (rest: object) => ({
  ...description,
  recordSet: [{ ...records, field: [{ ...field, ...rest }] }],
});
const withFile = (rest: object) => ({ ...description, distribution: [{ ...file, ...rest }] });
const from = (source: object) => withField({ source });

test.each([
  ['no object', 'text', 'The description'],
  ['another type', { ...description, '@type': 'sc:Person' }, '@type'],
  ['an empty name', { ...description, name: '' }, 'name'],
  ['no version', { ...description, conformsTo: undefined }, 'conformsTo'],
  ['a future one', { ...description, conformsTo: 'http://mlcommons.org/croissant/9.0' }, '9.0'],
  ['a file without a hash', withFile({ sha256: undefined }), 'sha256 or md5'],
  ['a file without an address', withFile({ contentUrl: undefined }), 'contentUrl'],
  ['an unknown container', withFile({ containedIn: { '@id': 'zip' } }), 'contained in zip'],
  ['one id twice', { ...description, distribution: [file, file] }, 'names two things'],
  [
    'an unknown source',
    from({ fileObject: { '@id': 'x' }, extract: { column: 'a' } }),
    'x is not described',
  ],
  ['no extract', from({ fileObject: { '@id': 'records.jsonl' } }), 'what to extract'],
  [
    'two extracts',
    from({ fileObject: { '@id': 'records.jsonl' }, extract: { column: 'a', jsonPath: '$.a' } }),
    'one of column',
  ],
  ['an unknown reference', withField({ references: { field: { '@id': 'y' } } }), 'refers to y'],
])('refuses %s, and says so', (_, value, reason) => {
  expect(() => parseCroissant(value)).toThrow(reason);
});

const peers = fileURLToPath(new URL('../../shared/data/peers/croissant/datasets', import.meta.url));

test.skipIf(!existsSync(peers))(
  'takes every valid description of ../shared/data/peers/croissant (skipped where it is absent)',
  () => {
    const files = readdirSync(peers, { recursive: true, encoding: 'utf8' }).filter((path) =>
      path.endsWith('metadata.json'),
    );
    expect(files.length).toBeGreaterThan(40);
    const refused = files.flatMap((path) => {
      try {
        parseCroissant(JSON.parse(readFileSync(join(peers, path), 'utf8')));
        return [];
      } catch (error) {
        return [`${path}: ${error}`];
      }
    });
    expect(refused).toEqual([]);
  },
);
