import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CROISSANT_CONTEXT, CROISSANT_VERSION, type Draft } from '@openledger/sdk';
import { afterAll, expect, test } from 'vitest';
import { croissantDrafts } from './croissant.ts';
import type { Problem } from './problem.ts';

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

const LINES = [
  { text: 'first', licence: 'MIT', contributors: ['handle:ada', 'npm-package:zod'] },
  { text: 'second', contributors: ['local:root'] },
  { text: 'third' },
].map((line) => `${JSON.stringify(line)}\n`);

function folderWith(file: object = {}, rest: object = {}): string {
  const folder = mkdtempSync(join(tmpdir(), 'openledger-croissant-'));
  folders.push(folder);
  const sha256 = createHash('sha256').update(LINES.join('')).digest('hex');
  const description = {
    '@context': CROISSANT_CONTEXT,
    '@type': 'sc:Dataset',
    name: 'shore',
    conformsTo: CROISSANT_VERSION,
    license: 'https://creativecommons.org/licenses/by/4.0/',
    distribution: {
      '@type': 'cr:FileObject',
      '@id': 'records',
      contentUrl: 'records.jsonl',
      encodingFormat: 'application/jsonlines',
      sha256,
      ...file,
    },
    recordSet: {
      '@type': 'cr:RecordSet',
      '@id': 'all',
      field: {
        '@type': 'cr:Field',
        '@id': 'all/text',
        dataType: 'sc:Text',
        source: { fileObject: { '@id': 'records' }, extract: { column: 'text' } },
      },
    },
    ...rest,
  };
  writeFileSync(join(folder, 'records.jsonl'), LINES.join(''));
  writeFileSync(join(folder, 'croissant.json'), JSON.stringify(description));
  return folder;
}

async function read(path: string, onProblem?: (problem: Problem) => void): Promise<Draft[]> {
  const drafts = [];
  for await (const draft of croissantDrafts(path, { onProblem })) drafts.push(draft);
  return drafts;
}

test('records keep their licence and contributors; the data set gives its licence to those that have none', async () => {
  const problems: Problem[] = [];
  const drafts = await read(folderWith(), (problem) => problems.push(problem));
  expect(drafts).toMatchObject([
    {
      ...{ text: 'first', licence: 'MIT' },
      contributors: [
        { identity: 'handle:ada', weight: 1 },
        { identity: 'npm-package:zod', weight: 1 },
      ],
      source: { kind: 'jsonl', path: 'records.jsonl', line: 1 },
    },
    { text: 'third', licence: 'CC-BY-4.0' },
  ]);
  expect(problems).toMatchObject([{ line: 2, message: expect.stringContaining('another') }]);
});

test.each([
  ['a changed file', folderWith({ sha256: '0'.repeat(64) }), 'not what its sha256 says'],
  ['a file that is not there', folderWith({ contentUrl: 'gone.jsonl' }), 'not beside'],
  ['an address', folderWith({ contentUrl: 'https://example.org/a.jsonl' }), 'not beside'],
  ['a way out', folderWith({ contentUrl: '../../etc/hostname' }), '../../etc/hostname'],
  ['another format', folderWith({ encodingFormat: 'text/csv' }), 'text/csv cannot be read'],
  ['no text', folderWith({}, { recordSet: [] }), 'No field "text"'],
  ['another version', folderWith({}, { conformsTo: 'x' }), 'neither Croissant 1.0 nor 1.1'],
])('refuses %s by name', async (_, folder, reason) => {
  await expect(read(folder)).rejects.toMatchObject({
    code: 'invalid_input',
    message: expect.stringContaining(reason),
  });
});

test('a link out of the folder is not followed', async () => {
  const folder = folderWith({ contentUrl: 'link.jsonl' });
  symlinkSync('/etc/hostname', join(folder, 'link.jsonl'));
  await expect(read(folder)).rejects.toThrow('leads out of the folder');
});
