/** Processor time, ours and PostgreSQL's apart: on a shared machine it says more than the clock on the wall. */
import { readdir, readFile } from 'node:fs/promises';

/** Microseconds of user and system time so far. */
export type CpuTime = { readonly node: number; readonly postgres: number };

/** Linux counts in hundredths of a second. */
const TICK_US = 10_000;

/** @param postmaster the server's process; its backends are its children, and what ended ones used is added to its own */
export async function cpuTime(postmaster: number): Promise<CpuTime> {
  const { user, system } = process.cpuUsage();
  return { node: user + system, postgres: await familyTime(postmaster) };
}

/** One process and its threads, without its children; 0 where it has ended, and where there is no /proc. */
export async function processTime(pid: number): Promise<number> {
  return ((await statOf(pid))?.own ?? 0) * TICK_US;
}

/** NaN where there is no /proc. */
async function familyTime(postmaster: number): Promise<number> {
  const root = await statOf(postmaster);
  if (!root) return Number.NaN;
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const stats = await Promise.all(pids.map((pid) => statOf(Number(pid))));
  const backends = stats.filter((stat) => stat?.parent === postmaster);
  const ticks = backends.reduce((sum, stat) => sum + (stat?.own ?? 0), root.own + root.children);
  return ticks * TICK_US;
}

async function statOf(pid: number) {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ''); // it has just ended
  if (!text) return undefined;
  // What follows the command in brackets: proc(5) fields 3 and on, so field n stands at n - 3.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const field = (n: number) => Number(fields[n - 3]);
  return { parent: field(4), own: field(14) + field(15), children: field(16) + field(17) };
}
