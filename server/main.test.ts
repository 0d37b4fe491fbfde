import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { runRole } from '../test/harness/processes.ts';

/** What a role that cannot start says. */
async function complaintOf(role: string, settings: Readonly<Record<string, string>>) {
  const folder = await mkdtemp(join(tmpdir(), 'openledger-main-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const { status, complaint } = await runRole(role, { OPENLEDGER_DATA: folder, ...settings }).ended;
  expect(status).toBe(1);
  return complaint;
}

test('a setting that is wrong is named in one sentence', async () => {
  expect(await complaintOf('up', { OPENLEDGER_PORT: 'x' })).toMatch(/^OPENLEDGER_PORT: .*\n$/);
});

test('a database that does not answer is named in one sentence, its password left out', async () => {
  const url = 'postgres://openledger:secret@127.0.0.1:1/openledger';
  const complaint = await complaintOf('migrate', { DATABASE_URL: url });
  expect(complaint).toMatch(/^The database of DATABASE_URL does not answer: .*ECONNREFUSED.*\n$/);
  expect(complaint).not.toContain('secret');
});
