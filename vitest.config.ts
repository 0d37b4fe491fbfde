import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { ClosingLine } from './test/harness/closing-line.ts';

/** Our packages are tested as their sources stand, never as something built before. */
const sourceOf = (name: string) => fileURLToPath(new URL(`./${name}/index.ts`, import.meta.url));
const alias = Object.fromEntries(
  ['contracts', 'protocol', 'sdk'].map((name) => [`@openledger/${name}`, sourceOf(name)]),
);

export default defineConfig({
  resolve: { alias },
  test: {
    include: ['{contracts,protocol,server,sdk,cli,web,test,scripts}/**/*.test.{ts,tsx}'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    reporters: ['default', new ClosingLine()],
    pool: 'forks',
    maxWorkers: 2,
    globalSetup: ['test/harness/postgres-cluster.ts'],
  },
});
