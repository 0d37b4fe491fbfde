import { expect, test } from 'vitest';
import { scoreQuality } from '../quality.ts';
import { checkDraft } from './check.ts';
import { allowedBy, OPEN_LICENCES } from './licence.ts';
import { findSecret } from './secrets.ts';

const prose = 'A sentence of ordinary words that says what something is.\nAnd a second line of it.';
const reasonFor = (text: string, licence?: string) =>
  checkDraft({ text, licence }, { licences: OPEN_LICENCES, quality: scoreQuality(text) })?.reason;

test('ordinary text under an open licence is taken', () => {
  expect(reasonFor(prose, 'MIT')).toBeUndefined();
  expect(
    reasonFor(
      '# am\n\n> Android activity manager.\n\n`am start -n {{com.android/.Settings}}`\n',
      'CC-BY-4.0',
    ),
  ).toBeUndefined();
  expect(
    reasonFor('这是一个关于数据的句子。\n它说明了这个东西是什么,以及为什么有用。', 'MIT'),
  ).toBeUndefined();
});

test('each objection has its reason', () => {
  expect(reasonFor(`${prose} `.repeat(20_000), 'MIT')).toBe('size');
  expect(reasonFor(' a b c ', 'MIT')).toBe('size');
  expect(reasonFor(`${prose}\0`, 'MIT')).toBe('encoding');
  expect(reasonFor(`${prose}\ud800`, 'MIT')).toBe('encoding');
  expect(reasonFor('\ufffd\ufffd a caf\ufffd and some more text', 'MIT')).toBe('encoding');
  expect(reasonFor(prose)).toBe('licence');
  expect(reasonFor(prose, 'unknown')).toBe('licence');
  expect(reasonFor(prose, 'UNLICENSED')).toBe('licence');
  expect(reasonFor(prose, 'SEE LICENSE IN LICENSE.md')).toBe('licence');
  expect(reasonFor('aGVsbG8gd29ybGQhIHRoaXMgaXMgZGF0YQ0KaGVsbG8K'.repeat(40), 'MIT')).toBe(
    'quality',
  );
  expect(reasonFor('the same line again\n'.repeat(3000), 'MIT')).toBe('quality');
});

test('licence expressions follow SPDX: OR needs one, AND needs both and binds closer', () => {
  const ids = new Set(['MIT', 'Apache-2.0', 'GPL-2.0']);
  const cases: readonly (readonly [string, boolean | undefined])[] = [
    ['MIT', true],
    ['mit', false],
    ['(MIT OR Proprietary)', true],
    ['MIT AND Proprietary', false],
    ['Proprietary AND MIT OR Apache-2.0', true],
    ['Proprietary AND (MIT OR Apache-2.0)', false],
    ['GPL-2.0+ WITH Classpath-exception-2.0', true],
    ['MIT OR', undefined],
    ['(MIT', undefined],
    ['MIT Apache-2.0', undefined],
    ['MIT / Apache', undefined],
    ['', undefined],
    ['('.repeat(200), undefined],
  ];
  for (const [expression, allowed] of cases)
    expect([expression, allowedBy(expression, ids)]).toEqual([expression, allowed]);
});

const random = 'q8Zr2LxV0nTb7KcJ5mWf3Ydu9GhPs1Ae6RoBiQXt';
const keyBody = `${'MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQ'}${random}`;

test('finds what must not be published', () => {
  const secrets: readonly (readonly [string, string])[] = [
    ['private key', `-----BEGIN RSA ${'PRIVATE'} KEY-----\n${keyBody}\n`],
    ['private key', `-----BEGIN ${'PRIVATE'} KEY-----\n${keyBody}\n`],
    ['AWS', `id = ${'AKIA'}J7Q2XK4LMNPR5T3V`],
    ['GitHub', `${'ghp'}_${random.slice(0, 36)}`],
    ['Slack', `${'xoxb'}-123456789012-${random.slice(0, 24)}`],
    ['web token', `${'eyJ'}hbGciOiJIUzI1NiJ9.${'eyJ'}zdWIiOiIxMjM0NTY3ODkwIn0.${random}.`],
    ['assignment', `MY_API_KEY="${random}"`],
    ['assignment', `"password": '${random}'`],
  ];
  for (const [what, secret] of secrets) {
    expect([what, findSecret(`Some text.\n${secret}\nMore text.`)?.what]).toEqual([
      what,
      expect.stringContaining(what),
    ]);
  }
});

test('leaves documentation about secrets alone', () => {
  const harmless = [
    `-----BEGIN ${'PRIVATE'} KEY-----\n...\n-----END PRIVATE KEY-----`,
    'AKIAIOSFODNN7EXAMPLE',
    'ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
    'API_KEY=your-api-key-goes-here-please',
    'token = process.env.SOME_VERY_LONG_VARIABLE_NAME_2',
    'const password = "correct horse battery staple"',
    'integrity sha512-abcdef',
    'secret: 0123456789abcdef0123456789abcdef',
  ];
  for (const text of harmless) expect([text, findSecret(text)]).toEqual([text, undefined]);
});

test('secrets and quality take linear time on text made to prevent it', () => {
  const parts = [
    'eyJa',
    'eyJ-',
    'a.',
    'secret=',
    'secret:::',
    '-----BEGIN ',
    'AKIA',
    'x',
    ' ',
    '\n',
  ];
  const startedAt = performance.now();
  for (const part of parts) {
    const text = part.repeat(Math.floor(1_000_000 / part.length));
    findSecret(text);
    scoreQuality(text);
  }
  expect(performance.now() - startedAt).toBeLessThan(20_000);
});

test('quality is a whole number of ppm, and says which part was low', () => {
  expect(scoreQuality(prose).ppm).toBe(1_000_000);
  expect(scoreQuality('')).toEqual({
    ppm: 0,
    language: 0,
    structure: 0,
    compression: 0,
    repetition: 0,
  });
  expect(scoreQuality('one two three four\n'.repeat(10)).repetition).toBe(100_000);
  expect(scoreQuality('{}[]()'.repeat(50)).language).toBe(0);
});
