import { expect, test } from 'vitest';
import { readable } from './print.ts';

test('a list is a table, with amounts in OPEN and a way to the next page', () => {
  const text = readable({
    items: [
      { id: 'a', limitUnits: '1250000000000000000' },
      { id: 'bb', note: 'two\nlines' },
    ],
    next: 'bb',
  });
  expect(text.split('\n')).toEqual([
    'id  limitUnits  note',
    'a   1.25 OPEN',
    'bb              two lines',
    'More: --after bb',
  ]);
  expect(readable({ items: [] })).toBe('None.');
});

test('an object is one line a member, whatever is inside it', () => {
  expect(
    readable({ party: { id: 'p', tags: ['x', 'y'] }, rows: [{ n: 1 }], absent: undefined }),
  ).toBe('party\n  id    p\n  tags  x, y\nrows\n  n\n  1');
});

test("a stranger's text does not move the cursor", () => {
  expect(readable({ name: 'a\u001b[2Jb' })).toBe('name  a?[2Jb');
});
