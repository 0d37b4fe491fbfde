/** `npm run bench -- ledger --seconds 10` */
import { runSource } from './run-source.mjs';

await runSource('test/bench/main.ts');
