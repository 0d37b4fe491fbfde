/** One process a folder: a file that says who has it, and what of a process that has died is no claim. */
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OpenLedgerError } from '@openledger/protocol';

/** @returns how to give it back. @throws unavailable when a living process has it, this one included */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  const lock = join(folder, 'lock');
  const mine = `${lock}.${process.pid}.${++attempts}`;
  await writeFile(mine, await nameOf(process.pid));
  try {
    for (let tries = 0; tries < 3; tries++) {
      if (await linked(mine, lock)) return () => rm(lock, { force: true });
      const holder = await readFile(lock, 'utf8').catch(() => '');
      if (holder === (await nameOf(Number.parseInt(holder, 10) || 0))) throw taken(folder, holder);
      await removeStale(lock, { holder, aside: `${mine}.stale` });
    }
    throw taken(folder, 'others');
  } finally {
    await rm(mine, { force: true });
  }
}

let attempts = 0;

const taken = (folder: string, holder: string): OpenLedgerError =>
  new OpenLedgerError('unavailable', `${folder} is in use by process ${holder}.`, { folder });

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Takes the file aside before it removes it: another may have replaced it since it was read. */
async function removeStale(
  lock: string,
  { holder, aside }: { readonly holder: string; readonly aside: string },
): Promise<void> {
  await rename(lock, aside).catch(() => {});
  const found = await readFile(aside, 'utf8').catch(() => holder);
  if (found !== holder) await linked(aside, lock);
  await rm(aside, { force: true });
}

/** The number, and where the kernel tells it the time of its start: numbers are used again. One that is gone has no name. */
async function nameOf(pid: number): Promise<string> {
  if (pid === 0 || !isAlive(pid)) return 'nobody';
  const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const [state, ...rest] = status.slice(status.lastIndexOf(')') + 2).split(' ');
  return state === 'Z' ? 'nobody' : `${pid} ${rest[18] ?? ''}`;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
