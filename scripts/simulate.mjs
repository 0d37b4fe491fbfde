/** Runs the ledger's simulator from its TypeScript source; `--mutant <name>` puts a known bug into it first. */
import { register } from 'node:module';

const named = process.argv.indexOf('--mutant');
if (named > 0) {
  const { mutants, variants } = await import('../test/simulate/mutants.mjs');
  const known = [...mutants, ...variants];
  const mutant = known.find(({ name }) => name === process.argv[named + 1]);
  if (!mutant) throw new Error(`There are: ${known.map(({ name }) => name).join(', ')}`);
  register('./mutate.mjs', import.meta.url, { data: mutant });
}
const tsx = await import('tsx/esm/api');
tsx.register();
register('../cli/source-condition.mjs', import.meta.url);

const { main } = await import('../test/simulate/main.ts');
process.exitCode = await main(process.argv.slice(2));
