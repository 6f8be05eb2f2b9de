import { defineConfig } from 'tsup'
import { library } from '../../tsup.base.js'

export default defineConfig(
  library({
    index: 'src/index.ts',
    graph: 'src/graph/index.ts',
    onnx: 'src/onnx/index.ts',
    node: 'src/node.ts',
  }),
)
