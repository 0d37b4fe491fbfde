/** The simulator's command line: many seeds, or one that is told in full. */
import { execFileSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { simulate, type Verdict } from './simulate.ts';

const USAGE =
  'npm run simulate:ledger -- [--seeds 10000] [--from 1] | [--seed 7] [--mutant <name>]\n';

const say = (line: string): void => {
  process.stdout.write(line);
};

/** @returns the exit status: 0 when every promise held, 1 when one did not, 2 for a command that was not understood */
export async function main(words: readonly string[]): Promise<number> {
  const options = optionsFrom(words);
  if (!options) {
    process.stderr.write(USAGE);
    return 2;
  }
  if (options.seed !== undefined) {
    const verdict = await simulate(options.seed, say);
    say(`${JSON.stringify(verdict, null, 2)}\n`);
    return verdict.fault ? 1 : 0;
  }
  return simulateAll(options);
}

async function simulateAll({ from, seeds, mutant }: Options): Promise<number> {
  const began = Date.now();
  const totals = { events: 0, transactions: 0, answers: 0, refusals: 0, terms: 0 };
  for (let seed = from; seed < from + seeds; seed++) {
    const verdict = await simulate(seed);
    if (verdict.fault) {
      reportFault(verdict, mutant);
      return 1;
    }
    for (const name of Object.keys(totals) as (keyof typeof totals)[])
      totals[name] += verdict[name];
    if ((seed - from + 1) % 1_000 === 0) say(`${seed - from + 1} seeds ...\n`);
    await new Promise((resume) => setImmediate(resume)); // so that Ctrl-C is heard
  }
  const { events, transactions, answers, refusals, terms } = totals;
  const seconds = (Date.now() - began) / 1_000;
  say(
    `${seeds} seeds from ${from}: ${events} events, ${transactions} transactions, ${answers} answers ` +
      `(${refusals} refusals), ${terms} terms; no fault, in ${seconds.toFixed(1)} s.\n`,
  );
  return 0;
}

function reportFault({ seed, fault }: Verdict, mutant: string | undefined): void {
  const flags = mutant ? ` --mutant ${mutant}` : '';
  say(`Seed ${seed} fails: ${fault}\nCommit ${commitHere()}. Replay it with:\n`);
  say(`  npm run simulate:ledger -- --seed ${seed}${flags}\n`);
}

function commitHere(): string {
  try {
    return execFileSync('git', ['rev-parse', 'HEAD'], { encoding: 'utf8' }).trim();
  } catch {
    return 'unknown'; // a source archive has no history
  }
}

type Options = {
  readonly from: number;
  readonly seeds: number;
  readonly seed: number | undefined;
  readonly mutant: string | undefined;
};

function optionsFrom(words: readonly string[]): Options | undefined {
  try {
    const { values } = parseArgs({
      args: [...words],
      options: {
        seeds: { type: 'string', default: '10000' },
        from: { type: 'string', default: '1' },
        seed: { type: 'string' },
        mutant: { type: 'string' }, // its loader has read it before this file was loaded
      },
    });
    const seed = values.seed === undefined ? undefined : Number(values.seed);
    const options = { from: Number(values.from), seeds: Number(values.seeds), seed };
    const areCounts = [options.from, options.seeds, seed ?? 0].every(
      (n) => Number.isSafeInteger(n) && n >= 0,
    );
    return areCounts ? { ...options, mutant: values.mutant } : undefined;
  } catch {
    return undefined;
  }
}
