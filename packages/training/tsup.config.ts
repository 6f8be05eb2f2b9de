import { defineConfig } from 'tsup'
import { library } from '../../tsup.base.js'

export default defineConfig(
  library({
    index: 'src/index.ts',
    node: 'src/node/index.ts',
    web: 'src/web/index.ts',
    'data-worker': 'src/node/data/data-worker.ts',
  }),
)
