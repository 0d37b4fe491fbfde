/** `npm run chaos -- gateway` */
import { runSource } from './run-source.mjs';

await runSource('test/chaos/main.ts');
