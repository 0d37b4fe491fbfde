/** The benchmarks' command line: which one, how long, how large. It prints what was measured, whatever that says, and ends with 0. */
import { attributionBenchmark } from './attribution.ts';
import { datanetsBenchmark } from './datanets.ts';
import { gatewayBenchmark } from './gateway.ts';
import { ledgerBenchmark } from './ledger.ts';
import { describeMachine, loadAverage } from './machine.ts';
import { optionsFrom } from './options.ts';
import { startScratch } from './scratch.ts';
import { splitBenchmark } from './split.ts';
import { formatTable, say } from './table.ts';

const benchmarks = {
  attribution: attributionBenchmark,
  datanets: datanetsBenchmark,
  gateway: gatewayBenchmark,
  ledger: ledgerBenchmark,
  split: splitBenchmark,
};

type Name = keyof typeof benchmarks;

const isName = (name: string | undefined): name is Name =>
  name !== undefined && Object.hasOwn(benchmarks, name);

const USAGE = `npm run bench -- <${Object.keys(benchmarks).join(' | ')}> [--seconds 2] [--rounds 3] [--scale 1]\n`;

/** @returns the exit status: 2 for a command that was not understood; a measured shortfall is no failure */
export async function main(words: readonly string[]): Promise<number> {
  const [name, ...flags] = words;
  const options = optionsFrom(flags);
  if (!isName(name) || options === undefined) {
    process.stderr.write(USAGE);
    return 2;
  }
  const scratch = await startScratch();
  process.once('SIGINT', () => scratch.abandon().finally(() => process.exit(130)));
  try {
    say(await describeMachine(scratch));
    const { notes, rows } = await benchmarks[name]({ scratch, options });
    const told = [...notes, `Load average at the end, ours included: ${loadAverage()}.`];
    say(`\n${told.map((note) => `- ${note}\n`).join('')}\n`);
    say(formatTable(rows));
  } finally {
    await scratch.end();
  }
  return 0;
}
