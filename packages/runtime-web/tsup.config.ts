import { defineConfig } from 'tsup'
import { library } from '../../tsup.base.js'

export default defineConfig([
  // The worker is loaded by URL, next to the main entry: bundlers find it there and bundle what it imports.
  library(['src/index.ts', 'src/worker.ts'], { platform: 'browser', clean: ['!*.bundle.*'] }),
  // For pages without a bundler, where packages cannot be imported by name: all of each in one file.
  library(
    { 'index.bundle': 'src/index.ts', 'worker.bundle': 'src/worker.ts' },
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
      // From source: one build of the private packages, and none of the others' needed first.
      esbuildOptions(options) {
        options.conditions = ['@inverseform/source', 'module']
      },
    },
  ),
])
