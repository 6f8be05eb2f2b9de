import { defineConfig } from 'tsup'
import { library } from '../../tsup.base.js'

// The worker is loaded by path, next to the main entry.
export default defineConfig(library(['src/index.ts', 'src/worker.ts'], { platform: 'node' }))
