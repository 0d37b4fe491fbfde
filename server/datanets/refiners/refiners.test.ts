import fc from 'fast-check';
import { expect, test } from 'vitest';
import { annotate } from './annotate.ts';
import { chunk } from './chunk.ts';
import { clean } from './clean.ts';
import { deduplicate } from './deduplicate.ts';
import { tag } from './tag.ts';

const page = fc
  .array(
    fc.constantFrom(
      '# Title',
      '## Part two',
      '',
      '   ',
      'A line of words that says something.  ',
      '[![build](https://ci/x.svg)](https://ci/x) ![dl](a.png)',
      '<p align="center">Hello <b>world</b></p>',
      'see [the docs](https://example.org/a "title") and [more][ref]',
      '[ref]: https://example.org',
      '<!-- begin',
      'hidden',
      'end --> shown',
      '```js',
      'const a = "<b>[x](y)</b>";   ',
      '```',
      'Use `<div>` and `![x](y)` as code',
      'x'.repeat(1500),
      'word '.repeat(500),
      '- item',
      '𝒳'.repeat(700),
    ),
    { maxLength: 60 },
  )
  .map((lines) => lines.join('\n'));

test('cleaning keeps the words and drops badges, tags, comments and targets', () => {
  const dirty = [
    '# left-pad [![build](https://ci/x.svg)](https://ci/x)',
    '',
    '',
    '<p align="center">Pads <b>text</b></p> <!-- one',
    'two --> on the left.',
    '[ref]: https://example.org',
    '![logo](a.png)',
    'See [the docs](https://example.org/a_b "x") or `[not](this)`.',
    '```html',
    '<b>[kept](as-is)</b>',
    '```',
    '',
  ].join('\n');
  expect(clean(dirty)).toEqual([
    {
      text: [
        '# left-pad',
        '',
        'Pads text',
        ' on the left.',
        'See the docs or `[not](this)`.',
        '```html',
        '<b>[kept](as-is)</b>',
        '```',
      ].join('\n'),
      lines: [1, 2, 4, 5, 8, 9, 10, 11],
    },
  ]);
});

test('program code is left as it is', () => {
  const code = 'const list: Array<b> = [];\nhandlers[name](input); // <!-- x -->';
  expect(clean(code, 'src/main.ts')).toEqual([{ text: code, lines: [1, 2] }]);
  expect(clean('call handlers[name](input)', 'a.md')[0].text).toBe('call handlers[name](input)');
});

test('cleaning twice changes nothing more, never lengthens, and every line knows its own', () => {
  fc.assert(
    fc.property(page, (text) => {
      const [cleaned] = clean(text);
      if (!cleaned) return;
      expect(clean(cleaned.text)[0]?.text).toBe(cleaned.text);
      expect(cleaned.text.length).toBeLessThanOrEqual(text.length);
      const lines = cleaned.text.split('\n');
      expect(cleaned.lines.length).toBe(lines.length);
      const source = text.split('\n');
      for (const [i, line] of lines.entries()) {
        expect(isSubsequence(line, source[cleaned.lines[i] - 1])).toBe(true);
      }
    }),
  );
});

test('chunks hold every word once and in order, none too large, each line knowing its own', () => {
  fc.assert(
    fc.property(page, (text) => {
      const chunks = chunk(text);
      const squeeze = (value: string) => value.replaceAll(/\s+/g, '');
      expect(squeeze(chunks.map((one) => one.text).join(''))).toBe(squeeze(text));
      const source = text.split('\n');
      for (const one of chunks) {
        expect(one.text.length).toBeLessThanOrEqual(1400);
        expect(one.text.isWellFormed()).toBe(true);
        const lines = one.text.split('\n');
        expect(one.lines.length).toBe(lines.length);
        for (const [i, line] of lines.entries()) {
          expect(source[one.lines[i] - 1].includes(line)).toBe(true);
        }
      }
    }),
  );
});

