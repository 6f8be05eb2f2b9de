import { defineConfig } from 'tsup'
import { library } from '../../tsup.base.js'

export default defineConfig(
  // The tensor libraries are peers, which tsup leaves out by itself.
  library({
    index: 'src/index.ts',
    array: 'src/array/index.ts',
    tfjs: 'src/tfjs/index.ts',
    jax: 'src/jax/index.ts',
    training: 'src/training/index.ts',
    'small-inverse-net': 'src/losses/inverse-form/small-inverse-net.ts',
  }),
)
