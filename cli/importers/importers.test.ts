import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Draft } from '@openledger/sdk';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { detectLicence } from './detect-licence.ts';
import { directoryDrafts } from './directory.ts';
import { jsonlDrafts } from './jsonl.ts';
import { lineWeights, visibleCharacters } from './line-weights.ts';
import { compareVersions, npmTreeDrafts } from './npm-tree.ts';
import type { Problem } from './problem.ts';

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function folderWith(files: Readonly<Record<string, string | Buffer>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'openledger-test-'));
  folders.push(folder);
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  return folder;
}

async function all(drafts: AsyncIterable<Draft>): Promise<readonly Draft[]> {
  const list = [];
  for await (const draft of drafts) list.push(draft);
  return list;
}

test('JSONL: a line nested without end is one broken line', async () => {
  const deep = `{"text":"a","nested":${'['.repeat(50_000)}${']'.repeat(50_000)}}`;
  const folder = folderWith({ 'a.jsonl': `${deep}\n{"text": "good"}` });
  const problems: Problem[] = [];
  const onProblem = (one: Problem) => problems.push(one);
  const drafts = await all(jsonlDrafts(join(folder, 'a.jsonl'), { onProblem }));
  expect(drafts.map(({ text }) => text)).toEqual(['good']);
  expect(problems).toMatchObject([{ line: 1, message: 'It is nested too deeply.' }]);
});

test('JSONL: good lines become drafts, broken ones are reported by number', async () => {
  const lines = [
    '{"text": "first", "licence": "MIT", "contributors": [{"handle": "ada", "weight": 2}], "id": 7}',
    '',
    '{"text": "second"',
    '{"text": 3}',
    '[]',
    '{"text": "third", "contributors": [{"identity": "github:bob", "weight": 0}]}',
    '{"text": "fourth", "metadata": {"a": 1}}\r',
  ].join('\n');
  const folder = folderWith({
    'a.jsonl': Buffer.concat([Buffer.from(lines), Buffer.from([0x0a, 0x22, 0xff, 0x22])]),
  });
  const problems: Problem[] = [];
  const options = { licence: 'CC0-1.0', onProblem: (one: Problem) => problems.push(one) };
  const drafts = await all(jsonlDrafts(join(folder, 'a.jsonl'), options));
  expect(drafts).toEqual([
    {
      text: 'first',
      licence: 'MIT',
      contributors: [{ identity: 'handle:ada', weight: 2 }],
      source: { kind: 'jsonl', path: 'a.jsonl', line: 1 },
      metadata: { id: 7 },
    },
    {
      text: 'fourth',
      licence: 'CC0-1.0',
      source: { kind: 'jsonl', path: 'a.jsonl', line: 7 },
      metadata: { a: 1 },
    },
  ]);
  expect(problems.map(({ line }) => line)).toEqual([3, 4, 5, 6, 8]);
});

test('directory: text files in order, nothing from outside, the licence of the folder', async () => {
  const outside = folderWith({ 'secret.md': 'secret' });
  const folder = folderWith({
    LICENSE:
      'Permission is hereby granted, free of charge, to any person obtaining a copy. It shall be included in all copies.',
    'b.md': '\ufeffsecond\r\nline',
    'a/first.txt': 'first',
    'image.png': 'png',
    '.hidden/x.md': 'hidden',
    'node_modules/x.md': 'dependency',
    'latin.txt': Buffer.from([0xe9]),
    'binary.txt': 'a\0b',
  });
  symlinkSync(join(outside, 'secret.md'), join(folder, 'leak.md'));
  symlinkSync(outside, join(folder, 'leaks'));
  symlinkSync(join(folder, 'b.md'), join(folder, 'again.md'));
  const problems: Problem[] = [];
  const drafts = await all(directoryDrafts(folder, { onProblem: (one) => problems.push(one) }));
  expect(drafts.map(({ text, licence, source }) => [source?.path, licence, text])).toEqual([
    ['a/first.txt', 'MIT', 'first'],
    ['b.md', 'MIT', 'second\nline'],
  ]);
  expect(problems.map(({ path }) => path)).toEqual(['binary.txt', 'latin.txt', 'leak.md', 'leaks']);
});

