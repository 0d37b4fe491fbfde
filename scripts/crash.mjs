/** Runs the crash test from its TypeScript source: `npm run crash -- --cycles 100`. */
import { register } from 'node:module';

const tsx = await import('tsx/esm/api');
tsx.register();
register('../cli/source-condition.mjs', import.meta.url);

const { main } = await import('../test/crash/main.ts');
process.exitCode = await main(process.argv.slice(2));
