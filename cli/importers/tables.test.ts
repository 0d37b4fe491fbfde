import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import type { Draft } from '@openledger/sdk';
import { afterAll, expect, test } from 'vitest';
import { chatDrafts } from './chat.ts';
import { csvDrafts } from './csv.ts';
import { jsonlDrafts } from './jsonl.ts';
import { parquetDrafts } from './parquet.ts';
import type { Problem, RowOptions } from './problem.ts';

const folder = mkdtempSync(join(tmpdir(), 'openledger-tables-'));
afterAll(() => rmSync(folder, { recursive: true }));

function fileWith(name: string, ...parts: readonly (string | Uint8Array)[]): string {
  const path = join(folder, name);
  writeFileSync(path, Buffer.concat(parts.map((part) => Buffer.from(part as string))));
  return path;
}

async function read(
  importer: (path: string, options: RowOptions) => AsyncIterable<Draft>,
  path: string,
  options: RowOptions = {},
) {
  const problems: Problem[] = [];
  const drafts: Draft[] = [];
  const onProblem = (problem: Problem) => problems.push(problem);
  for await (const draft of importer(path, { ...options, onProblem })) drafts.push(draft);
  return { drafts, problems };
}

async function writeParquet(name: string, query: string): Promise<string> {
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  const path = join(folder, name);
  await connection.run(`copy (${query}) to '${path.replaceAll("'", "''")}' (format parquet)`);
  connection.closeSync();
  return path;
}

test('CSV: quotes, line ends and a byte order mark; rows are numbered by the line they begin on', async () => {
  const path = fileWith(
    'a.csv',
    '\ufefftext,licence,author,id\r\n"He said ""no"",\r\ntwice.",MIT,Inger; github:bo,7\r\n\r\n',
    'bare,,Ada <ada@example.org>,\r\ntoo,few\r\n',
    Uint8Array.of(0xe9),
    ',,,\r\n,MIT,,\r\nan 8" board,,,\r\n',
  );
  const { drafts, problems } = await read(csvDrafts, path, { licence: 'CC0-1.0' });
  expect(drafts).toEqual([
    {
      ...{ text: 'He said "no",\ntwice.', licence: 'MIT', metadata: { id: '7' } },
      contributors: [
        { identity: 'handle:Inger', weight: 1 },
        { identity: 'github:bo', weight: 1 },
      ],
      source: { kind: 'csv', path: 'a.csv', line: 2 },
    },
    {
      ...{ text: 'bare', licence: 'CC0-1.0' },
      contributors: [{ identity: { kind: 'git', email: 'ada@example.org' }, weight: 1 }],
      source: { kind: 'csv', path: 'a.csv', line: 5 },
    },
    { text: 'an 8" board', licence: 'CC0-1.0', source: { kind: 'csv', path: 'a.csv', line: 9 } },
  ]);
  expect(problems.map(({ line, message }) => [line, message])).toEqual([
    [6, 'It has 2 cells; the first row has 4.'],
    [7, 'It is not valid UTF-8.'],
    [8, expect.stringContaining('text: ')],
  ]);
});

test('CSV: tabs and semicolons are found, and columns may be named', async () => {
  const columns = { textColumn: 'body', contributorColumn: 'writer' };
  for (const [name, cell] of [
    ['a.tsv', '\t'],
    ['b.csv', ';'],
  ]) {
    const path = fileWith(name, `body${cell}"writer"${cell}text\nsaid, so${cell}Bo${cell}kept\n`);
    expect((await read(csvDrafts, path, columns)).drafts).toMatchObject([
      { text: 'said, so', contributors: [{ identity: 'handle:Bo' }], metadata: { text: 'kept' } },
    ]);
  }
});

test('CSV: a quote that nothing closes ends the file in a problem, whatever its size; rows before it go in', async () => {
  const path = fileWith('open.csv', 'text\nfirst\nsecond\n"never', 'x\n'.repeat(40_000_000));
  for (const file of [fileWith('short.csv', 'text\nfirst\nsecond\n"never\nends\n'), path]) {
    const { drafts, problems } = await read(csvDrafts, file);
    expect(drafts.map(({ text }) => text)).toEqual(['first', 'second']);
    expect(problems).toMatchObject([{ line: 4, message: expect.stringContaining('never closed') }]);
  }
});

test('CSV: a long row is one problem, a header without the text or with a name twice refuses the file', async () => {
  const long = fileWith('long.csv', 'text\n', `${'x'.repeat(4_000_001)}\nshort\n`);
  const { drafts, problems } = await read(csvDrafts, long);
  expect([drafts.length, problems[0].line]).toEqual([1, 2]);
  await expect(read(csvDrafts, fileWith('b.csv', 'body,id\nx,1\n'))).rejects.toThrow('body, id');
  await expect(read(csvDrafts, fileWith('c.csv', 'text,a,a\n'))).rejects.toThrow('two columns "a"');
  expect((await read(csvDrafts, fileWith('d.csv', ''))).drafts).toEqual([]);
});

