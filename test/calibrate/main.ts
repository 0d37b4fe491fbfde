/** The calibration's command line: one frozen plan, no options. It writes what was measured, whatever that says. */
import { writeFile } from 'node:fs/promises';
import { calibrate, type Plan } from './calibrate.ts';
import { formatNumbers, formatReport } from './report.ts';
import { calibrateSgd } from './sgd.ts';
import { readEips } from './texts.ts';

const PLAN: Plan = {
  size: {
    ...{ players: 24, recordsEach: 20, queriesEach: 2 },
    ...{ vocabulary: 512, context: 32, width: 32, layers: 2 },
    ...{ baseSteps: 1_500, steps: 300, batch: 16, members: 16 },
  },
  ensembles: [16, 32, 64],
  subsets: 48,
};

/** @returns the exit status */
export async function main(words: readonly string[]): Promise<number> {
  if (words.length > 0) {
    process.stderr.write('npm run calibrate takes no options: its plan is frozen.\n');
    return 2;
  }
  const say = (line: string) => void process.stdout.write(line);
  const texts = readEips(PLAN.size.players);
  const sgd = calibrateSgd(texts, { queries: 40, subsets: 64 });
  say('the setting for SGD is done\n');
  const calibration = await calibrate(texts, PLAN, say);
  await writeFile('docs/calibration.md', formatReport(calibration, sgd));
  await writeFile('server/attribution/calibration.json', formatNumbers(calibration));
  say('wrote docs/calibration.md and server/attribution/calibration.json\n');
  return 0;
}
