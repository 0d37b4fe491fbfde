/** `npm run crash [-- --cycles 1000]`: the kills, and the counts that show what they did. Status 0 when every promise was kept. */
import { parseArgs } from 'node:util';
import { MODES } from './request.ts';
import { type CrashReport, runCrash } from './run-crash.ts';

export async function main(words: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...words],
    options: { cycles: { type: 'string', default: '1000' } },
  });
  const tell = (line: string) => process.stdout.write(`${line}\n`);
  const report = await runCrash({ cycles: Number(values.cycles), tell });
  tell(formatReport(report));
  return isKept(report) ? 0 : 1;
}

const isKept = ({ sum, held, clearing, audit, ...report }: CrashReport): boolean =>
  MODES.every((mode) => {
    const { lost, duplicated, undecided } = report[mode];
    return lost === 0 && duplicated === 0 && undecided === 0;
  }) &&
  sum === 0n &&
  held === 0n &&
  clearing === 0n &&
  audit === 'ok';

export function formatReport(report: CrashReport): string {
  const { kills, killed, strict, leased, sum, held, clearing, audit, secondsACycle } = report;
  const kinds = Object.entries(kills).map(([kind, count]) => `${count} ${kind}`);
  const line = (name: string, ...values: readonly unknown[]) =>
    `  ${name.padEnd(14)}${values.map((value) => String(value).padStart(8)).join('')}`;
  const names = Object.keys(strict) as (keyof typeof strict)[];
  return [
    `cycles: ${kinds.join(', ')}; ${secondsACycle.toFixed(2)} s each`,
    line('', ...MODES),
    line('killed', killed.strict, killed.leased),
    ...names.map((name) => line(name, strict[name], leased[name])),
    ...Object.entries({ sum, held, clearing }).map(([name, units]) => line(name, units)),
    `  audit: ${audit}`,
  ].join('\n');
}
