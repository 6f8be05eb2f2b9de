import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { type ByteSink, writeSafetensors } from '@inverseform/backbones'
import { inferenceCheckpoint } from '../../../backbones/test/support/models.js'
import { bundle } from './bundle.js'

const project = (path: string) => readFileSync(new URL(`../../../../${path}`, import.meta.url))

/** hrnet16-slim with weights by hash and its edge head, as the golden outputs were made with. */
async function deterministicCheckpoint(): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  const sink: ByteSink = { write: async (bytes) => void chunks.push(bytes.slice()) }
  await writeSafetensors(inferenceCheckpoint('hrnet16-slim', { edge: true }).tensors.values(), sink)
  return Buffer.concat(chunks)
}

export const DEMO_CHECKPOINT = 'checkpoints/hrnet16-slim-demo.pth'
export const DEMO_IMAGE =
  'tools/demo/cityscapes/leftImg8bit/val/drawnton/drawnton_000000_000019_leftImg8bit.png'

/** All that a page needs: its scripts, ONNX Runtime's files next to them and in a folder, checkpoints and an image. */
export async function siteFiles(): Promise<Map<string, Uint8Array | string>> {
  const ort = dirname(createRequire(import.meta.url).resolve('onnxruntime-web/webgpu'))
  const [mjs, wasm] = ['mjs', 'wasm'].map((ending) =>
    readFileSync(join(ort, `ort-wasm-simd-threaded.asyncify.${ending}`)),
  )
  return new Map<string, Uint8Array | string>([
    ...(await bundle()),
    ['/', '<!doctype html><title>Test</title><script type="module" src="/page.js"></script>'],
    ['/ort-wasm-simd-threaded.asyncify.wasm', wasm],
    ['/ort/ort-wasm-simd-threaded.asyncify.mjs', mjs],
    ['/ort/ort-wasm-simd-threaded.asyncify.wasm', wasm],
    ['/models/deterministic.safetensors', await deterministicCheckpoint()],
    ['/models/demo.pth', project(DEMO_CHECKPOINT)],
    ['/models/text.pth', 'no checkpoint at all'],
    ['/street.png', project(DEMO_IMAGE)],
  ])
}
