/** `npm run replay -- gateway [--limit N] [--fail 0.05] [--seed S] [--speed F]`. Status 0 when every charge was right. */
import { parseArgs } from 'node:util';
import { type ReplayReport, replay } from './replay.ts';
import { readTrace, syntheticTrace, traceIsHere } from './trace.ts';

const USAGE = 'npm run replay -- gateway [--limit N] [--fail 0.05] [--seed S] [--speed F]\n';
/** Rows of a trace that we make up. */
const SYNTHETIC = 2_000;

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** @returns the exit status: 1 where a check fails, 2 for a command that was not understood */
export async function main(words: readonly string[]): Promise<number> {
  const options = optionsFrom(words);
  if (!options) {
    process.stderr.write(USAGE);
    return 2;
  }
  for (const signal of SIGNALS) process.once(signal, () => process.exit(130)); // and what was started ends with us
  const { limit, ...plan } = options;
  if (!traceIsHere()) {
    process.stdout.write('The Azure trace is not in ../shared: this is one of the same shape.\n');
  }
  const trace = traceIsHere() ? readTrace() : syntheticTrace(SYNTHETIC, plan.seed);
  const report = await replay({ ...plan, rows: trace.slice(0, limit) });
  process.stdout.write(`seed ${plan.seed}, ${plan.fail} fail\n${formatReplay(report)}\n`);
  return report.violations.length === 0 ? 0 : 1;
}

function optionsFrom(words: readonly string[]) {
  try {
    const { values, positionals } = parseArgs({
      args: [...words],
      allowPositionals: true,
      options: {
        limit: { type: 'string' },
        fail: { type: 'string', default: '0' },
        seed: { type: 'string', default: '1' },
        speed: { type: 'string' },
      },
    });
    const [limit, fail, seed] = [values.limit ?? 1e9, values.fail, values.seed].map(Number);
    const speed = values.speed === undefined ? undefined : Number(values.speed);
    const isGood =
      positionals.join() === 'gateway' &&
      [limit, seed].every((count) => Number.isSafeInteger(count) && count >= 0) &&
      fail >= 0 &&
      fail <= 1 &&
      (speed === undefined || speed > 0);
    return isGood ? { limit, fail, seed, speed } : undefined;
  } catch {
    return undefined; // an option that there is not
  }
}

export function formatReplay(report: ReplayReport): string {
  const { recorded, expected, kinds, attempts, violations, seconds } = report;
  const line = (name: string, ...values: readonly unknown[]) =>
    `  ${name.padEnd(18)}${values.map((value) => String(value).padStart(26)).join('')}`;
  const names = Object.keys(recorded) as (keyof typeof recorded)[];
  const seen = Object.entries(kinds).map(([kind, count]) => `${count} ${kind}`);
  return [
    line('', 'recorded', 'by the trace'),
    ...names.map((name) => line(name, recorded[name], expected[name])),
    `  clients saw: ${seen.join(', ')}; operators were asked ${attempts} times`,
    `  ${seconds.toFixed(1)} s, ${(recorded.calls / seconds).toFixed(1)} calls/s`,
    `  violations: ${violations.length}`,
    ...violations.slice(0, 20).map((violation) => `    ${violation}`),
  ].join('\n');
}
