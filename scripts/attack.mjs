/** `npm run attack`: what each attack on attribution gains; with --write into docs/attacks.md. */
import { runSource } from './run-source.mjs';

await runSource('test/attack/main.ts');
