import { copyFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { defineConfig } from 'tsup'
import { library } from '../../tsup.base.js'

// Workers are started by their paths: all are at the root of dist.
const entry = {
  index: 'src/index.ts',
  onnx: 'src/onnx/index.ts',
  worker: 'src/worker/worker.ts',
  'hash-worker': 'src/model-cache/hash-worker.ts',
}

const base = library(entry, { platform: 'node' })

export default defineConfig({
  ...base,
  // onnxruntime-web is 139 MB, of which Node needs a script and the two files beside it, 14 MB.
  noExternal: [...(base.noExternal ?? []), 'onnxruntime-web'],
  async onSuccess() {
    for (const name of ['ort-wasm-simd-threaded.mjs', 'ort-wasm-simd-threaded.wasm']) {
      await copyFile(createRequire(import.meta.url).resolve(`onnxruntime-web/${name}`), `dist/${name}`)
    }
  },
})
