import { expect, test } from 'vitest';
import { placeOf } from './place-of.ts';

const text = 'First line.\nSecond line.\nThird line.';

test('names package, version, path and line', () => {
  const source = {
    kind: 'npm',
    package: 'zod',
    version: '4.6.7',
    path: 'README.md',
    line: 10,
  } as const;
  expect(placeOf({ source, parents: [] }, text, text.indexOf('Third'))).toBe(
    'zod@4.6.7 README.md:12',
  );
});

test('counts the lines that a refinement left out', () => {
  const source = { kind: 'directory', path: 'a.md', line: 4 } as const;
  const parents = [{ lines: [2, 5, 9] }];
  expect(placeOf({ source, parents }, text, text.indexOf('Second'))).toBe('a.md:7');
});

test('a line of a JSONL file is the whole record', () => {
  const source = { kind: 'jsonl', path: 'docs.jsonl', line: 3 } as const;
  expect(placeOf({ source, parents: [] }, text, text.indexOf('Third'))).toBe('docs.jsonl:3');
});

test('says how a record came when its source has no name', () => {
  expect(placeOf({ source: { kind: 'api' }, parents: [] }, text, 0)).toBe(
    'contributed through the API',
  );
});
