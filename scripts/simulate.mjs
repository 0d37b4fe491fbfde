/** Runs the ledger's simulator from its TypeScript source; `--mutant <name>` puts a known bug into it first. */
import { register } from 'node:module';
import { runSource } from './run-source.mjs';

const named = process.argv.indexOf('--mutant');
if (named > 0) {
  const { mutants, variants } = await import('../test/simulate/mutants.mjs');
  const known = [...mutants, ...variants];
  const mutant = known.find(({ name }) => name === process.argv[named + 1]);
  if (!mutant) throw new Error(`There are: ${known.map(({ name }) => name).join(', ')}`);
  register('./mutate.mjs', import.meta.url, { data: mutant });
}
await runSource('test/simulate/main.ts');