test('a row means the same in JSON lines, CSV and Parquet', async () => {
  const json = fileWith(
    'same.jsonl',
    '{"text":"one","license":"MIT","contributors":["Ada","github:bo"],"id":"7","purposes":["retrieve"]}',
  );
  const csv = fileWith(
    'same.csv',
    'text,license,contributors,id,purposes\none,MIT,Ada;github:bo,7,retrieve\n',
  );
  const parquet = await writeParquet(
    'same.parquet',
    "select 'one' as text, 'MIT' as license, ['Ada','github:bo'] as contributors, '7' as id, ['retrieve'] as purposes",
  );
  const all = [
    await read(jsonlDrafts, json),
    await read(csvDrafts, csv),
    await read(parquetDrafts, parquet),
  ];
  const meant = all.map(({ drafts: [{ source: _, ...draft }] }) => draft);
  expect(meant[0]).toEqual({
    ...{ text: 'one', licence: 'MIT', purposes: ['retrieve'], metadata: { id: '7' } },
    contributors: [
      { identity: 'handle:Ada', weight: 1 },
      { identity: 'github:bo', weight: 1 },
    ],
  });
  expect(meant[1]).toEqual(meant[0]);
  expect(meant[2]).toEqual(meant[0]);
});

test('Parquet: rows in order over many row groups, bytes left out, large integers kept, bad rows by number', async () => {
  const path = await writeParquet(
    "it's [1].parquet",
    `select case when range = 5 then null else 'text ' || range end as text, 'x'::blob as picture,
            9007199254740993 as large, {'a': range, 'b': 'y'::blob} as nested, 1.5 as half
     from range(130000)`,
  );
  const { drafts, problems } = await read(parquetDrafts, path, { licence: 'MIT' });
  expect(problems).toMatchObject([{ line: 6, message: expect.stringContaining('text: ') }]);
  expect(drafts.length).toBe(129_999);
  expect(drafts[123_456]).toEqual({
    ...{
      text: 'text 123457',
      licence: 'MIT',
      metadata: { large: '9007199254740993', half: '1.5' },
    },
    source: { kind: 'parquet', path: "it's [1].parquet", line: 123_458 },
  });
});

test('Parquet: a broken file is a problem, a file without the text is refused by its columns', async () => {
  const broken = fileWith('broken.parquet', 'PAR1', 'x'.repeat(100), 'PAR1');
  const { drafts, problems } = await read(parquetDrafts, broken);
  expect(drafts).toEqual([]);
  expect(problems).toMatchObject([{ message: expect.stringContaining('cannot be read') }]);
  const other = await writeParquet('other.parquet', "select 'x' as body, 1 as text");
  await expect(read(parquetDrafts, other)).rejects.toThrow('body, text');
  expect((await read(parquetDrafts, other, { textColumn: 'body' })).drafts.length).toBe(1);
});

test('chat: one record a conversation, roles in its metadata, tools and parts of text as they were said', async () => {
  const path = fileWith(
    'a.jsonl',
    `${JSON.stringify({
      messages: [
        { role: 'system', content: 'Answer briefly.' },
        {
          role: 'user',
          name: 'inger',
          content: [
            { type: 'text', text: 'When is' },
            { type: 'text', text: 'high water?' },
          ],
        },
        {
          role: 'assistant',
          content: null,
          tool_calls: [
            {
              id: 'c1',
              type: 'function',
              function: { name: 'tide', arguments: '{ "place": "Kivik" }' },
            },
          ],
        },
        { role: 'tool', tool_call_id: 'c1', content: '12:40' },
        { role: 'assistant', content: 'At 12:40.' },
      ],
      licence: 'MIT',
      author: 'Inger',
      topic: 'tides',
    })}\n`,
    '{"messages":[]}\n{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"http://127.0.0.1/x"}}]}]}\n{"prompt":"x"}\n{',
  );
  const { drafts, problems } = await read(chatDrafts, path);
  expect(drafts).toEqual([
    {
      text: `system:
Answer briefly.

user inger:
When is
high water?

assistant:
calls tide {"place":"Kivik"}

tool:
12:40

assistant:
At 12:40.
`,
      ...{ licence: 'MIT', contributors: [{ identity: 'handle:Inger', weight: 1 }] },
      source: { kind: 'chat', path: 'a.jsonl', line: 1 },
      metadata: { topic: 'tides', roles: ['system', 'user', 'assistant', 'tool', 'assistant'] },
    },
  ]);
  expect(problems.map(({ line, message }) => [line, message])).toEqual([
    [2, expect.stringContaining('messages: ')],
    [3, 'messages.0.content: It holds image_url; only text is read.'],
    [4, expect.stringContaining('messages: ')],
    [5, 'It is not JSON.'],
  ]);
});
