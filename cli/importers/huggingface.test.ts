import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import type { Draft } from '@openledger/sdk';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { readCard } from './dataset-card.ts';
import { huggingFaceDrafts } from './huggingface.ts';
import { matchesPath } from './match-path.ts';
import type { Problem, RowOptions } from './problem.ts';

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

function folderWith(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'openledger-dataset-'));
  folders.push(folder);
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  return folder;
}

async function read(folder: string, options: RowOptions = {}) {
  const problems: Problem[] = [];
  const drafts: Draft[] = [];
  const onProblem = (problem: Problem) => problems.push(problem);
  for await (const draft of huggingFaceDrafts(folder, { ...options, onProblem }))
    drafts.push(draft);
  return { drafts, problems };
}

const card = (yaml: string) => `---\n${yaml}\n---\n# A dataset\n`;

test('the card names licence, language and files; each kind of file is read as it is elsewhere', async () => {
  const folder = folderWith({
    'README.md': card(`license: cc-by-4.0
language: [en, sv]
pretty_name: Tides
configs:
- config_name: rows
  data_files:
  - split: train
    path: ["data/*.jsonl", data/a.parquet]
  - split: test
    path: "more/**/x?.csv"
- config_name: talks
  data_files: chat/talks.jsonl`),
    'data/a.jsonl': '{"text":"one","author":"Inger"}\n{"text":"two","licence":"MIT"}\nbroken\n',
    'data/b.csv': 'text\nunnamed\n',
    'more/deep/er/x1.csv': 'text,id\nthree,3\n',
    'chat/talks.jsonl': '{"messages":[{"role":"user","content":"Four?"}]}\n',
  });
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  await connection.run(
    `copy (select 'five' as text) to '${folder}/data/a.parquet' (format parquet)`,
  );
  connection.closeSync();

  const { drafts, problems } = await read(folder, { licence: 'CC0-1.0' });
  const rows = { dataset: 'Tides', config: 'rows', language: 'en, sv' };
  expect(drafts).toMatchObject([
    {
      ...{ text: 'one', licence: 'CC-BY-4.0', contributors: [{ identity: 'handle:Inger' }] },
      source: { kind: 'jsonl', path: 'data/a.jsonl', line: 1 },
      metadata: { ...rows, split: 'train' },
    },
    { text: 'two', licence: 'MIT' },
    { text: 'five', source: { kind: 'parquet', path: 'data/a.parquet', line: 1 } },
    {
      ...{ text: 'three', metadata: { ...rows, split: 'test', id: '3' } },
      source: { kind: 'csv', path: 'more/deep/er/x1.csv', line: 2 },
    },
    { text: 'user:\nFour?\n', source: { kind: 'chat' }, metadata: { config: 'talks' } },
  ]);
  expect(drafts.length).toBe(5);
  expect(problems).toMatchObject([{ path: 'data/a.jsonl', line: 3, message: 'It is not JSON.' }]);
});

test('without a card, files are found by their names, and one that has no text does not stop the others', async () => {
  const folder = folderWith({
    'dataset_infos.json': '{}',
    'dev.csv': 'body\nx\n',
    'notes.md': 'not data',
    'test-00000-of-00001.jsonl': '{"text":"b"}',
    'train.jsonl': '{"text":"a"}',
  });
  const { drafts, problems } = await read(folder, { licence: 'MIT' });
  expect(drafts).toMatchObject([
    { text: 'b', licence: 'MIT', metadata: { split: 'test' } },
    { text: 'a', metadata: { split: 'train' } },
  ]);
  expect(problems).toMatchObject([{ path: 'dev.csv', message: expect.stringContaining('body') }]);
  await expect(read(folderWith({ 'notes.md': 'x' }))).rejects.toThrow('no data files');
  const inData = await read(folderWith({ 'data/x.csv': 'text\nin\n', 'y.csv': 'text\nout\n' }));
  expect(inData.drafts.map(({ text }) => text)).toEqual(['in']);
});

