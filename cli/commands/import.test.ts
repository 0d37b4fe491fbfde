import { expect, test } from 'vitest';
import { importSource } from './import.ts';

// What it imports is proved by the guide docs/guides/contribute.md, which test/guides.test.ts runs.

test('says how to use it when a word is missing or unknown', async () => {
  for (const argv of [
    [],
    ['jsonl', '--datanet', 'x'],
    ['docx', 'a.docx', '--datanet', 'x'],
    ['constructor', '.', '--datanet', 'x'],
    ['git', '.'],
    ['git', '.', '.', '--datanet', 'x'],
  ]) {
    await expect(importSource(argv)).rejects.toThrow(
      'openledger import git|npm|directory|jsonl|csv|',
    );
  }
});

test('a source that is not there is named before anything is asked of a server', async () => {
  await expect(
    importSource(['jsonl', '/nowhere/notes.jsonl', '--datanet', 'x']),
  ).rejects.toMatchObject({ code: 'not_found', message: 'There is no /nowhere/notes.jsonl.' });
});
