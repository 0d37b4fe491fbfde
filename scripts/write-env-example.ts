/** Writes `.env.example` from the configuration: `npm run env-example`. */
import { writeFileSync } from 'node:fs';
import { environmentExample } from '../server/platform/environment-example.ts';

writeFileSync(new URL('../.env.example', import.meta.url), environmentExample());
