/** A snapshot leaves as files and comes back into another datanet as what it was: the same records, the same names. */
import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { api, Id, OutputOf } from '@openledger/sdk';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { exportSnapshot } from '../cli/commands/export.ts';
import { importSource } from '../cli/commands/import.ts';
import { startTestApp, type TestApp } from './harness/app.ts';
import { gardenBooks } from './harness/garden.ts';

let running: TestApp;
let folder: string;
let snapshotId: Id<'snapshot'>;

beforeAll(async () => {
  running = await startTestApp();
  folder = await mkdtemp(join(tmpdir(), 'openledger-export-'));
  vi.stubEnv('OPENLEDGER_URL', running.baseUrl);
  vi.stubEnv('OPENLEDGER_KEY', running.adminKey);
  vi.stubEnv('OPENLEDGER_CLI_HOME', folder);
  vi.spyOn(console, 'log').mockReturnValue();
  const { datanets } = running.admin;
  const { id: datanetId } = await datanets.create({ name: 'garden' });
  const hard = {
    text: 'Quotes "here", commas, a tab\t, \u{1f345} and a backslash \\ stay as they are,\neven on a second line.',
    licence: 'Apache-2.0 AND (MIT OR CC0-1.0)',
    contributors: [
      { identity: { kind: 'git' as const, email: 'eve@example.org' }, weight: 1 },
      { identity: 'npm-package:@scope/name', weight: 1 },
    ],
  };
  // As one import, like what comes back: whoever was first among several contributions is not in an export.
  const { id: importId } = await datanets.openImport({ datanetId, name: 'garden' });
  await datanets.uploadImport({ datanetId, importId, from: 0 }, { body: [...gardenBooks(), hard] });
  await datanets.refine({ datanetId });
  snapshotId = (await datanets.seal({ datanetId })).id;
});
afterAll(async () => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  await running.end();
  await rm(folder, { recursive: true });
});

type Record = OutputOf<typeof api.datanets.listSnapshotRecords>['items'][number];

/** What must come back: by hash, under which licence, by whom. */
async function holdingsOf(id: Id<'snapshot'>) {
  const { items } = await running.admin.datanets.listSnapshotRecords({
    snapshotId: id,
    limit: 500,
  });
  const essence = ({ hash, text, licence, contributors }: Record) => ({
    ...{ hash, text, licence, contributors: [...contributors].sort() },
  });
  return items.map(essence).sort((a, b) => (a.hash < b.hash ? -1 : 1));
}

test.each([
  ['croissant', [], 'jsonl'],
  ['parquet', ['--parquet'], 'parquet'],
])('%s: exported and imported again, all records have their hashes, licences and contributors', async (name, flags, ending) => {
  const to = join(folder, name);
  await exportSnapshot([snapshotId, '--to', to, ...flags]);
  expect((await readdir(to)).sort()).toEqual(['croissant.json', `records.${ending}`]);

  await importSource(['croissant', to, '--datanet', `again-${name}`]);
  const { datanets } = running.admin;
  const { items } = await datanets.list({ name: `again-${name}`, limit: 1 });
  const again = await datanets.seal({ datanetId: items[0].id });
  const before = await holdingsOf(snapshotId);
  expect(before.length).toBeGreaterThan(6);
  expect(await holdingsOf(again.id)).toEqual(before);
});

test('the Parquet file by itself comes back the same, and a changed one is refused by its description', async () => {
  const to = join(folder, 'parquet');
  await importSource(['parquet', join(to, 'records.parquet'), '--datanet', 'alone']);
  const { items } = await running.admin.datanets.list({ name: 'alone', limit: 1 });
  const alone = await running.admin.datanets.seal({ datanetId: items[0].id });
  expect(await holdingsOf(alone.id)).toEqual(await holdingsOf(snapshotId));

  const description = await readFile(join(to, 'croissant.json'), 'utf8');
  expect(description).not.toContain('jsonl');
  await rm(join(to, 'records.parquet'));
  await exportSnapshot([snapshotId, '--to', join(folder, 'other')]);
  await cp(join(folder, 'other', 'records.jsonl'), join(to, 'records.parquet'));
  await expect(importSource(['croissant', to, '--datanet', 'changed'])).rejects.toThrow('sha256');
});
