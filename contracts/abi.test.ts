import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

test('the committed ABIs and bytecode are what the sources compile to', async () => {
  const script = fileURLToPath(new URL('../scripts/compile-contracts.mjs', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [script, '--check']);
  expect(stdout).toContain('0 changed');
});
