/** `npm run crash [-- --cycles 1000]`: the kills, and the counts that show what they did. Status 0 when every promise was kept. */
import { parseArgs } from 'node:util';
import type { Counts } from './check.ts';
import { runCrash } from './run-crash.ts';

export async function main(words: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...words],
    options: { cycles: { type: 'string', default: '1000' } },
  });
  const tell = (line: string) => process.stdout.write(`${line}\n`);
  const counts = await runCrash({ cycles: Number(values.cycles), tell });
  tell(formatCounts(counts));
  return isKept(counts) ? 0 : 1;
}

export const isKept = (counts: Counts): boolean =>
  counts.lost === 0 &&
  counts.duplicated === 0 &&
  counts.undecided === 0 &&
  counts.sum === 0n &&
  counts.clearing === 0n &&
  counts.audit === 'ok';

export function formatCounts({ kills, ...counts }: Counts): string {
  const killed = Object.entries(kills)
    .map(([kind, count]) => `${count} ${kind}`)
    .join(', ');
  const lines = Object.entries(counts).map(([name, value]) => `  ${name.padEnd(14)}${value}`);
  return [`killed: ${killed}`, ...lines].join('\n');
}
