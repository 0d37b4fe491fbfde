/** Applies every stage's schema files, in floor order, once each; refuses a released file that has changed. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sha256Hex } from '@openledger/protocol';
import type { Db } from './db.ts';
import { sql } from './sql.ts';

/** Stages that own tables, lowest floor first. */
const stages = [
  'identity',
  'ledger',
  'governance',
  'datanets',
  'models',
  'gateway',
  'agents',
  'attribution',
  'fees',
  'receipts',
  'settlement',
];

const root = fileURLToPath(new URL('..', import.meta.url));

/** @returns the names of the files applied now */
export async function migrate(db: Db): Promise<readonly string[]> {
  const files = await schemaFiles();
  return db.transaction(async (tx) => {
    await tx.query(sql`select pg_advisory_xact_lock(7300001)`);
    await tx.query(sql`create schema if not exists platform`);
    await tx.query(sql`
      create table if not exists platform.migrations (
        name        text primary key,
        checksum    text not null,
        applied_at  timestamptz not null default now()
      )`);
    const applied = new Map(
      (
        await tx.query<{ name: string; checksum: string }>(
          sql`select name, checksum from platform.migrations`,
        )
      ).map((row) => [row.name, row.checksum]),
    );
    const fresh: string[] = [];
    for (const { name, text } of files) {
      const checksum = sha256Hex(text);
      const before = applied.get(name);
      if (before === checksum) continue;
      if (before) throw new Error(`Migration ${name} was changed after it was applied.`);
      await tx.query({ text, values: [] });
      await tx.query(
        sql`insert into platform.migrations (name, checksum) values (${name}, ${checksum})`,
      );
      fresh.push(name);
    }
    return fresh;
  });
}

async function schemaFiles(): Promise<readonly { name: string; text: string }[]> {
  const files: { name: string; text: string }[] = [];
  for (const stage of stages) {
    const folder = join(root, stage, 'schema');
    const names = await readdir(folder);
    for (const name of names.filter((file) => file.endsWith('.sql')).sort()) {
      files.push({ name: `${stage}/${name}`, text: await readFile(join(folder, name), 'utf8') });
    }
  }
  return files;
}
