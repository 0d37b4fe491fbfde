/** `npm run crash -- --cycles 100` */
import { runSource } from './run-source.mjs';

await runSource('test/crash/main.ts');
