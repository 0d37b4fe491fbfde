/** `npm run calibrate`: measures how right attribution is, and writes docs/calibration.md and its numbers. */
import { runSource } from './run-source.mjs';

await runSource('test/calibrate/main.ts');
