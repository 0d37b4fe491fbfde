import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

type Esbuild = { build(options: object): Promise<unknown> };

/**
 * The load process as one file of JavaScript, by the bundler that `tsx` brings: it begins in a quarter of the time that its
 * sources need, and the run begins a thousand of them.
 */
export async function bundleLoad(folder: string): Promise<string> {
  const ours = createRequire(import.meta.url);
  const esbuild: Esbuild = createRequire(ours.resolve('tsx'))('esbuild');
  const file = join(folder, 'load-process.mjs');
  await esbuild.build({
    ...{ entryPoints: [fileURLToPath(new URL('load-process.ts', import.meta.url))], outfile: file },
    ...{ bundle: true, platform: 'node', format: 'esm', target: 'node20' },
    ...{ conditions: ['openledger'], external: ['pg-native'] },
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
  });
  return file;
}
