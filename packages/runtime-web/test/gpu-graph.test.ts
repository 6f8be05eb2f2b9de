import {
  buildModel,
  encodeOnnx,
  forWebGpu,
  largestBufferBytes,
  memorySink,
  passes,
  peakActivationBytes,
  type SegmentationModelName,
} from '@inverseform/backbones'
import { expect, test } from 'vitest'
import { deterministicSource } from '../../backbones/test/support/models.js'
import { withoutWeights } from '../src/without-weights.js'

const MEBIBYTE = 2 ** 20
const size = { N: 1, H: 1024, W: 2048 }

test.each<[SegmentationModelName, number, number]>([
  // The stem: 64 channels of 256x512.
  ['hrnet16-slim', 64 / 2, 64 / 2],
  // 270 concatenated channels of 256x512; then the stem: 64 of 512x1024.
  ['hrnet18', 270 / 2, 64 * 2],
  // 1024 concatenated channels of 256x512; then half of them.
  ['ocrnet48', 1024 / 2, 512 / 2],
])('the largest buffer of %s at 1024x2048 is %d MiB, on the GPU %d MiB', (model, plain, onGpu) => {
  const graph = passes.foldBatchNorm(buildModel(model, { parameters: deterministicSource(), edge: true }))
  expect(largestBufferBytes(graph, size) / MEBIBYTE).toBe(plain)
  expect(largestBufferBytes(forWebGpu(graph), size) / MEBIBYTE).toBe(onGpu)
  expect(peakActivationBytes(forWebGpu(graph), size)).toBeLessThanOrEqual(peakActivationBytes(graph, size))
})

test('a graph without its weights is planned with as the whole, and holds none', async () => {
  const source = { parameters: deterministicSource(), edge: true }
  const graph = passes.foldBatchNorm(buildModel('hrnet16-slim', source))
  const bare = withoutWeights(graph)
  for (const rewritten of [(g: typeof graph) => g, forWebGpu]) {
    expect(largestBufferBytes(rewritten(bare), size)).toBe(largestBufferBytes(rewritten(graph), size))
    expect(peakActivationBytes(rewritten(bare), size)).toBe(peakActivationBytes(rewritten(graph), size))
  }
  const model = encodeOnnx(bare)
  await expect(model.write(memorySink(model.byteLength))).rejects.toThrow('without its weights')
})
