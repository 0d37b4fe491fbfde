/** The state of the machine that a number belongs to; without it the number says nothing. */
import { execFileSync } from 'node:child_process';
import { open, statfs } from 'node:fs/promises';
import { cpus, freemem, loadavg, totalmem } from 'node:os';
import { join } from 'node:path';
import type { Db } from '../../server/platform/db.ts';
import { percentile } from './percentiles.ts';
import type { Scratch } from './scratch.ts';
import { figure } from './table.ts';

export async function describeMachine({ db, folder }: Scratch): Promise<string> {
  const gibibytes = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  return [
    `when        ${new Date().toISOString()}, commit ${commit()}`,
    `machine     ${cpus().length} cores (${cpus()[0]?.model}), load average ${loadAverage()}, ` +
      `memory ${gibibytes(freemem())} free of ${gibibytes(totalmem())}`,
    `software    node ${process.version}, PostgreSQL ${await setting(db, 'server_version')}`,
    `durability  ${await settings(db, ['fsync', 'synchronous_commit', 'full_page_writes', 'wal_sync_method', 'shared_buffers'])}`,
    `disk        ${await describeDisk(folder)}`,
    '',
  ].join('\n');
}

/** Over 1, 5 and 15 minutes. */
export const loadAverage = (): string =>
  loadavg()
    .map((load) => load.toFixed(2))
    .join(' ');

async function setting(db: Db, name: string): Promise<string> {
  const [row] = await db.query<{ value: string }>({
    text: 'select current_setting($1) as value',
    values: [name],
  });
  return row.value;
}

async function settings(db: Db, names: readonly string[]): Promise<string> {
  const values = await Promise.all(names.map(async (name) => `${name} ${await setting(db, name)}`));
  return values.join(', ');
}

const WRITES = 200;
const PAGE_BYTES = 8192;

/** A commit can be no faster than this: one page written over, and the disk asked to keep it. */
async function describeDisk(folder: string): Promise<string> {
  const file = await open(join(folder, 'fdatasync-probe'), 'w');
  const page = Buffer.alloc(PAGE_BYTES, 1);
  const tookMs: number[] = [];
  await file.write(page, 0, PAGE_BYTES, 0);
  await file.sync();
  for (let i = 0; i < WRITES; i++) {
    const begun = performance.now();
    await file.write(page, 0, PAGE_BYTES, 0);
    await file.datasync();
    tookMs.push(performance.now() - begun);
  }
  await file.close();
  const at = (part: number) => `${figure(percentile(tookMs, part))} ms`;
  return `${folder} on ${await fileSystem(folder)}, 8 KiB write and fdatasync p50 ${at(0.5)}, p99 ${at(0.99)}`;
}

/** Magic numbers of statfs(2). */
const FILE_SYSTEMS: Readonly<Record<number, string>> = {
  61267: 'ext4',
  16914836: 'tmpfs (durable in name only)',
  1481003842: 'xfs',
  2435016766: 'btrfs',
  2035054128: 'overlayfs',
};

async function fileSystem(folder: string): Promise<string> {
  const { type } = await statfs(folder);
  return FILE_SYSTEMS[type] ?? `file system 0x${type.toString(16)}`;
}

function commit(): string {
  try {
    const git = (...args: string[]) => execFileSync('git', args, { encoding: 'utf8' }).trim();
    return `${git('rev-parse', '--short', 'HEAD')}${git('status', '--porcelain') ? ' and changes' : ''}`;
  } catch {
    return 'unknown';
  }
}