test('npm tree: the newest version of each name, README and docs, licence and hints of the manifest', async () => {
  const manifest = (name: string, version: string, rest = {}) =>
    JSON.stringify({ name, version, ...rest });
  const folder = folderWith({
    'b/package.json': manifest('b', '1.9.0', { license: 'MIT', author: 'Ada <ada@example.org>' }),
    'b/README.md': 'old b',
    'a/package.json': manifest('a', '2.0.0', {
      licenses: [{ type: 'ISC' }],
      maintainers: [{ name: 'Bob', email: 'bob@example.org' }],
      repository: { url: 'git+https://example.org/a.git' },
    }),
    'a/readme.markdown': 'a',
    'a/CHANGELOG.md': 'not this',
    'a/docs/deep/guide.md': 'guide',
    'a/node_modules/b/package.json': manifest('b', '1.10.0', { license: 'MIT' }),
    'a/node_modules/b/README.md': 'new b',
    '@s/c/package.json': manifest('@s/c', '0.1.0-rc.1'),
    '@s/c/README': 'c',
    'broken/package.json': '{',
    'no-package/README.md': 'nothing',
    '.bin/x.md': 'not a package',
  });
  const problems: Problem[] = [];
  const drafts = await all(npmTreeDrafts(folder, { onProblem: (one) => problems.push(one) }));
  expect(
    drafts.map(({ text, licence, source }) => [
      source?.package,
      source?.version,
      source?.path,
      licence,
      text,
    ]),
  ).toEqual([
    ['@s/c', '0.1.0-rc.1', 'README', undefined, 'c'],
    ['a', '2.0.0', 'docs/deep/guide.md', 'ISC', 'guide'],
    ['a', '2.0.0', 'readme.markdown', 'ISC', 'a'],
    ['b', '1.10.0', 'README.md', 'MIT', 'new b'],
  ]);
  expect(drafts[1].contributors).toEqual([
    {
      identity: 'npm-package:a',
      weight: 1,
      hint: { maintainers: 'Bob <bob@example.org>', repository: 'git+https://example.org/a.git' },
    },
  ]);
  expect(problems.map(({ path }) => path)).toEqual(['broken/package.json']);
});

test('versions are ordered as semantic versioning orders them', () => {
  const ordered = [
    '1.0.0-alpha',
    '1.0.0-alpha.1',
    '1.0.0-alpha.beta',
    '1.0.0-beta.2',
    '1.0.0-beta.11',
    '1.0.0-rc.1',
    '1.0.0',
    '1.2.0',
    '1.10.0+build',
    '2.0.0-x-y',
    '2.0.0',
  ];
  for (const [i, a] of ordered.entries()) {
    for (const [j, b] of ordered.entries())
      expect(Math.sign(compareVersions(a, b))).toBe(Math.sign(i - j));
  }
});

test('licences are told apart by what only they say, and never guessed', () => {
  expect(detectLicence('Apache License\n  Version 2.0, January 2004')).toBe('Apache-2.0');
  expect(detectLicence('// SPDX-License-Identifier: CC-BY-4.0')).toBe('CC-BY-4.0');
  expect(detectLicence('All rights reserved.')).toBeUndefined();
  const bsd = 'Redistribution and use in source and binary forms, with or without modification';
  expect(detectLicence(bsd)).toBe('BSD-2-Clause');
  expect(detectLicence(`${bsd}. Neither the name of the holder`)).toBe('BSD-3-Clause');
});

test("line weights are exact: each line's characters, divided among its writers", () => {
  const writers = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e'), {
    minLength: 1,
    maxLength: 5,
  });
  const line = fc.record({ text: fc.string({ unit: 'grapheme', maxLength: 40 }), writers });
  fc.assert(
    fc.property(fc.array(line, { maxLength: 30 }), (lines) => {
      const weights = lineWeights(
        lines.map(({ text, writers }) => ({ characters: visibleCharacters(text), writers })),
      );
      const exact = new Map<string, number>(); // in 60ths of a character
      let all = 0;
      for (const one of lines) {
        const characters = [...one.text.replaceAll(/\s/g, '')].length;
        all += 60 * characters;
        for (const writer of one.writers) {
          exact.set(writer, (exact.get(writer) ?? 0) + (60 * characters) / one.writers.length);
        }
      }
      const total = weights.reduce((sum, { weight }) => sum + weight, 0);
      for (const { writer, weight } of weights) {
        expect(Number.isSafeInteger(weight)).toBe(true);
        expect(BigInt(weight) * BigInt(all)).toBe(BigInt(exact.get(writer) ?? 0) * BigInt(total));
      }
      expect(weights.length).toBe([...exact.values()].filter((weight) => weight > 0).length);
    }),
  );
});
