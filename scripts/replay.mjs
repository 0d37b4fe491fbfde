/** `npm run replay -- gateway` */
import { runSource } from './run-source.mjs';

await runSource('test/replay/main.ts');
