import { defineConfig } from 'vitest/config';
import { ClosingLine } from './test/harness/closing-line.ts';

export default defineConfig({
  resolve: { conditions: ['openledger'] },
  ssr: { resolve: { conditions: ['openledger'] } },
  test: {
    include: ['{contracts,protocol,server,sdk,cli,web,test,scripts}/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    reporters: ['default', new ClosingLine()],
    pool: 'forks',
    maxWorkers: 2,
    globalSetup: ['test/harness/postgres-cluster.ts'],
  },
});
