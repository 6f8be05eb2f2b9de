import { defineConfig } from 'vitest/config'

// Packages resolve to their TypeScript sources, so tests need no build.
const conditions = ['@inverseform/source']

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ['packages/*/test/**/*.test.ts', 'tools/**/*.test.ts'],
    // A GPU in software compiles each shader on the CPU, which may be busy.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    pool: 'forks',
    maxWorkers: 2,
  },
})
