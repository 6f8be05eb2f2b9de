import { defineConfig } from 'tsup'
import { library } from '../../tsup.base.js'

export default defineConfig([
  // The worker is loaded by URL, next to the main entry: bundlers find it there and bundle what it imports.
  library(['src/index.ts', 'src/worker.ts'], { platform: 'browser', clean: ['!worker.bundle.*'] }),
  // For pages without a bundler, whose workers cannot import packages by name: all in one file.
  library(
    { 'worker.bundle': 'src/worker.ts' },
    {
      platform: 'browser',
      noExternal: [/./],
      dts: false,
      clean: false,
      minify: true,
      splitting: false,
      // Rollup's pass fails on source maps of packages that carry different builds of the private ones.
      treeshake: false,
      sourcemap: false,
    },
  ),
])
