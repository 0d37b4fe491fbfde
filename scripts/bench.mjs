/** Runs a benchmark from its TypeScript source: `npm run bench -- ledger --seconds 10`. In this process, so that `--cpu-prof` sees it. */
import { register } from 'node:module';

const tsx = await import('tsx/esm/api');
tsx.register();
register('../cli/source-condition.mjs', import.meta.url);

const { main } = await import('../test/bench/main.ts');
process.exitCode = await main(process.argv.slice(2));
