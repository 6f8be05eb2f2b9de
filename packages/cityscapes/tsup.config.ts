import { defineConfig } from 'tsup'
import { library } from '../../tsup.base.js'

// The worker is loaded by path, next to the `/node` entry.
export default defineConfig(
  library({
    index: 'src/index.ts',
    classes: 'src/classes/index.ts',
    node: 'src/node.ts',
    'metrics-worker': 'src/node/evaluate/metrics-worker.ts',
  }),
)