test.each([
  ['../../etc/passwd'],
  ['data/../../x.jsonl'],
  ['/etc/*'],
  ['~/x.jsonl'],
  ['https://example.org/x.jsonl'],
  ['hf://datasets/x/y.jsonl'],
  ['C:\\x.jsonl'],
  ['a\\..\\..\\x.jsonl'],
])('data_files that lead out of the folder are refused by name: %s', async (path) => {
  const yaml = `configs:\n- config_name: x\n  data_files: ${JSON.stringify(path)}`;
  const folder = folderWith({ 'README.md': card(yaml), 'train.jsonl': '{"text":"a"}' });
  await expect(read(folder)).rejects.toMatchObject({
    code: 'invalid_input',
    message: expect.stringContaining('leads out of the folder'),
  });
});

test('links out of the folder are not followed, and a card that is no YAML or a bomb is refused', async () => {
  const outside = folderWith({ 'secret.jsonl': '{"text":"secret"}' });
  const folder = folderWith({ 'data/a.jsonl': '{"text":"a"}' });
  symlinkSync(join(outside, 'secret.jsonl'), join(folder, 'data/b.jsonl'));
  const { drafts, problems } = await read(folder);
  expect(drafts.map(({ text }) => text)).toEqual(['a']);
  expect(problems).toMatchObject([{ path: 'data/b.jsonl' }]);
  expect(() => readCard(card('a: [b'))).toThrow('not YAML');
  const bomb = Array.from(
    { length: 12 },
    (_, i) => `a${i}: &a${i} [${Array(9).fill(i ? `*a${i - 1}` : 'x')}]`,
  );
  expect(() => readCard(card(bomb.join('\n')))).toThrow('not YAML');
});

test("Hugging Face's licences are SPDX ids only where they mean one", () => {
  const licenceOf = (yaml: string) => readCard(card(`license: ${yaml}`)).licence;
  expect(
    ['mit', 'apache-2.0', 'cc0-1.0', 'odc-by', 'gpl-3.0', '[cc-by-sa-4.0]'].map(licenceOf),
  ).toEqual(['MIT', 'Apache-2.0', 'CC0-1.0', 'ODC-By-1.0', 'GPL-3.0-only', 'CC-BY-SA-4.0']);
  for (const none of [
    'other',
    'unknown',
    'cc',
    '[mit, apache-2.0]',
    'llama3',
    '{a: b}',
    'constructor',
  ])
    expect(licenceOf(none)).toBeUndefined();
  expect(readCard('no card').licence).toBeUndefined();
});

test('paths match patterns as the obvious regular expression says, and no pattern takes long', () => {
  const letters = fc.constantFrom('a', 'b', '*', '?', '**');
  const part = fc.array(letters, { minLength: 1, maxLength: 4 }).map((list) => list.join(''));
  const pattern = fc.array(fc.oneof(part, fc.constant('**')), { minLength: 1, maxLength: 4 });
  const name = fc.string({ unit: fc.constantFrom('a', 'b', '.'), minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(fc.array(name, { minLength: 1, maxLength: 4 }), pattern, (names, parts) => {
      const source = parts
        .map((one) =>
          one === '**'
            ? '(?:[^/]+/)*'
            : `${one.replaceAll(/\*+/g, '[^/]*').replaceAll('?', '[^/]')}/`,
        )
        .join('');
      const expected = new RegExp(`^${source}$`).test(`${names.join('/')}/`);
      expect(matchesPath(names.join('/'), parts.join('/'))).toBe(expected);
    }),
    { numRuns: 2000 },
  );
  const startedAt = performance.now();
  expect(matchesPath('a'.repeat(1000), `${'*a'.repeat(200)}b`)).toBe(false);
  expect(performance.now() - startedAt).toBeLessThan(1000);
});
