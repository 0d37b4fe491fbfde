import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

test('the committed ABIs and bytecode are what the sources compile to', async () => {
  const script = new URL('../scripts/compile-contracts.mjs', import.meta.url).pathname;
  const { stdout } = await promisify(execFile)(process.execPath, [script, '--check']);
  expect(stdout).toContain('0 changed');
});
