import { defineConfig } from 'tsup'
import { library } from '../../tsup.base.js'

// The main entry starts the worker by its path: both are at the root of dist.
const entry = { index: 'src/index.ts', worker: 'src/worker/worker.ts' }

export default defineConfig(library(entry, { platform: 'node' }))
