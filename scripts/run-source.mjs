/** Runs the `main` of a TypeScript source with the words of the command line. In this process, so that `--cpu-prof` sees it. */
import { register } from 'node:module';

/** @param {string} source its path from the root */
export async function runSource(source) {
  const tsx = await import('tsx/esm/api');
  tsx.register();
  register('../cli/source-condition.mjs', import.meta.url);
  const { main } = await import(`../${source}`);
  process.exitCode = await main(process.argv.slice(2));
}
