/** `npm run chaos -- gateway [--minutes 10] [--seed S]`. Status 0 when nothing was violated. */
import { parseArgs } from 'node:util';
import { type ChaosReport, countBy, runChaos } from './chaos.ts';

const USAGE = 'npm run chaos -- gateway [--minutes 10] [--seed S]\n';
const SIZE = { gateways: 3, workers: 2, operators: 3, clients: 12 };

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** @returns the exit status: 1 for a violation, 2 for a command that was not understood */
export async function main(words: readonly string[]): Promise<number> {
  const options = optionsFrom(words);
  if (!options) {
    process.stderr.write(USAGE);
    return 2;
  }
  for (const signal of SIGNALS) process.once(signal, () => process.exit(130)); // and what was started ends with us
  const { minutes, seed } = options;
  const tell = (line: string) => process.stdout.write(`${line}\n`);
  tell(`seed ${seed}, ${minutes} minutes`);
  const report = await runChaos({ ...SIZE, seed, seconds: minutes * 60 }, tell);
  tell(formatChaos(report));
  return report.violations.length === 0 ? 0 : 1;
}

function optionsFrom(words: readonly string[]) {
  try {
    const { values, positionals } = parseArgs({
      args: [...words],
      allowPositionals: true,
      options: {
        minutes: { type: 'string', default: '10' },
        seed: { type: 'string', default: '1' },
      },
    });
    const [minutes, seed] = [values.minutes, values.seed].map(Number);
    const isGood = positionals.join() === 'gateway' && minutes > 0 && Number.isSafeInteger(seed);
    return isGood ? { minutes, seed } : undefined;
  } catch {
    return undefined; // an option that there is not
  }
}

export function formatChaos(report: ChaosReport): string {
  const { outcomes, attempts, endings, totals, kills, memory, violations, complaints } = report;
  const line = (name: string, counts: Iterable<readonly [string, unknown]>) =>
    `  ${name.padEnd(12)}${[...counts].map(([key, count]) => `${count} ${key}`).join(', ')}`;
  const tried = [...attempts.values()].flat();
  return [
    line('killed', Object.entries(kills)),
    line(
      'clients saw',
      countBy(outcomes, ({ kind }) => kind),
    ),
    line(
      'operators',
      countBy(tried, ({ fault }) => fault ?? 'as asked'),
    ),
    line('calls', endings),
    line('charged', [
      ['prompt tokens', totals.promptTokens],
      ['completion tokens', totals.completionTokens],
      ['units', totals.fees],
    ]),
    `  ${'memory'.padEnd(12)}${memory.name}: ${memory.said}`,
    ...[...complaints].map(([event, count]) => `  logged ${count} times: ${event}`),
    `  violations: ${violations.length}`,
    ...violations.slice(0, 40).map((violation) => `    ${violation}`),
  ].join('\n');
}
