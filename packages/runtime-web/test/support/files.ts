import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { type ByteSink, writeSafetensors } from '@inverseform/backbones'
import { inferenceCheckpoint } from '@inverseform/testing'
import { bundle } from './bundle.js'
import type { GoldenModel } from './goldens.js'

/** Reads a file of the repository. */
export const project = (path: string) => readFileSync(new URL(`../../../../${path}`, import.meta.url))

/** Returns the checkpoint that the golden outputs were computed with: deterministic weights and the edge head. */
async function deterministicCheckpoint(model: GoldenModel): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  const sink: ByteSink = { write: async (bytes) => void chunks.push(bytes.slice()) }
  await writeSafetensors(inferenceCheckpoint(model, { edgeHead: true }).tensors.values(), sink)
  return Buffer.concat(chunks)
}

export const DEMO_CHECKPOINT = 'checkpoints/hrnet16-slim-demo.pth'
export const DEMO_IMAGE =
  'tools/demo/cityscapes/leftImg8bit/val/drawnton/drawnton_000000_000019_leftImg8bit.png'

/** Reads one of ONNX Runtime's two files. */
export function ortFile(ending: 'mjs' | 'wasm'): Uint8Array {
  const folder = dirname(createRequire(import.meta.url).resolve('onnxruntime-web/webgpu'))
  return readFileSync(join(folder, `ort-wasm-simd-threaded.asyncify.${ending}`))
}

/** Returns a page with one script, and the file that ONNX Runtime needs there. */
export async function pageOf(script: string): Promise<[path: string, content: Uint8Array | string][]> {
  return [
    ...(await bundle(script)),
    ['/', '<!doctype html><title>Test</title><script type="module" src="/page.js"></script>'],
    ['/ort-wasm-simd-threaded.asyncify.wasm', ortFile('wasm')],
  ]
}

/** Returns a page with ONNX Runtime's files next to it and in a folder, checkpoints and an image. */
export async function siteFiles(): Promise<Map<string, Uint8Array | string>> {
  return new Map<string, Uint8Array | string>([
    ...(await pageOf('page.ts')),
    ['/ort/ort-wasm-simd-threaded.asyncify.mjs', ortFile('mjs')],
    ['/ort/ort-wasm-simd-threaded.asyncify.wasm', ortFile('wasm')],
    ['/models/hrnet16-slim.safetensors', await deterministicCheckpoint('hrnet16-slim')],
    ['/models/hrnet18.safetensors', await deterministicCheckpoint('hrnet18')],
    ['/models/demo.pth', project(DEMO_CHECKPOINT)],
    ['/models/text.pth', 'no checkpoint at all'],
    ['/street.png', project(DEMO_IMAGE)],
  ])
}
