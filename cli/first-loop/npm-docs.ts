/** The first loop's own source: the documentation of the packages that this checkout has installed. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { npmTreeDrafts } from '../importers/npm-tree.ts';
import type { Source } from './gather.ts';

/** The adapter learns these packages' way of writing. */
const chosen = new Set([
  ...[
    'zod',
    'hono',
    'viem',
    'pg',
    'vite',
    'vitest',
    'react',
    'typescript',
    'fast-check',
    'ajv',
    'openai',
  ],
  ...[
    'solc',
    'tsx',
    'esbuild',
    'graphile-worker',
    'onnxruntime-node',
    'dependency-cruiser',
    'knip',
  ],
  ...[
    'playwright-core',
    'hash-wasm',
    '@noble/curves',
    '@noble/hashes',
    'ws',
    'semver',
    'picomatch',
  ],
]);

export const npmDocs = (): Source => ({
  name: 'npm-docs',
  title: 'Documentation of the installed npm packages',
  drafts: () => npmTreeDrafts(nodeModulesFolder()),
  isSpecial: ({ source }) => chosen.has(source?.package ?? ''),
});

/** The nearest `node_modules` above this file that holds packages. */
function nodeModulesFolder(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const candidate = join(folder, 'node_modules');
    if (existsSync(join(candidate, 'zod'))) return candidate;
    if (folder === dirname(folder))
      throw new Error('There is no node_modules folder to read from.');
  }
}