test('a chunk of a chunk is itself, and headings stay with what they head', () => {
  const paragraph = 'Some words about this. '.repeat(20).trim();
  const text = `# One\n\n${paragraph}\n\n## Two\n\n${paragraph}\n\n## Three\n\n${paragraph}`;
  const chunks = chunk(text);
  expect(chunks.map((one) => one.text.split('\n')[0])).toEqual(['# One', '## Two', '## Three']);
  for (const one of chunks) expect(chunk(one.text).map((again) => again.text)).toEqual([one.text]);
});

test('a megabyte of brackets is refined in linear time', () => {
  const started = performance.now();
  for (const part of ['[', '![', '<a ', '[a](', '`', '<!--', '# ']) {
    const text = part.repeat(Math.floor(1_000_000 / part.length));
    chunk(text);
    clean(text);
  }
  expect(performance.now() - started).toBeLessThan(20_000);
});

const nowhere = { path: undefined, title: undefined, above: undefined };

test('annotating names what a passage stands under, and changes nothing of it', () => {
  const above = [
    '# Islands',
    '## Hirta',
    '```',
    '# no heading',
    '```',
    '### Landing',
    'Wait for the ferryman.',
    '## Foula',
    'Birds.',
  ].join('\n');
  const place = { path: undefined, title: 'A Handbook', above: { text: above, line: 7 } };
  expect(annotate('Wait for the ferryman.', place)).toEqual([
    {
      text: 'A Handbook > Islands > Hirta > Landing\n\nWait for the ferryman.',
      lines: [1, 1, 1],
    },
  ]);
  const foula = annotate('## Foula\nBirds.', { ...place, above: { text: above, line: 8 } });
  expect(foula[0].text).toBe('A Handbook > Islands\n\n## Foula\nBirds.');
});

test('annotating leaves alone what stands under nothing, and what it has annotated', () => {
  fc.assert(
    fc.property(page, fc.nat(80), (text, at) => {
      expect(annotate(text, nowhere)[0].text).toBe(text);
      const line = Math.min(at, text.split('\n').length - 1);
      const rest = text.split('\n').slice(line).join('\n');
      const place = { path: undefined, title: 'T', above: { text, line: line + 1 } };
      const [{ text: annotated, lines }] = annotate(rest, place);
      expect(annotated.endsWith(rest)).toBe(true);
      expect(lines.length).toBe(annotated.split('\n').length);
      const [again] = annotate(annotated, { ...place, above: { text: rest, line: 1 } });
      if (annotated !== rest) expect(again.text).toBe(annotated);
    }),
  );
});

test('deduplicating keeps the first of equal long lines, all short ones and all code', () => {
  const line = 'This sentence is long enough to be kept once.';
  const text = ['- a', line, '', `  ${line}`, '', '- a', '```', line, line, '```', '', line].join(
    '\n',
  );
  expect(deduplicate(text)).toEqual([
    {
      text: ['- a', line, '', '- a', '```', line, line, '```'].join('\n'),
      lines: [1, 2, 3, 6, 7, 8, 9, 10],
    },
  ]);
  fc.assert(
    fc.property(page, (any) => {
      const [once] = deduplicate(any);
      expect(deduplicate(once.text)[0].text).toBe(once.text);
      expect(once.lines.map((n) => any.split('\n')[n - 1]).join('\n')).toBe(once.text);
    }),
  );
});

test('tags are the words that occur most and say most, once', () => {
  const text =
    'Puffins nest here. The puffins leave the cliff in August; a cliff without puffins is quiet.';
  const [tagged] = tag(text);
  expect(tagged.text).toBe(`${text}\n\nKey terms: puffins, cliff`);
  expect(tag(tagged.text)[0].text).toBe(tagged.text);
  expect(tag('Nothing occurs twice here.')[0].text).toBe('Nothing occurs twice here.');
});

function isSubsequence(part: string, whole: string): boolean {
  let at = 0;
  for (const character of whole)
    if (character === [...part.slice(at, at + 2)][0]) at += character.length;
  return at >= part.length;
}
