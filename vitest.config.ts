import { defineConfig } from 'vitest/config'
import { bundles } from './tools/test-run/bundles.js'
import { SlowFirst } from './tools/test-run/slow-first.js'
import { slowTests } from './tools/test-run/slow-tests.js'

// Resolves packages to their TypeScript sources, so that tests need no build.
const conditions = ['@inverseform/source']

export default defineConfig({
  plugins: [bundles()],
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    globalSetup: ['packages/testing/src/temporary-cache.ts'],
    setupFiles: ['tools/test-run/quick-equality.ts'],
    // A software GPU compiles each shader on the CPU, which may be busy.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    pool: 'forks',
    maxWorkers: 3,
    sequence: { sequencer: SlowFirst },
    projects: [
      { extends: true, test: { name: 'slow', include: [...slowTests] } },
      {
        extends: true,
        test: {
          name: 'quick',
          include: ['packages/*/test/**/*.test.ts', 'tools/**/*.test.ts'],
          exclude: [...slowTests, '**/node_modules/**'],
          // Files share a process and its modules, which take longer to load than most files to run. So they cannot use `vi.mock`.
          isolate: false,
          // What one file changes does not reach the next.
          restoreMocks: true,
          unstubEnvs: true,
          unstubGlobals: true,
        },
      },
    ],
  },
})
