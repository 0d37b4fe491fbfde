#!/usr/bin/env node
/** The `openledger` command. From a checkout it runs the TypeScript sources as they stand, from any folder. */
import { existsSync } from 'node:fs';
import { register } from 'node:module';

const source = new URL('main.ts', import.meta.url);

if (existsSync(source)) {
  const tsx = await import('tsx/esm/api');
  tsx.register();
  register('./source-condition.mjs', import.meta.url);
}
const { main } = await import(existsSync(source) ? source.href : './dist/main.js');
process.exitCode = await main(process.argv.slice(2));
