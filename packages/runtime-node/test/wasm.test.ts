import { fileURLToPath } from 'node:url'
import { relativeError } from '@inverseform/testing'
import { expect, test } from 'vitest'
import { createSegmenter } from '../src/index.js'

const checkpoint = fileURLToPath(new URL('../../../checkpoints/hrnet16-slim-demo.pth', import.meta.url))

test('WebAssembly gives the results of the native library, for images of several sizes', async () => {
  await using native = await createSegmenter({ checkpoint, device: 'cpu' })
  await using wasm = await createSegmenter({ checkpoint, device: 'wasm', threads: 2 })
  expect(wasm).toMatchObject({ device: 'wasm', precision: 'float32' })
  expect(wasm.attempts).toMatchObject([{ device: 'wasm', outcome: 'used' }])
  for (const [width, height] of [
    [64, 32],
    [97, 65],
  ]) {
    const image = { data: pixels(width * height * 3), width, height }
    const [expected, result] = await Promise.all(
      [native, wasm].map((segmenter) => segmenter.segment(image, { outputs: ['logits'] })),
    )
    expect(relativeError(result.logits, expected.logits)).toBeLessThan(1e-4)
  }
})

test('WebAssembly does not compute in float16', async () => {
  await expect(createSegmenter({ checkpoint, device: 'wasm', precision: 'float16' })).rejects.toMatchObject({
    code: 'invalid-argument',
    message: 'The device wasm does not compute in float16.',
  })
})

const pixels = (length: number) => Uint8Array.from({ length }, (_, i) => (i * 7919) % 251)
