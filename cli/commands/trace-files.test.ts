import { expect, test } from 'vitest';
import { paintIn, showTraced } from './trace-files.ts';

const ADA = `pty_${'a'.repeat(32)}` as const;
const text = 'Before. The whole passage of Ada. After\u001b[2J.';
const [start, end] = [8, 32];
const owners = [{ owner: ADA, information: 50 }];
const traced = {
  ...{ algorithm: 'trace-1' as const, words: 'words-1' as const, minWords: 4, maxRecords: 64 },
  items: [
    {
      information: { total: 200, covered: 50, commons: 0 },
      ...{ groundedPpm: 250_000, owners },
      spans: [
        {
          ...{ start, end, codePoints: { start, end }, words: 5, information: 50, owners },
          ...{ commons: false, recordCount: 1 },
          records: [
            {
              ...{ record: 'ab'.repeat(32), snapshot: `snp_${'1'.repeat(32)}` as const },
              ...{ start: 0, end: end - start, contributors: ['handle:ada'], licence: 'MIT' },
              source: { kind: 'git' as const, path: 'notes/ada.md', line: 7 },
            },
          ],
        },
      ],
    },
  ],
  parties: [{ id: ADA, identity: 'handle:ada' }],
};

test('marks each passage by its owner, and says who, where and how much', () => {
  const shown = showTraced(text, traced, paintIn(false));
  expect(shown).toContain('Before. [1: The whole passage of Ada]. After?[2J.');
  expect(shown).toContain('25.00 % of it stands in records.');
  expect(shown).toMatch(/1\S* +handle:ada +25\.00 %/);
  expect(shown).toMatch(/5 +handle:ada +notes\/ada\.md:7 +1/);
});

test('colours stand around passages alone, and nothing else that moves the cursor is printed', () => {
  const shown = showTraced(text, traced, paintIn(true));
  expect(shown).toContain('Before. \u001b[32mThe whole passage of Ada\u001b[0m. After?[2J.');
});
