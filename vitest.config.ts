import { defineConfig } from 'vitest/config'

// Resolves packages to their TypeScript sources, so that tests need no build.
const conditions = ['@inverseform/source']

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ['packages/*/test/**/*.test.ts', 'tools/**/*.test.ts'],
    globalSetup: ['packages/testing/src/temporary-cache.ts'],
    // A software GPU compiles each shader on the CPU, which may be busy.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    pool: 'forks',
    maxWorkers: 2,
  },
})
