import { expect, expectTypeOf, test } from 'vitest'
import type { WebSegmenter } from '../src/index.js'
import { type SegmenterOptions, segmenterSettings } from '../src/options.js'

const checkpoint = new Uint8Array(8)

test('options have defaults', () => {
  expect(segmenterSettings({ checkpoint })).toEqual({
    checkpoint,
    edgeHead: false,
    devices: ['webgpu', 'wasm'],
    precision: 'auto',
    selfCheck: 'refuse',
    selfCheckCache: true,
    threads: 0,
  })
})

test('a named device is the only one', () => {
  const { devices, selfCheckCache } = segmenterSettings({ checkpoint, device: 'wasm', selfCheckCache: false })
  expect({ devices, selfCheckCache }).toEqual({ devices: ['wasm'], selfCheckCache: false })
})

test.each<[string, Record<string, unknown>]>([
  [
    '`checkpoint` is the name of a published model, hrnet18. Pages cannot download it: the release allows no other site to read its files.',
    { checkpoint: 'hrnet18' },
  ],
  [
    '`checkpoint` must be a URL, a Blob or File, or the bytes of a .pth, .safetensors or .onnx file, got 7.',
    { checkpoint: 7 },
  ],
  [
    '`checkpoint` must be a URL, a Blob or File, or the bytes of a .pth, .safetensors or .onnx file, got Float32Array of 2 elements.',
    { checkpoint: new Float32Array(2) },
  ],
  ['`cache` must be true or false, got "no".', { cache: 'no' }],
  ['`sha256` must be the 64 hexadecimal digits of a SHA-256, got "abc".', { sha256: 'abc' }],
  ['`edgeHead` must be true or false, got 1.', { edgeHead: 1 }],
  ['`numClasses` must be an integer from 1 to 4096, got 0.', { numClasses: 0 }],
  ["`precision` must be one of 'auto', 'float32' or 'float16', got \"int8\".", { precision: 'int8' }],
  ["`selfCheck` must be one of 'refuse', 'warn' or 'skip', got false.", { selfCheck: false }],
  ['`selfCheckCache` must be true or false, got "no".', { selfCheckCache: 'no' }],
  ['`threads` must be an integer from 0 to 1024, got 1.5.', { threads: 1.5 }],
  ['`memoryBudget` must be a number of bytes above 0, got 0.', { memoryBudget: 0 }],
  ['`wasmPaths` must be a URL or an object { mjs, wasm } of URLs, got 7.', { wasmPaths: 7 }],
  ['`worker` must be a function, got "worker.js".', { worker: 'worker.js' }],
  ['`onProgress` must be a function, got true.', { onProgress: true }],
])('%s', (message, options) => {
  expect(() => segmenterSettings({ checkpoint, ...options } as SegmenterOptions)).toThrow(
    expect.objectContaining({ code: 'invalid-argument', message }),
  )
})

test('options must be an object, and the device must be known', () => {
  expect(() => segmenterSettings(undefined as unknown as SegmenterOptions)).toThrow(
    '`options` must be an object with a `checkpoint`, got undefined.',
  )
  expect(() => segmenterSettings({ checkpoint, device: 'cuda' as 'wasm' })).toThrow(
    expect.objectContaining({
      code: 'runtime-unavailable',
      message: "`device` must be one of 'auto', 'webgpu' or 'wasm', got \"cuda\".",
    }),
  )
})

test('results have the maps that are requested', () => {
  const segment = (segmenter: WebSegmenter) => segmenter.segment('a.png')
  const segmentEdges = (segmenter: WebSegmenter) =>
    segmenter.segment('a.png', { outputs: ['labels', 'edges'] })
  type Labeled = Awaited<ReturnType<typeof segment>>
  type WithEdges = Awaited<ReturnType<typeof segmentEdges>>
  expectTypeOf<Labeled['labels']>().toEqualTypeOf<Uint8Array | Uint16Array>()
  expectTypeOf<Labeled>().not.toHaveProperty('edges')
  expectTypeOf<WithEdges['edges']>().toEqualTypeOf<Float32Array>()
  expectTypeOf<WithEdges>().not.toHaveProperty('logits')
})
